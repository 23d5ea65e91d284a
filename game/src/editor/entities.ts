/** Adding, removing and renaming entities; waves and triggers that name them follow. */

import type { ActorKind } from "../actors";
import { centimetres } from "./edits";
import { placeAt } from "./handles";
import { headingPlace } from "./heading";
import { type Json, listAt, numberAt, textAt, valueAt, withValue } from "./json";
import { wayOf } from "./lines";

export const KINDS = ["vehicle", "pedestrian", "bicycle", "obstacle", "emergency_worker"] as const satisfies readonly ActorKind[];

interface Looks {
  readonly color: string;
  readonly dimensions: { readonly width: number; readonly height: number; readonly depth: number };
  /** How fast a new one goes; 0 stands. */
  readonly speedMps: number;
}

const LOOKS: Record<ActorKind, Looks> = {
  vehicle: { color: "#1e88e5", dimensions: { width: 2, height: 1.5, depth: 4 }, speedMps: 8 },
  pedestrian: { color: "#ffeb3b", dimensions: { width: 0.5, height: 1.8, depth: 0.5 }, speedMps: 1.4 },
  bicycle: { color: "#00e676", dimensions: { width: 0.8, height: 1.2, depth: 2 }, speedMps: 5 },
  obstacle: { color: "#ff5722", dimensions: { width: 1.5, height: 0.8, depth: 1.5 }, speedMps: 0 },
  emergency_worker: { color: "#ff6f00", dimensions: { width: 0.5, height: 1.8, depth: 0.5 }, speedMps: 1.4 },
};
const AHEAD_M = 40;
const NEW_WAY_S = 5;

/** One more entity, 40 m ahead of the player's start and looking as the player does. */
export function withEntity(file: Json, kind: ActorKind): Json {
  const entities = listAt(file, ["entities"]);
  const { color, dimensions, speedMps } = LOOKS[kind];
  const rotation = numberAt(file, ["playerSpawn", "rotation"]) ?? 0;
  const start = headingPlace(placeAt(file, ["playerSpawn"]) ?? [0, 0], rotation, AHEAD_M);
  const waypoint = (time: number): Json => {
    const [x, z] = headingPlace(start, rotation, speedMps * time);
    return { time, x: centimetres(x), z: centimetres(z), rotation };
  };
  const trajectory = speedMps === 0 ? [waypoint(0)] : [waypoint(0), waypoint(NEW_WAY_S)];
  const id = freeId(kind.replace("_", "-"), idsOf(file, "entities"));
  return withValue(file, ["entities"], [...entities, { id, type: kind, color, dimensions, trajectory }]);
}

/**
 * One entity fewer. Waves lose it, and end where they start nobody else; a trigger that waited for the
 * player to come near it goes on waiting at the place where it began.
 */
export function withoutEntity(file: Json, entity: number): Json {
  const id = textAt(file, ["entities", entity, "id"]);
  const [place] = wayOf(file, entity);
  const waves = listAt(file, ["waves"]).flatMap((wave): Json[] => {
    const left = listAt(wave, ["entities"]).filter((name) => name !== id);
    if (left.length === 0) return [];
    const kept = withValue(wave, ["entities"], left);
    if (textAt(kept, ["trigger", "entity"]) !== id || place === undefined) return [kept];
    return [withValue(withValue(kept, ["trigger", "entity"], undefined), ["trigger", "place"], [...place])];
  });
  return withWaves(withValue(file, ["entities", entity], undefined), waves);
}

/** Another id for an entity, in all places that name it. */
export function withEntityId(file: Json, entity: number, id: string): Json {
  const before = textAt(file, ["entities", entity, "id"]);
  const waves = listAt(file, ["waves"]).map((wave) => {
    const names = listAt(wave, ["entities"]).map((name) => (name === before ? id : name));
    const renamed = withValue(wave, ["entities"], names);
    if (textAt(wave, ["trigger", "entity"]) !== before) return renamed;
    return withValue(renamed, ["trigger", "entity"], id);
  });
  return withWaves(withValue(file, ["entities", entity, "id"], id), waves);
}

/** The file with these waves; a file that has none, and shall have none, keeps having no such field. */
export function withWaves(file: Json, waves: readonly Json[]): Json {
  if (waves.length === 0) return withValue(file, ["waves"], undefined);
  return withValue(file, ["waves"], [...waves]);
}

/** The ids of the file's entities or waves. */
export function idsOf(file: Json, what: "entities" | "waves"): string[] {
  return listAt(file, [what]).map((each) => textAt(each, ["id"]));
}

/** `name-1`, or the next number that is free. */
export function freeId(name: string, taken: readonly string[]): string {
  const number = Array.from({ length: taken.length + 1 }, (_, k) => k + 1).find((k) => !taken.includes(`${name}-${k}`));
  return `${name}-${number ?? taken.length + 1}`;
}

/** Whether an entity has such a way. */
export function hasWay(file: Json, entity: number, kind: "trajectory" | "path"): boolean {
  return valueAt(file, ["entities", entity, kind]) !== undefined;
}
