/**
 * The street network of `world/data/streets.json`: lanes, connectors through crossings, and where a car is.
 *
 * The file's rows are explained in Python's `world/streets/export.py`, which makes it. Right-hand traffic;
 * one driving lane per direction. Rows become world axes once, here.
 */

import { worldPoint } from "../axes";
import { atan2, wrap } from "../trig";
import { type Bend, headingOf, LaneShape, type Point } from "./lane_shape";

/** Navigation commands, with the CARLA Leaderboard's RoadOption values. */
export const Command = { left: 1, right: 2, straight: 3, followLane: 4 } as const;
export type Command = (typeof Command)[keyof typeof Command];

/** One driving lane between two crossings, or a connector through one. */
export interface Lane {
  /** Index in the network; the same as in Python. */
  readonly laneId: number;
  readonly shape: LaneShape;
  readonly widthM: number;
  readonly speedLimitMps: number;
  /** Crossing it comes from, or -1 at the map's edge. */
  readonly fromCrossing: number;
  /** Crossing it leads to, or -1 at the map's edge. */
  readonly toCrossing: number;
  /** For a connector left, right or straight; `followLane` otherwise. */
  readonly turn: Command;
  /** Lanes (connectors for a lane, lanes for a connector) that continue it. */
  readonly successors: readonly number[];
}

/** Where two corridors meet: an axis-aligned rectangle. */
export interface Crossing {
  readonly xM: number;
  readonly yM: number;
  readonly halfXM: number;
  readonly halfYM: number;
}

/** How well a lane explains a car's pose. */
export interface LaneFit {
  readonly lane: Lane;
  /** Distance along it, within its length. */
  readonly alongM: number;
  /** Distance from its centre line, to the right positive. */
  readonly offsetM: number;
  /** Squared distance, with the error of heading counted as a distance; less is better. */
  readonly costM2: number;
}

/** A streets file that makes no network; the message names file and row. */
export class StreetsFileError extends Error {
  override readonly name = "StreetsFileError";
}

const CELL_M = 64;
const ROWS = 1 << 20;
/** A squared heading error of 1 rad^2 counts like 4 m, as in Python's lane locator. */
const HEADING_M2 = 16;

/** All lanes and crossings of a city. */
export class StreetNetwork {
  private readonly cells = new Map<number, Lane[]>();

  constructor(
    readonly lanes: readonly Lane[],
    readonly crossings: readonly Crossing[],
  ) {
    for (const lane of lanes) this.put(lane);
  }

  /** The lane of an id. */
  lane(laneId: number): Lane {
    const lane = this.lanes[laneId];
    if (lane === undefined) throw new RangeError(`lane ${laneId}: there are lanes 0 to ${this.lanes.length - 1}`);
    return lane;
  }

  /**
   * The lane that fits a car best in place and heading.
   *
   * On a street the car's heading decides between its two lanes, so an overtaking car keeps its own.
   */
  nearest(xM: number, yM: number, yawRad: number): LaneFit {
    const around = this.around(xM, yM);
    const [first, ...rest] = around.length > 0 ? around : this.lanes;
    if (first === undefined) throw new StreetsFileError("the city has no streets: 0 lanes (minimum 2)");
    let best = fitOf(first, xM, yM, yawRad);
    for (const lane of rest) {
      const fit = fitOf(lane, xM, yM, yawRad);
      if (fit.costM2 < best.costM2) best = fit;
    }
    return best;
  }

  /** All lanes that may come within 64 m of a point. */
  private around(xM: number, yM: number): Lane[] {
    const found = new Set<Lane>();
    for (let column = Math.floor(xM / CELL_M) - 1; column <= Math.floor(xM / CELL_M) + 1; column++) {
      for (let row = Math.floor(yM / CELL_M) - 1; row <= Math.floor(yM / CELL_M) + 1; row++) {
        for (const lane of this.cells.get(column * ROWS + row) ?? []) found.add(lane);
      }
    }
    return [...found];
  }

  /** File a lane under the cells of the box around its ends; a quarter circle stays inside. */
  private put(lane: Lane): void {
    const { start, end } = lane.shape;
    const cell = (value: number): number => Math.floor(value / CELL_M);
    for (let column = cell(Math.min(start[0], end[0])); column <= cell(Math.max(start[0], end[0])); column++) {
      for (let row = cell(Math.min(start[1], end[1])); row <= cell(Math.max(start[1], end[1])); row++) {
        const there = this.cells.get(column * ROWS + row);
        if (there === undefined) this.cells.set(column * ROWS + row, [lane]);
        else there.push(lane);
      }
    }
  }
}

/** How well a lane explains a pose. */
export function fitOf(lane: Lane, xM: number, yM: number, yawRad: number): LaneFit {
  const { alongM, offsetM, yawRad: laneYawRad } = lane.shape.project(xM, yM);
  const { lengthM } = lane.shape;
  const turned = wrap(yawRad - laneYawRad);
  const beyondM = alongM < 0 ? -alongM : Math.max(0, alongM - lengthM);
  const costM2 = offsetM * offsetM + beyondM * beyondM + HEADING_M2 * turned * turned;
  return { lane, alongM: Math.min(Math.max(alongM, 0), lengthM), offsetM, costM2 };
}

/**
 * The network in a streets file's content.
 *
 * @param data - Parsed `streets.json`.
 * @param file - What to call the file in messages.
 * @throws StreetsFileError - Naming the list and row that is wrong.
 */
export function streetNetwork(data: unknown, file = "streets.json"): StreetNetwork {
  const rows = rowsOf(data, file);
  const lanes = rows.lanes.map(straightLane);
  rows.connectors.forEach((row, number) => {
    const [before, after] = [lanes[row[0]!], lanes[row[1]!]];
    if (before === undefined || after === undefined) {
      throw new StreetsFileError(`${file}: connectors[${number}]: there is no lane ${row[before ? 1 : 0]}`);
    }
    before.successors.push(lanes.length + number);
  });
  const connectors = rows.connectors.map((row, number) => connectorOf(row, lanes.length + number, lanes));
  return new StreetNetwork([...lanes, ...connectors], rows.crossings.map(crossingOf));
}

type Row = readonly number[];
type Rows = Readonly<Record<"lanes" | "connectors" | "crossings", readonly Row[]>>;
type OpenLane = Lane & { readonly successors: number[] };

const WIDTHS = { lanes: 8, connectors: 4, crossings: 4 } as const;

function rowsOf(data: unknown, file: string): Rows {
  const content = typeof data === "object" && data !== null ? (data as Record<string, unknown>) : {};
  if (content["version"] !== 1) throw new StreetsFileError(`${file}: version is ${String(content["version"])}, not 1`);
  const list = (name: keyof typeof WIDTHS): readonly Row[] => checkedRows(content[name], `${file}: ${name}`, WIDTHS[name]);
  return { lanes: list("lanes"), connectors: list("connectors"), crossings: list("crossings") };
}

function checkedRows(value: unknown, where: string, width: number): readonly Row[] {
  if (!Array.isArray(value)) throw new StreetsFileError(`${where}: missing or no list`);
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) && row.length === width && row.every((part) => Number.isFinite(part));
  const bad = value.findIndex((row: unknown) => !isRow(row));
  if (bad >= 0) throw new StreetsFileError(`${where}[${bad}]: must be ${width} numbers`);
  return value as Row[];
}

// `checkedRows` has counted the columns of each row.
function straightLane(row: Row, laneId: number): OpenLane {
  const start = worldPoint(row[0]!, row[1]!);
  const end = worldPoint(row[2]!, row[3]!);
  return {
    laneId,
    shape: LaneShape.between(start, end, headingOf(directionOf(start, end)), 0),
    widthM: row[4]!,
    speedLimitMps: row[5]!,
    fromCrossing: row[6]!,
    toCrossing: row[7]!,
    turn: Command.followLane,
    successors: [],
  };
}

function directionOf(start: Point, end: Point): number {
  return atan2(end[1] - start[1], end[0] - start[0]);
}

function connectorOf(row: Row, laneId: number, lanes: readonly Lane[]): Lane {
  const before = lanes[row[0]!]!;
  const after = lanes[row[1]!]!;
  const turn = row[2] as Command;
  const crossing = row[3]!;
  const bend: Bend = turn === Command.right ? 1 : turn === Command.left ? -1 : 0;
  return {
    laneId,
    shape: LaneShape.between(before.shape.end, after.shape.start, before.shape.heading, bend),
    widthM: Math.min(before.widthM, after.widthM),
    speedLimitMps: Math.min(before.speedLimitMps, after.speedLimitMps),
    fromCrossing: crossing,
    toCrossing: crossing,
    turn,
    successors: [after.laneId],
  };
}

function crossingOf(row: Row): Crossing {
  const [xM, yM] = worldPoint(row[0]!, row[1]!);
  return { xM, yM, halfXM: row[3]!, halfYM: row[2]! };
}
