/**
 * What of a scenario can be grabbed on the map, where it is, and which one is under the pointer.
 *
 * Reads the file's JSON without trusting it: what has no place yet has no handle.
 */

import type { At } from "../scenario/fields";
import type { Place } from "../scenario/model";
import { headingPlace } from "./heading";
import { isList, type Json, listAt, numberAt, textAt, valueAt } from "./json";
import { type ScreenPoint, type Size, toScreen, type View } from "./view";

export type HandleKind = "spawn" | "heading" | "target" | "waypoint" | "path" | "corner" | "place";

export interface Handle {
  readonly kind: HandleKind;
  /** Of the value with the place: `{x, z}` or `[x, z]`. */
  readonly at: At;
  /** Further values with the same place, such as the start of the next segment. */
  readonly joined: readonly At[];
  readonly place: Place;
  /** Whose it is, by index in the file; null where it is no entity's. */
  readonly entity: number | null;
}

/** All handles; what lies on top comes last. */
export function handlesOf(file: Json): readonly Handle[] {
  return [
    ...handleAt(file, "target", ["successCondition", "target"]),
    ...listAt(file, ["waves"]).flatMap((_, wave) => triggerHandles(file, ["waves", wave, "trigger"])),
    ...listAt(file, ["entities"]).flatMap((_, entity) => entityHandles(file, entity)),
    ...spawnHandles(file),
  ];
}

/** The place that a value `{x, z}` or `[x, z]` names; null where it names none. */
export function placeAt(file: Json, at: At): Place | null {
  const names = isList(valueAt(file, at)) ? ([0, 1] as const) : (["x", "z"] as const);
  const x = numberAt(file, [...at, names[0]]);
  const z = numberAt(file, [...at, names[1]]);
  return x === null || z === null ? null : [x, z];
}

function handleAt(file: Json, kind: HandleKind, at: At, entity: number | null = null, joined: readonly At[] = []): Handle[] {
  const place = placeAt(file, at);
  return place === null ? [] : [{ kind, at, joined, place, entity }];
}

function spawnHandles(file: Json): Handle[] {
  const at = ["playerSpawn"];
  const place = placeAt(file, at);
  const rotation = numberAt(file, [...at, "rotation"]);
  if (place === null || rotation === null) return handleAt(file, "spawn", at);
  const tip = headingPlace(place, rotation);
  return [...handleAt(file, "spawn", at), { kind: "heading", at, joined: [], place: tip, entity: null }];
}

function triggerHandles(file: Json, at: At): Handle[] {
  switch (textAt(file, [...at, "type"])) {
    case "distance":
      return handleAt(file, "place", [...at, "place"]);
    case "position":
      return ["low", "high"].flatMap((corner) => handleAt(file, "corner", [...at, corner]));
    default:
      return [];
  }
}

function entityHandles(file: Json, entity: number): Handle[] {
  const waypoints: At = ["entities", entity, "trajectory"];
  return [
    ...listAt(file, waypoints).flatMap((_, k) => handleAt(file, "waypoint", [...waypoints, k], entity)),
    ...pathHandles(file, entity),
  ];
}

/** A segment's first point is the last one of the segment before it: one handle for both. */
function pathHandles(file: Json, entity: number): Handle[] {
  const segments: At = ["entities", entity, "path", "segments"];
  const pointAt = (segment: number, point: number): At => [...segments, segment, "points", point];
  return listAt(file, segments).flatMap((_, segment) => {
    const points = listAt(file, [...segments, segment, "points"]);
    return points.flatMap((_, point) => {
      if (segment > 0 && point === 0) return [];
      const follows = point === points.length - 1 && valueAt(file, pointAt(segment + 1, 0)) !== undefined;
      return handleAt(file, "path", pointAt(segment, point), entity, follows ? [pointAt(segment + 1, 0)] : []);
    });
  });
}

/** The handle under the pointer: of the selected entity first, then the nearest, then the topmost. */
export function handleUnder(
  handles: readonly Handle[],
  view: View,
  size: Size,
  pointer: ScreenPoint,
  selected: number | null,
  reachPx = 9,
): Handle | null {
  let best: Handle | null = null;
  let bestPx = reachPx;
  const own = handles.filter((handle) => handle.entity !== null && handle.entity === selected);
  for (const handle of handles) {
    const px = distancePx(handle, view, size, pointer);
    if (px <= bestPx) [best, bestPx] = [handle, px];
  }
  const ownBest = own.filter((handle) => distancePx(handle, view, size, pointer) <= reachPx).at(-1);
  return ownBest ?? best;
}

function distancePx({ place }: Handle, view: View, size: Size, [xPx, yPx]: ScreenPoint): number {
  const [x, y] = toScreen(view, size, place);
  return Math.hypot(x - xPx, y - yPx);
}
