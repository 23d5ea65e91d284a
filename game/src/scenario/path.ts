/**
 * Where a staged entity is at a moment of its clock: straight stretches and cubic Beziers.
 *
 * A Bezier is driven at constant speed: a table of 32 chords gives the parameter of a distance (error
 * below 0.1 % of a bend of 90 degrees). The operations are those of Python's `world/scenario/path.py`.
 */

import { worldPoint, worldYaw } from "../axes";
import { atan2, hypot, wrap } from "../trig";
import type { Entity, Path, Waypoint } from "./model";

const CHORDS = 32;

/** World position, heading and speed. */
export interface Pose {
  readonly xM: number;
  readonly yM: number;
  readonly yawRad: number;
  readonly speedMps: number;
}

/** A pose in the world at a time. */
interface Moment {
  readonly timeS: number;
  readonly xM: number;
  readonly yM: number;
  readonly yawRad: number;
}

/** A part of a motion, from `startS` to `endS`. */
export interface Stretch {
  readonly startS: number;
  readonly endS: number;
  /** The pose at a time within the stretch. */
  at(tS: number): Pose;
}

/** A stretch at constant speed and turning rate. */
export class Straight implements Stretch {
  readonly startS: number;

  constructor(
    private readonly from: Moment,
    readonly endS: number,
    private readonly vxMps: number,
    private readonly vyMps: number,
    private readonly turnRadps: number,
    private readonly speedMps: number,
  ) {
    this.startS = from.timeS;
  }

  /** From one moment to another; the heading turns the short way round. */
  static between(a: Moment, b: Moment): Straight {
    const dtS = b.timeS - a.timeS;
    const vxMps = (b.xM - a.xM) / dtS;
    const vyMps = (b.yM - a.yM) / dtS;
    return new Straight(a, b.timeS, vxMps, vyMps, wrap(b.yawRad - a.yawRad) / dtS, hypot(vxMps, vyMps));
  }

  /** Standing at a place. */
  static still(at: Moment): Straight {
    return new Straight(at, at.timeS, 0, 0, 0, 0);
  }

  at(tS: number): Pose {
    const dtS = tS - this.startS;
    return {
      xM: this.from.xM + this.vxMps * dtS,
      yM: this.from.yM + this.vyMps * dtS,
      yawRad: this.from.yawRad + this.turnRadps * dtS,
      speedMps: this.speedMps,
    };
  }
}

export type WorldPoint = readonly [xM: number, yM: number];
export type Curve = readonly [WorldPoint, WorldPoint, WorldPoint, WorldPoint];

/** A cubic Bezier at constant speed. */
export class Bezier implements Stretch {
  private readonly lengthsM: readonly number[];

  constructor(
    readonly startS: number,
    readonly endS: number,
    private readonly points: Curve,
  ) {
    this.lengthsM = lengthsOf(points);
  }

  at(tS: number): Pose {
    const total = this.lengthsM[CHORDS]!;
    const gone = (total * (tS - this.startS)) / (this.endS - this.startS);
    const u = this.parameter(gone);
    const [xM, yM] = pointAt(this.points, u);
    const [dx, dy] = directionAt(this.points, Math.min(Math.max(u, 1e-3), 1 - 1e-3));
    return { xM, yM, yawRad: atan2(dy, dx), speedMps: total / (this.endS - this.startS) };
  }

  /** The curve's parameter after a distance. */
  private parameter(goneM: number): number {
    const chord = Math.min(Math.max(bisectRight(this.lengthsM, goneM) - 1, 0), CHORDS - 1);
    const before = this.lengthsM[chord]!;
    const span = this.lengthsM[chord + 1]! - before;
    return (span > 0 ? chord + (goneM - before) / span : chord) / CHORDS;
  }
}

/** All of one entity's stretches. */
export class Motion {
  readonly startS: number;
  readonly endS: number;
  private readonly endsS: readonly number[];
  private readonly last: Pose;

  /**
   * @param stretches - At least one, each beginning where the one before it ends.
   * @param holds - The entity stays at its end.
   */
  constructor(
    private readonly stretches: readonly [Stretch, ...Stretch[]],
    private readonly holds: boolean,
  ) {
    const last = stretches[stretches.length - 1]!;
    this.endsS = stretches.map((stretch) => stretch.endS);
    this.startS = stretches[0].startS;
    this.endS = last.endS;
    this.last = { ...last.at(last.endS), speedMps: 0 };
  }

  /** The pose at a time of the entity's clock; null while it is not there. */
  at(tS: number): Pose | null {
    if (tS < this.startS) return null;
    if (tS >= this.endS) return this.holds ? this.last : null;
    return this.stretches[bisectRight(this.endsS, tS)]!.at(tS);
  }
}

/** The motion that a file's entity describes, in world axes. */
export function motionOf(entity: Entity): Motion {
  const stretches = entity.path !== null ? pathStretches(entity.path) : trajectoryStretches(entity.trajectory ?? []);
  const [first, ...rest] = stretches;
  if (first === undefined) throw new RangeError(`entities.${entity.id}: needs either a trajectory or a path`);
  return new Motion([first, ...rest], entity.afterEnd === "hold");
}

function trajectoryStretches(points: readonly Waypoint[]): Stretch[] {
  const moments = points.map(momentOf);
  if (moments.length === 1) return moments.map((only) => Straight.still(only));
  return moments.slice(1).map((after, index) => Straight.between(moments[index]!, after));
}

function momentOf({ time, x, z, rotation }: Waypoint): Moment {
  const [xM, yM] = worldPoint(x, z);
  return { timeS: time, xM, yM, yawRad: worldYaw(rotation) };
}

function pathStretches(path: Path): Stretch[] {
  let startS = path.startTime;
  return path.segments.map((segment) => {
    const endS = startS + segment.duration;
    const points = segment.points.map(([x, z]) => worldPoint(x, z));
    const stretch = segment.type === "line" ? lineOf(startS, endS, points) : bezierOf(startS, endS, points);
    startS = endS;
    return stretch;
  });
}

// `check` has counted the points of lines and Beziers.
function lineOf(startS: number, endS: number, points: readonly WorldPoint[]): Straight {
  const [ax, ay] = points[0]!;
  const [bx, by] = points[1]!;
  const yawRad = atan2(by - ay, bx - ax);
  return Straight.between({ timeS: startS, xM: ax, yM: ay, yawRad }, { timeS: endS, xM: bx, yM: by, yawRad });
}

function bezierOf(startS: number, endS: number, points: readonly WorldPoint[]): Bezier {
  return new Bezier(startS, endS, [points[0]!, points[1]!, points[2]!, points[3]!]);
}

/** Distance along the curve after each of the chords. */
function lengthsOf(points: Curve): number[] {
  const lengthsM = [0];
  let total = 0;
  let before = points[0];
  for (let chord = 1; chord <= CHORDS; chord++) {
    const after = pointAt(points, chord / CHORDS);
    total += hypot(after[0] - before[0], after[1] - before[1]);
    lengthsM.push(total);
    before = after;
  }
  return lengthsM;
}

function pointAt([p0, p1, p2, p3]: Curve, u: number): WorldPoint {
  const v = 1 - u;
  const a = v * v * v;
  const b = 3 * v * v * u;
  const c = 3 * v * u * u;
  const d = u * u * u;
  return [a * p0[0] + b * p1[0] + c * p2[0] + d * p3[0], a * p0[1] + b * p1[1] + c * p2[1] + d * p3[1]];
}

function directionAt([p0, p1, p2, p3]: Curve, u: number): WorldPoint {
  const v = 1 - u;
  const a = v * v;
  const b = 2 * v * u;
  const c = u * u;
  return [
    a * (p1[0] - p0[0]) + b * (p2[0] - p1[0]) + c * (p3[0] - p2[0]),
    a * (p1[1] - p0[1]) + b * (p2[1] - p1[1]) + c * (p3[1] - p2[1]),
  ];
}

/** How many of some rising numbers are at most a value. */
function bisectRight(rising: readonly number[], value: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value < rising[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}
