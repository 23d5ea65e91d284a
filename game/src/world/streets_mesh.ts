/**
 * Roads and their marks, flat on the ground.
 *
 * The marks are merged like all else: 11,000 instances of one small plane took 95 ms a picture without a
 * GPU, the same faces merged and cut into pieces take none that can be measured.
 */

import * as THREE from "three";

import { litColor, onScreen, type Rgb } from "./light";
import { Pieces, type Tile, type WrappedMesh } from "./pieces";

/** A street as `city.json` has it. */
export interface StreetEntry {
  readonly axis: "x" | "z";
  readonly center: number;
  readonly width: number;
  readonly start: number;
  readonly end: number;
  readonly interrupts: readonly (readonly [number, number])[];
}

const ROAD_Y_M = 0.02;
const MARK_Y_M = 0.03;
const DASH_M = 3;
const PERIOD_M = 6;
const DASH_WIDTH_M = 0.3;
const EDGE_WIDTH_M = 0.15;
const EDGE_INSET_M = 0.3;
const ROAD = litColor(new THREE.Color(0x2a2a2a), [0, 1, 0]);
const DASH = onScreen(new THREE.Color(0xdaa520));
const EDGE = onScreen(new THREE.Color(0xcccccc));

/** A rectangle along a street. */
interface Strip {
  readonly from: number;
  readonly to: number;
  readonly across: number;
  readonly width: number;
}

/** The roads' surface with its marks; within a piece the marks come after the roads. */
export function streetMeshes(streets: readonly StreetEntry[], tile: Tile, material: THREE.Material): WrappedMesh[] {
  const pieces = new Pieces(tile);
  const lay = ({ axis }: StreetEntry, { from, to, across, width }: Strip, y: number, color: Rgb): void => {
    const [low, high] = [across - width / 2, across + width / 2];
    if (axis === "z") pieces.flat([low, from], [high, to], y, color);
    else pieces.flat([from, low], [to, high], y, color);
  };
  for (const street of streets) {
    const { start, end, center, width } = street;
    lay(street, { from: start, to: end, across: center, width }, ROAD_Y_M, ROAD);
  }
  for (const street of streets) {
    for (const dash of dashes(street)) lay(street, dash, MARK_Y_M, DASH);
    for (const edge of edges(street)) lay(street, edge, MARK_Y_M, EDGE);
  }
  return pieces.meshes(material);
}

/** The stretches between crossings. */
function stretches({ start, end, interrupts }: StreetEntry): [from: number, to: number][] {
  const found: [number, number][] = [];
  let from = start;
  for (const [low, high] of interrupts) {
    if (low > from) found.push([from, low]);
    from = Math.max(from, high);
  }
  if (from < end) found.push([from, end]);
  return found;
}

function dashes(street: StreetEntry): Strip[] {
  return stretches(street).flatMap(([begin, end]) =>
    Array.from({ length: Math.floor((end - begin) / PERIOD_M) }, (_, k) => {
      const from = begin + (k + 0.5) * PERIOD_M - DASH_M / 2;
      return { from, to: from + DASH_M, across: street.center, width: DASH_WIDTH_M };
    }),
  );
}

function edges(street: StreetEntry): Strip[] {
  const aside = street.width / 2 - EDGE_INSET_M;
  return stretches(street).flatMap(([from, to]) =>
    [-aside, aside].map((offset) => ({ from, to, across: street.center + offset, width: EDGE_WIDTH_M })),
  );
}
