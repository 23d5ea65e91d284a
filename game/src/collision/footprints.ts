/**
 * All buildings, found by place: a grid of 32 m cells, each with the polygons whose box meets it.
 *
 * The trade: 4,800 footprints fill about 15,000 cell entries (some milliseconds at loading), so that a
 * query tests a handful of polygons instead of all. Python's `world/collision/footprints.py` is the same.
 *
 * The drawn city repeats in both directions, and so do its walls: a query is moved to the home tile,
 * around which copies of the polygons near its edges stand.
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
/** How far around the home tile copies stand, and so the farthest look of a query where walls repeat. */
export const MARGIN_M = 64;

/** Cells are numbered `column * ROWS + row`; exact in a double for any city below 100 km. */
const ROWS = 1 << 20;

interface Bounds {
  readonly lowX: number;
  readonly lowY: number;
  readonly highX: number;
  readonly highY: number;
}

interface Footprint {
  /** Of the polygon; copies have their original's. */
  readonly number: number;
  readonly ring: Ring;
  readonly bounds: Bounds;
}

/** Periods along X and Y at which the world repeats; the home tile's middle is the origin. */
export type TileM = readonly [xM: number, yM: number];

/** A point's place in the home tile; where nothing repeats, the point. */
export function atHome(tileM: TileM | null, xM: number, yM: number): readonly [xM: number, yM: number] {
  if (tileM === null) return [xM, yM];
  const [tileX, tileY] = tileM;
  return [xM - Math.floor(xM / tileX + 0.5) * tileX, yM - Math.floor(yM / tileY + 0.5) * tileY];
}

/** Immovable polygons. */
export class StaticIndex {
  /** How many polygons there are, copies not counted. */
  readonly size: number;
  private readonly footprints: readonly Footprint[];
  private readonly cells = new Map<number, number[]>();

  /**
   * @param rings - Flat rings in world axes, not closed.
   * @param tileM - At which periods they repeat; null: they stand once.
   */
  constructor(
    rings: readonly Ring[],
    private readonly tileM: TileM | null = null,
  ) {
    this.size = rings.length;
    const originals = rings.map((ring, number) => ({ number, ring, bounds: boundsOf(ring) }));
    this.footprints = tileM === null ? originals : [...originals, ...copiesOf(originals, tileM)];
    this.footprints.forEach(({ bounds }, place) => {
      forEachCell(bounds.lowX, bounds.highX, bounds.lowY, bounds.highY, (cell) => this.put(cell, place));
    });
  }

  /** Whether a point lies in a polygon. */
  contains(xM: number, yM: number): boolean {
    const [x, y] = atHome(this.tileM, xM, yM);
    return this.near(x, y, 0).some(({ ring }) => pointInPolygon(x, y, ring));
  }

  /** The first polygon that a circle touches, or -1. */
  hitsCircle(xM: number, yM: number, radiusM: number): number {
    const [x, y] = atHome(this.tileM, xM, yM);
    return this.near(x, y, radiusM).find(({ ring }) => circleHitsPolygon(x, y, radiusM, ring))?.number ?? -1;
  }

  /** The first polygon that an oriented box touches, or -1. */
  hitsBox(xM: number, yM: number, yawRad: number, lengthM: number, widthM: number): number {
    const [sin, cos] = sinCos(yawRad);
    const [x, y] = atHome(this.tileM, xM, yM);
    const hits = ({ ring }: Footprint): boolean => boxHitsPolygon(x, y, sin, cos, lengthM / 2, widthM / 2, ring);
    return this.near(x, y, halfDiagonal(lengthM, widthM)).find(hits)?.number ?? -1;
  }

  /** Distance to the nearest polygon, 0 inside one, `atMostM` where none is nearer. */
  clearanceM(xM: number, yM: number, atMostM: number): number {
    const [x, y] = atHome(this.tileM, xM, yM);
    let least2 = atMostM * atMostM;
    for (const { ring } of this.near(x, y, atMostM)) {
      if (pointInPolygon(x, y, ring)) return 0;
      least2 = Math.min(least2, distance2ToRing(x, y, ring));
    }
    return Math.sqrt(least2);
  }

  /** What comes, by its bounding box, within a distance of a point at home; in order, copies last. */
  private near(xM: number, yM: number, reachM: number): Footprint[] {
    if (this.tileM !== null && reachM > MARGIN_M) {
      throw new RangeError(`a look of ${reachM} m is too far where walls repeat (limit ${MARGIN_M} m)`);
    }
    const found = new Set<number>();
    forEachCell(xM - reachM, xM + reachM, yM - reachM, yM + reachM, (cell) => {
      for (const place of this.cells.get(cell) ?? []) {
        if (withinReach(this.footprint(place).bounds, xM, yM, reachM)) found.add(place);
      }
    });
    return [...found].sort((a, b) => a - b).map((place) => this.footprint(place));
  }

  private put(cell: number, place: number): void {
    const there = this.cells.get(cell);
    if (there === undefined) this.cells.set(cell, [place]);
    else there.push(place);
  }

  private footprint(place: number): Footprint {
    // Places come from the cells, which the constructor filled with valid ones.
    return this.footprints[place]!;
  }
}

/** The repetitions that come within the margin of the home tile. */
function copiesOf(originals: readonly Footprint[], [tileX, tileY]: TileM): Footprint[] {
  const home = { lowX: -tileX / 2, lowY: -tileY / 2, highX: tileX / 2, highY: tileY / 2 };
  const around = [-1, 0, 1].flatMap((dx) => [-1, 0, 1].map((dy) => [dx, dy] as const)).filter(([dx, dy]) => dx !== 0 || dy !== 0);
  return originals.flatMap(({ number, ring }) =>
    around.flatMap(([dx, dy]): Footprint[] => {
      const moved = ring.map((value, k) => value + (k % 2 === 0 ? dx * tileX : dy * tileY));
      const bounds = boundsOf(moved);
      return meet(bounds, home, MARGIN_M) ? [{ number, ring: moved, bounds }] : [];
    }),
  );
}

function meet(box: Bounds, other: Bounds, marginM: number): boolean {
  const besideX = box.lowX <= other.highX + marginM && box.highX >= other.lowX - marginM;
  return besideX && box.lowY <= other.highY + marginM && box.highY >= other.lowY - marginM;
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
