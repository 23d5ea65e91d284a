/** The reference cases of `world/data/parity.json`, which Python's `world/parity` explains and writes. */

import { worldData } from "./world_data";

export type Row = readonly number[];
export type Event = readonly [tick: number, what: string, whom: string];

export interface DriveCase {
  readonly name: string;
  readonly kind: "free" | "walls" | "scenario";
  readonly scenario: string | null;
  readonly start: readonly [xM: number, yM: number, yawRad: number, speedMps: number];
  readonly ticksPerS: number;
  readonly ticks: number;
  readonly keys: readonly (readonly [tick: number, held: string])[];
  readonly mouse: readonly (readonly [tick: number, dxPx: number])[];
  readonly sampleEvery: number;
  /** Tick, x, y, yaw, speed, front wheels' angle. */
  readonly samples: readonly Row[];
  /** Tick, count, sums of x, y, yaw and speed. */
  readonly crowds: readonly Row[];
  readonly events: readonly Event[];
}

export interface Refusal {
  readonly file?: object;
  readonly change: object;
  readonly message: string | null;
}

export interface Way {
  readonly lanes: readonly number[];
  /** X, Y, number of the lane within the way, command. */
  readonly points: readonly (readonly [xM: number, yM: number, lane: number, command: number])[];
}

export interface ParityCases {
  readonly version: 1;
  readonly drives: readonly DriveCase[];
  readonly trig: readonly Row[];
  readonly walls: { readonly rings: number; readonly points: number; readonly sha256: string };
  readonly queries: readonly Row[];
  readonly lanes: readonly Row[];
  readonly ways: readonly Way[];
  readonly refusals: readonly Refusal[];
}

export const cases = worldData("parity.json") as ParityCases;
