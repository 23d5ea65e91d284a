/** Which part of the ground the canvas shows: north up, the game's x to the right and z down. */

import type { Place } from "../scenario/model";

/** Canvas pixels, CSS. */
export interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

export type ScreenPoint = readonly [xPx: number, yPx: number];

/** The place in the canvas's middle, and the scale. */
export interface View {
  readonly x: number;
  readonly z: number;
  readonly pxPerM: number;
}

const LEAST_PX_PER_M = 0.2;
const MOST_PX_PER_M = 60;

export function toScreen(view: View, { widthPx, heightPx }: Size, [x, z]: Place): ScreenPoint {
  return [widthPx / 2 + (x - view.x) * view.pxPerM, heightPx / 2 + (z - view.z) * view.pxPerM];
}

export function toGame(view: View, { widthPx, heightPx }: Size, [xPx, yPx]: ScreenPoint): Place {
  return [view.x + (xPx - widthPx / 2) / view.pxPerM, view.z + (yPx - heightPx / 2) / view.pxPerM];
}

/** The ground follows the pointer. */
export function panned(view: View, dxPx: number, dyPx: number): View {
  return { ...view, x: view.x - dxPx / view.pxPerM, z: view.z - dyPx / view.pxPerM };
}

/** Larger or smaller by a factor; the place under the pointer stays there. */
export function zoomed(view: View, size: Size, pointer: ScreenPoint, factor: number): View {
  const [x, z] = toGame(view, size, pointer);
  const pxPerM = Math.min(Math.max(view.pxPerM * factor, LEAST_PX_PER_M), MOST_PX_PER_M);
  const share = view.pxPerM / pxPerM;
  return { x: x + (view.x - x) * share, z: z + (view.z - z) * share, pxPerM };
}

/** All places, with a margin around them. */
export function fitted(places: readonly Place[], { widthPx, heightPx }: Size, marginM = 25): View {
  if (places.length === 0) return { x: 0, z: 0, pxPerM: 1 };
  const [lowX, highX] = span(places.map(([x]) => x));
  const [lowZ, highZ] = span(places.map(([, z]) => z));
  const scale = Math.min(widthPx / (highX - lowX + 2 * marginM), heightPx / (highZ - lowZ + 2 * marginM));
  const pxPerM = Math.min(Math.max(scale, LEAST_PX_PER_M), MOST_PX_PER_M);
  return { x: (lowX + highX) / 2, z: (lowZ + highZ) / 2, pxPerM };
}

function span(values: readonly number[]): readonly [low: number, high: number] {
  return [Math.min(...values), Math.max(...values)];
}
