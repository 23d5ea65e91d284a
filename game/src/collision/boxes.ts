/** Oriented boxes against each other; scalar and exact, as in Python's `world/collision/boxes.py`. */

import { sinCos } from "../trig";

/** Anything with a box on the ground: a car, an actor. */
export interface BoxLike {
  readonly xM: number;
  readonly yM: number;
  readonly yawRad: number;
  readonly lengthM: number;
  readonly widthM: number;
}

/** An oriented rectangle; mutable, because its car moves. */
export interface Box extends BoxLike {
  xM: number;
  yM: number;
  yawRad: number;
}

export type Move = readonly [dxM: number, dyM: number];

const NO_MOVE: Move = [0, 0];

/** Whether two boxes overlap (separating axes). */
export function boxesTouch(a: BoxLike, b: BoxLike): boolean {
  return leastPush(a, b) !== null;
}

/** The shortest move of `a` that separates it from `b`; [0, 0] where they do not overlap. */
export function resolveBox(a: BoxLike, b: BoxLike): Move {
  return leastPush(a, b) ?? NO_MOVE;
}

/** Whether a circle meets a box: its centre in the box's frame, clamped to the box. */
export function circleTouchesBox(xM: number, yM: number, radiusM: number, box: BoxLike): boolean {
  const [sin, cos] = sinCos(box.yawRad);
  const dx = xM - box.xM;
  const dy = yM - box.yM;
  const along = Math.max(Math.abs(dx * cos + dy * sin) - box.lengthM / 2, 0);
  const aside = Math.max(Math.abs(dy * cos - dx * sin) - box.widthM / 2, 0);
  return along * along + aside * aside <= radiusM * radiusM;
}

/** Minimal translation of `a` out of `b`, or null where an axis separates them. */
function leastPush(a: BoxLike, b: BoxLike): Move | null {
  const dx = a.xM - b.xM;
  const dy = a.yM - b.yM;
  const reach = 0.5 * (a.lengthM + a.widthM + b.lengthM + b.widthM);
  if (Math.abs(dx) > reach || Math.abs(dy) > reach) return null;
  let best = 1e300;
  let push: Move = NO_MOVE;
  for (const [axisX, axisY, reachM] of separatingAxes(a, b)) {
    const apart = dx * axisX + dy * axisY;
    const deep = reachM - Math.abs(apart);
    if (deep < 0) return null;
    if (deep < best) {
      const way = apart >= 0 ? 1 : -1;
      best = deep;
      push = [way * deep * axisX, way * deep * axisY];
    }
  }
  return push;
}

type Axis = readonly [axisX: number, axisY: number, reachM: number];

/** Each box's two axes, and how far both boxes together reach along them. */
function separatingAxes(a: BoxLike, b: BoxLike): readonly Axis[] {
  const [sinA, cosA] = sinCos(a.yawRad);
  const [sinB, cosB] = sinCos(b.yawRad);
  const cos = Math.abs(cosA * cosB + sinA * sinB);
  const sin = Math.abs(sinA * cosB - cosA * sinB);
  const al = a.lengthM / 2;
  const aw = a.widthM / 2;
  const bl = b.lengthM / 2;
  const bw = b.widthM / 2;
  return [
    [cosA, sinA, al + bl * cos + bw * sin],
    [-sinA, cosA, aw + bl * sin + bw * cos],
    [cosB, sinB, bl + al * cos + aw * sin],
    [-sinB, cosB, bw + al * sin + aw * cos],
  ];
}
