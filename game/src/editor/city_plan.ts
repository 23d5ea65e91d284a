/** Streets and buildings of `city.json` as outlines on the ground, buildings in tiles of 240 m. */

import type { Place } from "../scenario/model";
import { type Json, listAt, numberAt, textAt } from "./json";

export const TILE_M = 240;

export interface StreetRect {
  readonly x: number;
  readonly z: number;
  readonly width: number;
  readonly depth: number;
  /** The centre line. */
  readonly middle: readonly [from: Place, to: Place];
}

/** Buildings that begin in one square of the ground. */
export interface Tile {
  readonly x: number;
  readonly z: number;
  readonly rings: readonly (readonly Place[])[];
}

export interface CityPlan {
  readonly streets: readonly StreetRect[];
  readonly tiles: readonly Tile[];
}

/** The plan of a parsed city file; what is no outline is left out, for this is only a backdrop. */
export function cityPlan(city: Json): CityPlan {
  const tiles = new Map<string, { x: number; z: number; rings: Place[][] }>();
  for (const building of listAt(city, ["buildings"])) {
    const ring = listAt(building, ["vertices"]).flatMap((point) => placeOf(point));
    const [first] = ring;
    if (first === undefined) continue;
    const [x, z] = first.map((value) => Math.floor(value / TILE_M) * TILE_M) as [number, number];
    const name = `${x}/${z}`;
    const tile = tiles.get(name) ?? { x, z, rings: [] };
    tile.rings.push(ring);
    tiles.set(name, tile);
  }
  return { streets: listAt(city, ["streets"]).flatMap((street) => streetOf(street)), tiles: [...tiles.values()] };
}

function placeOf(point: Json): Place[] {
  const [x, z] = [numberAt(point, [0]), numberAt(point, [1])];
  return x === null || z === null ? [] : [[x, z]];
}

function streetOf(street: Json): StreetRect[] {
  const [center, width] = [numberAt(street, ["center"]), numberAt(street, ["width"])];
  const [start, end] = [numberAt(street, ["start"]), numberAt(street, ["end"])];
  if (center === null || width === null || start === null || end === null) return [];
  const low = center - width / 2;
  if (textAt(street, ["axis"]) === "z") {
    return [{ x: low, z: start, width, depth: end - start, middle: [[center, start], [center, end]] }];
  }
  return [{ x: start, z: low, width: end - start, depth: width, middle: [[start, center], [end, center]] }];
}
