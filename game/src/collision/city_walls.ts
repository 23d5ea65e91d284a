/**
 * The outlines of `world/data/city.json` as walls in world axes, the numbers that Python's loader makes.
 *
 * A building's ring loses its repeated last point, (x, z) becomes (-z, x), and the ring runs clockwise
 * seen from above (positive shoelace in X, Y). Nothing is rounded or repaired. Walls repeat as the city does.
 */

import { StaticIndex, type TileM } from "./footprints";
import type { Ring } from "./polygons";

/** What is used of the city file. */
export interface CityOutlines {
  readonly tileWidth: number;
  readonly tileDepth: number;
  readonly buildings: readonly { readonly vertices: readonly (readonly [x: number, z: number])[] }[];
}

/** A city file whose buildings make no walls; the message names file and field. */
export class CityFileError extends Error {
  override readonly name = "CityFileError";
}

const MIN_AREA_M2 = 1e-4;

/**
 * All buildings as an index.
 *
 * @param city - Parsed `city.json`.
 * @param file - What to call the file in messages.
 * @throws CityFileError - Naming the first building whose outline is wrong.
 */
export function cityWalls(city: unknown, file = "city.json"): StaticIndex {
  return new StaticIndex(cityRings(city, file), cityTile(city, file));
}

/** The periods along X and Y at which the city repeats: its depth along z, its width along x. */
export function cityTile(city: unknown, file = "city.json"): TileM {
  const [depth, width] = [field(city, "tileDepth"), field(city, "tileWidth")];
  const isSize = (value: unknown): value is number => typeof value === "number" && value > 0 && Number.isFinite(value);
  if (!isSize(depth) || !isSize(width)) throw new CityFileError(`${file}: tileWidth, tileDepth: must be lengths above 0`);
  return [depth, width];
}

/** The flat rings of all buildings, in the file's order. */
export function cityRings(city: unknown, file = "city.json"): Ring[] {
  const buildings = field(city, "buildings");
  if (!Array.isArray(buildings)) throw new CityFileError(`${file}: buildings: missing or no list`);
  return buildings.map((building: unknown, number) => {
    const where = `${file}: buildings[${number}].vertices`;
    return ringOf(pointsOf(field(building, "vertices"), where), where);
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

type Place = readonly [x: number, z: number];

function pointsOf(value: unknown, where: string): readonly Place[] {
  if (!Array.isArray(value)) throw new CityFileError(`${where}: missing or no list`);
  const bad = value.findIndex((place: unknown) => !isPlace(place));
  if (bad >= 0) throw new CityFileError(`${where}[${bad}]: must be two numbers (it is ${JSON.stringify(value[bad])})`);
  const distinct = new Set(value.map((place: Place) => `${place[0]} ${place[1]}`)).size;
  if (distinct < 3) throw new CityFileError(`${where}: ${distinct} distinct points (minimum 3)`);
  return value as Place[];
}

function isPlace(value: unknown): value is Place {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isFinite(part));
}

function ringOf(closed: readonly Place[], where: string): Ring {
  const first = closed[0]!;
  const last = closed[closed.length - 1]!;
  const open = first[0] === last[0] && first[1] === last[1] ? closed.slice(0, -1) : closed;
  const ring = Float64Array.from(open.flatMap(([x, z]) => [-z, x]));
  const area = areaM2(ring);
  if (Math.abs(area) < MIN_AREA_M2) throw new CityFileError(`${where}: the outline has no area`);
  return area > 0 ? ring : reversed(ring);
}

/** Signed area, relative to the first point: far from the origin the products lose the area's digits. */
function areaM2(ring: Ring): number {
  const x0 = ring[0]!;
  const y0 = ring[1]!;
  let twice = 0;
  for (let k = 0; k < ring.length; k += 2) {
    const next = (k + 2) % ring.length;
    twice += (ring[k]! - x0) * (ring[next + 1]! - y0) - (ring[next]! - x0) * (ring[k + 1]! - y0);
  }
  return twice / 2;
}

function reversed(ring: Ring): Ring {
  const result = new Float64Array(ring.length);
  for (let k = 0; k < ring.length; k += 2) {
    result[k] = ring[ring.length - 2 - k]!;
    result[k + 1] = ring[ring.length - 1 - k]!;
  }
  return result;
}
