/**
 * All buildings, found by place: a grid of 32 m cells, each with the polygons whose box meets it.
 *
 * The trade: 4,800 footprints fill about 15,000 cell entries (some milliseconds at loading), so that a
 * query tests a handful of polygons instead of all. Python's `world/collision/footprints.py` is the same.
 */

import {
  boxHitsPolygon,
  circleHitsPolygon,
  distance2ToRing,
  halfDiagonal,
  pointInPolygon,
  type Ring,
} from "./polygons";
import { sinCos } from "../trig";

export const CELL_M = 32;

/** Cells are numbered `column * ROWS + row`; exact in a double for any city below 100 km. */
const ROWS = 1 << 20;

interface Bounds {
  readonly lowX: number;
  readonly lowY: number;
  readonly highX: number;
  readonly highY: number;
}

interface Footprint {
  readonly ring: Ring;
  readonly bounds: Bounds;
}

/** Immovable polygons. */
export class StaticIndex {
  private readonly footprints: readonly Footprint[];
  private readonly cells = new Map<number, number[]>();

  /** @param rings - Flat rings in world axes, not closed. */
  constructor(rings: readonly Ring[]) {
    this.footprints = rings.map((ring) => ({ ring, bounds: boundsOf(ring) }));
    this.footprints.forEach(({ bounds }, number) => {
      forEachCell(bounds.lowX, bounds.highX, bounds.lowY, bounds.highY, (cell) => this.put(cell, number));
    });
  }

  /** How many polygons there are. */
  get size(): number {
    return this.footprints.length;
  }

  /** Polygons whose bounding box comes within a distance of a point, in ascending order. */
  near(xM: number, yM: number, reachM: number): number[] {
    const found = new Set<number>();
    forEachCell(xM - reachM, xM + reachM, yM - reachM, yM + reachM, (cell) => {
      for (const number of this.cells.get(cell) ?? []) {
        if (withinReach(this.footprint(number).bounds, xM, yM, reachM)) found.add(number);
      }
    });
    return [...found].sort((a, b) => a - b);
  }

  /** Whether a point lies in a polygon. */
  contains(xM: number, yM: number): boolean {
    return this.near(xM, yM, 0).some((number) => pointInPolygon(xM, yM, this.footprint(number).ring));
  }

  /** The first polygon that a circle touches, or -1. */
  hitsCircle(xM: number, yM: number, radiusM: number): number {
    const hits = (number: number): boolean => circleHitsPolygon(xM, yM, radiusM, this.footprint(number).ring);
    return this.near(xM, yM, radiusM).find(hits) ?? -1;
  }

  /** The first polygon that an oriented box touches, or -1. */
  hitsBox(xM: number, yM: number, yawRad: number, lengthM: number, widthM: number): number {
    const [sin, cos] = sinCos(yawRad);
    const hits = (number: number): boolean =>
      boxHitsPolygon(xM, yM, sin, cos, lengthM / 2, widthM / 2, this.footprint(number).ring);
    return this.near(xM, yM, halfDiagonal(lengthM, widthM)).find(hits) ?? -1;
  }

  /** Distance to the nearest polygon, 0 inside one, `atMostM` where none is nearer. */
  clearanceM(xM: number, yM: number, atMostM: number): number {
    let least2 = atMostM * atMostM;
    for (const number of this.near(xM, yM, atMostM)) {
      const { ring } = this.footprint(number);
      if (pointInPolygon(xM, yM, ring)) return 0;
      least2 = Math.min(least2, distance2ToRing(xM, yM, ring));
    }
    return Math.sqrt(least2);
  }

  private put(cell: number, number: number): void {
    const there = this.cells.get(cell);
    if (there === undefined) this.cells.set(cell, [number]);
    else there.push(number);
  }

  private footprint(number: number): Footprint {
    // Numbers come from the cells, which the constructor filled with valid ones.
    return this.footprints[number]!;
  }
}

/**
 * Answers "nothing can be near" without asking the index, until the car has gone that far.
 *
 * Conservative advancement: after a query that found the nearest wall at distance c, a car of radius r
 * cannot touch anything before it has moved c - r.
 */
export class ClearanceGate {
  private xM = 0;
  private yM = 0;
  private free2 = -1;

  /**
   * @param index - The walls.
   * @param radiusM - Of the circle around the car.
   * @param reachM - How far a query looks.
   */
  constructor(
    private readonly index: StaticIndex,
    private readonly radiusM: number,
    private readonly reachM = 25,
  ) {}

  /** True where no wall can touch the car; false means: look. */
  isClear(xM: number, yM: number): boolean {
    const dx = xM - this.xM;
    const dy = yM - this.yM;
    if (dx * dx + dy * dy < this.free2) return true;
    const freeM = this.index.clearanceM(xM, yM, this.reachM) - this.radiusM;
    if (freeM <= 0) {
      this.free2 = -1;
      return false;
    }
    this.xM = xM;
    this.yM = yM;
    this.free2 = freeM * freeM;
    return true;
  }
}

function forEachCell(lowX: number, highX: number, lowY: number, highY: number, visit: (cell: number) => void): void {
  const lastColumn = Math.floor(highX / CELL_M);
  const lastRow = Math.floor(highY / CELL_M);
  for (let column = Math.floor(lowX / CELL_M); column <= lastColumn; column++) {
    for (let row = Math.floor(lowY / CELL_M); row <= lastRow; row++) visit(column * ROWS + row);
  }
}

function withinReach(box: Bounds, xM: number, yM: number, reachM: number): boolean {
  const besideX = box.lowX - reachM <= xM && xM <= box.highX + reachM;
  return besideX && box.lowY - reachM <= yM && yM <= box.highY + reachM;
}

function boundsOf(ring: Ring): Bounds {
  const xs = ring.filter((_, k) => k % 2 === 0);
  const ys = ring.filter((_, k) => k % 2 === 1);
  return { lowX: Math.min(...xs), lowY: Math.min(...ys), highX: Math.max(...xs), highY: Math.max(...ys) };
}
