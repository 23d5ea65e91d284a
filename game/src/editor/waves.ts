/** Adding, removing and changing waves: which trigger starts the clocks of which entities. */

import { centimetres } from "./edits";
import { freeId, idsOf, withWaves } from "./entities";
import { placeAt } from "./handles";
import { headingPlace } from "./heading";
import { type Json, listAt, numberAt, textAt, withValue } from "./json";

export const TRIGGERS = ["time", "distance", "position"] as const;
export type TriggerKind = (typeof TRIGGERS)[number];

/** The choice in an entity's form that means no wave. */
export const NO_WAVE = "the scenario";

const NEW_TIME_S = 5;
const NEW_AHEAD_M = 60;
const NEW_WITHIN_M = 30;
const NEW_HALF_SIDE_M = 10;

/** One more wave, after 5 s, that starts one entity; the entity leaves the wave in which it was. */
export function withWave(file: Json, entity: number): Json {
  const id = freeId("wave", idsOf(file, "waves"));
  const name = textAt(file, ["entities", entity, "id"]);
  const left = withoutName(file, name);
  return withWaves(left, [...listAt(left, ["waves"]), { id, trigger: { type: "time", time: NEW_TIME_S }, entities: [name] }]);
}

/** One wave fewer; its entities' clocks start with the scenario. */
export function withoutWave(file: Json, wave: number): Json {
  return withWaves(file, listAt(file, ["waves"]).toSpliced(wave, 1));
}

/** The entity's clock starts with this wave, or with the scenario; a wave that starts nobody ends. */
export function withEntityInWave(file: Json, entity: number, wave: string): Json {
  const name = textAt(file, ["entities", entity, "id"]);
  const joined = listAt(file, ["waves"]).map((each) => {
    const others = listAt(each, ["entities"]).filter((other) => other !== name);
    return withValue(each, ["entities"], textAt(each, ["id"]) === wave ? [...others, name] : others);
  });
  return withWaves(file, joined.filter((each) => listAt(each, ["entities"]).length > 0));
}

/** Another kind of trigger, ahead of the player's start where it is about a place. */
export function withTrigger(file: Json, wave: number, type: string): Json {
  return withValue(file, ["waves", wave, "trigger"], triggerOf(file, type));
}

function triggerOf(file: Json, type: string): Json {
  const rotation = numberAt(file, ["playerSpawn", "rotation"]) ?? 0;
  const [x, z] = headingPlace(placeAt(file, ["playerSpawn"]) ?? [0, 0], rotation, NEW_AHEAD_M).map(centimetres) as [number, number];
  switch (type) {
    case "distance":
      return { type, within: NEW_WITHIN_M, place: [x, z] };
    case "position": {
      const r = NEW_HALF_SIDE_M;
      return { type, low: [centimetres(x - r), centimetres(z - r)], high: [centimetres(x + r), centimetres(z + r)] };
    }
    default:
      return { type: "time", time: NEW_TIME_S };
  }
}

function withoutName(file: Json, name: string): Json {
  const left = listAt(file, ["waves"]).flatMap((wave): Json[] => {
    const others = listAt(wave, ["entities"]).filter((other) => other !== name);
    return others.length === 0 ? [] : [withValue(wave, ["entities"], others)];
  });
  return withWaves(file, left);
}
