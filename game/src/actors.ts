/**
 * What moves or stands in the world, as every part of it sees it: pose, box, kind, colour.
 *
 * Scenarios own the behaviour; collision and rendering read only this.
 */

/** The scenario files' entity types. */
export type ActorKind = "vehicle" | "pedestrian" | "bicycle" | "obstacle" | "emergency_worker";

/** An upright oriented box on the ground, world axes; mutable, because its owner moves it every tick. */
export interface Actor {
  /** Unique within a run, positive. */
  readonly actorId: number;
  /** The scenario file's entity id. */
  readonly name: string;
  readonly kind: ActorKind;
  /** Blueprint name for messages, such as `vehicle.minitown.car`. */
  readonly typeId: string;
  xM: number;
  yM: number;
  /** Heading of its length axis. */
  yawRad: number;
  /** Along the heading; 0 while it stands. */
  speedMps: number;
  /** Along the heading. */
  readonly lengthM: number;
  /** Across. */
  readonly widthM: number;
  /** Upwards. */
  readonly heightM: number;
  /** Body colour, 0 to 255 each. */
  readonly rgb: readonly [red: number, green: number, blue: number];
  /** Brake lights are on. */
  braking: boolean;
}
