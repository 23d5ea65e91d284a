/**
 * The exact curve of a lane: straight, quarter circle, straight; any of the three may be missing.
 *
 * Streets are parallel to the axes, so every lane and every connector through a crossing has this shape.
 * The operations are those of Python's `world/streets/shape.py`.
 */

import { atan2, HALF_PI, hypot, PI, sinCos, wrap } from "../trig";

/** Number of an axis direction: 0 is +X, 1 is +Y, 2 is -X, 3 is -Y. */
export type Heading = 0 | 1 | 2 | 3;

/** 1 turns right, -1 turns left, 0 goes straight on. */
export type Bend = -1 | 0 | 1;

export type Point = readonly [xM: number, yM: number];

/** Where a point lies beside a curve. */
export interface Projection {
  /** Distance along the curve; negative before the start, above the length beyond the end. */
  readonly alongM: number;
  /** Distance to the right of it. */
  readonly offsetM: number;
  /** The curve's direction there. */
  readonly yawRad: number;
}

const AXES = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;
const HEADINGS_RAD = [0, HALF_PI, PI, -HALF_PI] as const;

/** The axis direction nearest to a yaw. */
export function headingOf(yawRad: number): Heading {
  return (Math.floor(yawRad / HALF_PI + 0.5) & 3) as Heading;
}

/** A lane's centre line as a function of the distance along it. */
export class LaneShape {
  /** Length of the whole curve. */
  readonly lengthM: number;
  private readonly arcM: number;

  private constructor(
    readonly start: Point,
    readonly end: Point,
    readonly heading: Heading,
    readonly bend: Bend,
    private readonly leadInM: number,
    private readonly radiusM: number,
    leadOutM: number,
  ) {
    this.arcM = radiusM * HALF_PI;
    this.lengthM = leadInM + this.arcM + leadOutM;
  }

  /** The widest curve from one point, with a heading, to another after the bend's quarter circle. */
  static between(start: Point, end: Point, heading: Heading, bend: Bend): LaneShape {
    const [ux, uy] = AXES[heading];
    const dx = end[0] - start[0];
    const dy = end[1] - start[1];
    const forward = dx * ux + dy * uy;
    const right = dy * ux - dx * uy;
    const radius = bend === 0 ? 0 : Math.min(forward, bend * right);
    const lateral = bend === 0 ? 0 : Math.abs(right);
    return new LaneShape(start, end, heading, bend, forward - radius, radius, lateral - radius);
  }

  /** The axis direction at the end. */
  get endHeading(): Heading {
    return ((this.heading + this.bend) & 3) as Heading;
  }

  /** The point at a distance along the curve; beyond its ends the straights go on. */
  at(alongM: number): Point {
    const beyondInM = alongM - this.leadInM;
    if (this.bend === 0 || beyondInM <= 0) return this.world(alongM, 0);
    const beyondArcM = beyondInM - this.arcM;
    if (beyondArcM >= 0) return this.world(this.leadInM + this.radiusM, this.radiusM + beyondArcM);
    const [sin, cos] = sinCos(beyondInM / this.radiusM);
    return this.world(this.leadInM + this.radiusM * sin, this.radiusM - this.radiusM * cos);
  }

  /** Where a point lies beside the curve. */
  project(xM: number, yM: number): Projection {
    const [ux, uy] = AXES[this.heading];
    const dx = xM - this.start[0];
    const dy = yM - this.start[1];
    const forward = dx * ux + dy * uy;
    const right = dy * ux - dx * uy;
    const yawRad = HEADINGS_RAD[this.heading];
    if (this.bend === 0 || forward <= this.leadInM) return { alongM: forward, offsetM: right, yawRad };
    return this.projectOnBend(forward - this.leadInM, right * this.bend, yawRad);
  }

  private projectOnBend(fromCentreM: number, inwardsM: number, yawRad: number): Projection {
    const { bend, leadInM, radiusM } = this;
    if (inwardsM >= radiusM) {
      const alongM = leadInM + this.arcM + (inwardsM - radiusM);
      return { alongM, offsetM: bend * (radiusM - fromCentreM), yawRad: HEADINGS_RAD[this.endHeading] };
    }
    const back = radiusM - inwardsM;
    const angle = atan2(fromCentreM, back);
    const offsetM = bend * (radiusM - hypot(fromCentreM, back));
    return { alongM: leadInM + radiusM * angle, offsetM, yawRad: wrap(yawRad + bend * angle) };
  }

  private world(forwardM: number, inwardsM: number): Point {
    const [ux, uy] = AXES[this.heading];
    const right = this.bend * inwardsM;
    return [this.start[0] + forwardM * ux - right * uy, this.start[1] + forwardM * uy + right * ux];
  }
}
