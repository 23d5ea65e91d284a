/** Where the files of `world/data` lie, the same that Python reads; and reading them. */

import carUrl from "../../world/data/car.json?url";
import cityUrl from "../../world/data/city.json?url";
import controlsUrl from "../../world/data/controls.json?url";
import streetsUrl from "../../world/data/streets.json?url";

const SCENARIO_URLS = import.meta.glob<string>("../../world/data/scenarios/*.json", {
  query: "?url",
  import: "default",
  eager: true,
});

/** A file of the world that could not be read. */
export class AssetError extends Error {}

async function read(url: string, name: string): Promise<unknown> {
  const answer = await fetch(url);
  if (!answer.ok) throw new AssetError(`${name} could not be loaded (HTTP ${answer.status}); reload the page`);
  return answer.json();
}

/** The four files that every drive needs; what they hold is for their readers to check. */
export async function readWorld(): Promise<{ car: unknown; city: unknown; controls: unknown; streets: unknown }> {
  const [car, city, controls, streets] = await Promise.all([
    read(carUrl, "car.json"),
    read(cityUrl, "city.json"),
    read(controlsUrl, "controls.json"),
    read(streetsUrl, "streets.json"),
  ]);
  return { car, city, controls, streets };
}

const ids = new Map(
  Object.entries(SCENARIO_URLS).map(([path, url]) => [path.replace(/^.*\/|\.json$/g, ""), url]),
);

/** The shipped scenarios' ids, in order. */
export const SCENARIO_IDS: readonly string[] = [...ids.keys()].sort();

/** A shipped scenario's file. */
export async function readScenario(id: string): Promise<unknown> {
  const url = ids.get(id);
  if (url === undefined) {
    throw new AssetError(`there is no scenario ${id}; known are ${SCENARIO_IDS.join(", ")}`);
  }
  return read(url, `${id}.json`);
}
