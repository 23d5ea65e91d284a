/** Changes of a scenario file as pure functions on its JSON. */

import type { At } from "../scenario/fields";
import type { Place } from "../scenario/model";
import { type Handle, placeAt } from "./handles";
import { headingPlace, rotationTowards } from "./heading";
import { isList, type Json, listAt, numberAt, valueAt, withValue } from "./json";

const DECIMALS = 100;
const ANGLE_DECIMALS = 100_000;
const NEW_TARGET_AHEAD_M = 100;
const NEW_TARGET_RADIUS_M = 15;

/** Put what a handle holds elsewhere, to the centimetre; a joined segment comes along. */
export function moved(file: Json, handle: Handle, to: Place): Json {
  if (to[0] === handle.place[0] && to[1] === handle.place[1]) return file;
  if (handle.kind === "heading") return turned(file, handle.at, to);
  return [handle.at, ...handle.joined].reduce((changed, at) => placedAt(changed, at, to), file);
}

function placedAt(file: Json, at: At, [x, z]: Place): Json {
  const [nameX, nameZ] = isList(valueAt(file, at)) ? [0, 1] : ["x", "z"];
  const half = withValue(file, [...at, nameX ?? 0], rounded(x, DECIMALS));
  return withValue(half, [...at, nameZ ?? 1], rounded(z, DECIMALS));
}

function turned(file: Json, at: At, towards: Place): Json {
  const from = placeAt(file, at);
  if (from === null) return file;
  return withValue(file, [...at, "rotation"], rounded(rotationTowards(from, towards), ANGLE_DECIMALS));
}

/** A length as files have it. */
export function centimetres(valueM: number): number {
  return rounded(valueM, DECIMALS);
}

function rounded(value: number, decimals: number): number {
  return Math.round(value * decimals) / decimals + 0;
}

/** Another way to win; only `reach_position` has a target, which then starts ahead of the player. */
export function withCondition(file: Json, type: string): Json {
  const at = ["successCondition"];
  const named = withValue(file, [...at, "type"], type);
  if (type !== "reach_position") return withValue(named, [...at, "target"], undefined);
  if (placeAt(file, [...at, "target"]) !== null) return named;
  const spawn = placeAt(file, ["playerSpawn"]) ?? [0, 0];
  const ahead = headingPlace(spawn, numberAt(file, ["playerSpawn", "rotation"]) ?? 0, NEW_TARGET_AHEAD_M);
  const target = { x: rounded(ahead[0], DECIMALS), z: rounded(ahead[1], DECIMALS), radius: NEW_TARGET_RADIUS_M };
  return withValue(named, [...at, "target"], target);
}

/** One more waypoint at a trajectory's end: a second later, as far on as the last stretch went. */
export function withWaypoint(file: Json, entity: number): Json {
  const at = ["entities", entity, "trajectory"];
  const points = listAt(file, at);
  const last = points.at(-1);
  const end = placeAt(file, [...at, points.length - 1]);
  if (last === undefined || end === null) return file;
  const before = placeAt(file, [...at, points.length - 2]) ?? [end[0], end[1] - 5];
  const time = numberAt(last, ["time"]) ?? 0;
  const x = rounded(2 * end[0] - before[0], DECIMALS);
  const z = rounded(2 * end[1] - before[1], DECIMALS);
  return withValue(file, at, [...points, { time: time + 1, x, z, rotation: numberAt(last, ["rotation"]) ?? 0 }]);
}

/** What a field of the form says: numbers as numbers, anything else as the text that it is. */
export function typedValue(text: string, kind: "number" | "text"): Json {
  const value = Number(text);
  return kind === "number" && text.trim() !== "" && Number.isFinite(value) ? value : text;
}
