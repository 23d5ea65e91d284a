/**
 * Exact tests of points, circles and boxes against one polygon; scalar, for the few candidates left.
 *
 * A ring is flat, `[x0, y0, x1, y1, ...]`, not closed, in either orientation, of at least 3 points;
 * so every index below its length is there, and the `!` in the loops say no more than that.
 */

import { sinCos } from "../trig";

export type Ring = Float64Array;

const PERIMETER = Array.from({ length: 8 }, (_, k) => sinCos(k * 0.7853981633974483));

/** Ray casting; a point on the boundary may count either way. */
export function pointInPolygon(x: number, y: number, ring: Ring): boolean {
  let inside = false;
  let ax = ring[ring.length - 2]!;
  let ay = ring[ring.length - 1]!;
  for (let k = 0; k < ring.length; k += 2) {
    const bx = ring[k]!;
    const by = ring[k + 1]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    ax = bx;
    ay = by;
  }
  return inside;
}

/** Squared distance from a point to a polygon's boundary. */
export function distance2ToRing(x: number, y: number, ring: Ring): number {
  let least = 1e300;
  let ax = ring[ring.length - 2]!;
  let ay = ring[ring.length - 1]!;
  for (let k = 0; k < ring.length; k += 2) {
    const bx = ring[k]!;
    const by = ring[k + 1]!;
    least = Math.min(least, distance2ToSegment(x - ax, y - ay, bx - ax, by - ay));
    ax = bx;
    ay = by;
  }
  return least;
}

/** Squared distance of a point from a segment that starts at the origin. */
function distance2ToSegment(px: number, py: number, dx: number, dy: number): number {
  const length2 = dx * dx + dy * dy;
  let t = length2 > 0 ? (px * dx + py * dy) / length2 : 0;
  if (t <= 0) return px * px + py * py;
  t = Math.min(t, 1);
  const ex = px - t * dx;
  const ey = py - t * dy;
  return ex * ex + ey * ey;
}

/**
 * The game's rule: the centre inside, or one of 8 perimeter points, or an edge meets the circle.
 *
 * Centre and edges alone are exact; the perimeter points end the test early for deep contacts.
 */
export function circleHitsPolygon(x: number, y: number, radiusM: number, ring: Ring): boolean {
  if (pointInPolygon(x, y, ring)) return true;
  for (const [sin, cos] of PERIMETER) {
    if (pointInPolygon(x + radiusM * cos, y + radiusM * sin, ring)) return true;
  }
  return distance2ToRing(x, y, ring) <= radiusM * radiusM;
}

/**
 * An oriented box against a polygon: an edge enters the box, or the box lies inside.
 *
 * Edges are turned into the box's frame and clipped (Liang and Barsky 1984).
 */
export function boxHitsPolygon(
  x: number,
  y: number,
  sin: number,
  cos: number,
  halfLength: number,
  halfWidth: number,
  ring: Ring,
): boolean {
  let px = ring[ring.length - 2]! - x;
  let py = ring[ring.length - 1]! - y;
  let ax = px * cos + py * sin;
  let ay = py * cos - px * sin;
  for (let k = 0; k < ring.length; k += 2) {
    px = ring[k]! - x;
    py = ring[k + 1]! - y;
    const bx = px * cos + py * sin;
    const by = py * cos - px * sin;
    if (segmentEnters(ax, ay, bx, by, halfLength, halfWidth)) return true;
    ax = bx;
    ay = by;
  }
  return pointInPolygon(x, y, ring);
}

function segmentEnters(ax: number, ay: number, bx: number, by: number, halfX: number, halfY: number): boolean {
  if ((ax > halfX && bx > halfX) || (ax < -halfX && bx < -halfX)) return false;
  if ((ay > halfY && by > halfY) || (ay < -halfY && by < -halfY)) return false;
  const alongX = clip(ax, bx - ax, halfX);
  if (alongX === null || alongX[0] > alongX[1]) return false;
  const alongY = clip(ay, by - ay, halfY);
  if (alongY === null) return false;
  return Math.max(alongX[0], alongY[0]) <= Math.min(alongX[1], alongY[1]);
}

type Span = readonly [enter: number, leave: number];

const WHOLE: Span = [0, 1];

/** The part of a segment within a slab, clamped to the segment; null where it runs beside the slab. */
function clip(start: number, delta: number, half: number): Span | null {
  if (delta === 0) return Math.abs(start) > half ? null : WHOLE;
  const low = (-half - start) / delta;
  const high = (half - start) / delta;
  return [Math.max(0, Math.min(low, high)), Math.min(1, Math.max(low, high))];
}

/** Radius of the circle around a box. */
export function halfDiagonal(lengthM: number, widthM: number): number {
  return 0.5 * Math.sqrt(lengthM * lengthM + widthM * widthM);
}
