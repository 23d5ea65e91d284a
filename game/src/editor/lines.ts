/** The lines that entities draw on the ground, and which entity's line is under the pointer. */

import { gamePoint, worldPoint } from "../axes";
import type { Place } from "../scenario/model";
import { Bezier, type Curve } from "../scenario/path";
import { placeAt } from "./handles";
import { type Json, listAt, textAt } from "./json";
import { type ScreenPoint, type Size, toScreen, type View } from "./view";

const BEZIER_PIECES = 24;

/** An entity's way over the ground, start to end; of a single place where it only stands. */
export function wayOf(file: Json, entity: number): readonly Place[] {
  const trajectory = ["entities", entity, "trajectory"];
  const points = listAt(file, trajectory).map((_, k) => placeAt(file, [...trajectory, k]));
  const segments = ["entities", entity, "path", "segments"];
  return [...points.filter((place) => place !== null), ...listAt(file, segments).flatMap((segment) => segmentWay(segment))];
}

function segmentWay(segment: Json): Place[] {
  const points = listAt(segment, ["points"]).map((_, k) => placeAt(segment, ["points", k]));
  const [a, b, c, d] = points;
  if (textAt(segment, ["type"]) !== "bezier") return points.filter((place) => place !== null);
  return a && b && c && d ? curveWay([worldPoint(...a), worldPoint(...b), worldPoint(...c), worldPoint(...d)]) : [];
}

function curveWay(curve: Curve): Place[] {
  const bezier = new Bezier(0, 1, curve);
  return Array.from({ length: BEZIER_PIECES + 1 }, (_, k) => {
    const { xM, yM } = bezier.at(k / BEZIER_PIECES);
    return gamePoint(xM, yM);
  });
}

/** The entity whose line is nearest to the pointer; null where none is within reach. */
export function entityUnder(file: Json, view: View, size: Size, pointer: ScreenPoint, reachPx = 7): number | null {
  let best: number | null = null;
  let bestPx = reachPx;
  listAt(file, ["entities"]).forEach((_, entity) => {
    const way = wayOf(file, entity).map((place) => toScreen(view, size, place));
    const px = distanceToLinePx(way, pointer);
    if (px <= bestPx) [best, bestPx] = [entity, px];
  });
  return best;
}

function distanceToLinePx(way: readonly ScreenPoint[], pointer: ScreenPoint): number {
  const [only] = way;
  if (only === undefined) return Infinity;
  const pieces = way.slice(1).map((to, k) => distanceToPiecePx(way[k] ?? to, to, pointer));
  return Math.min(distanceToPiecePx(only, only, pointer), ...pieces);
}

function distanceToPiecePx([ax, ay]: ScreenPoint, [bx, by]: ScreenPoint, [px, py]: ScreenPoint): number {
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  const share = squared === 0 ? 0 : Math.min(Math.max(((px - ax) * dx + (py - ay) * dy) / squared, 0), 1);
  return Math.hypot(ax + share * dx - px, ay + share * dy - py);
}
