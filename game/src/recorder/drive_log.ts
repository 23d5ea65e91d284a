/** What the simulation knew at every tick, as the bundle's files have it: `_inputs.json` and `_camera.json`. */

import { gamePoint, gameRotation } from "../axes";
import type { InputEvent } from "../input/input";
import type { CarControls, CarState } from "../physics/car";

const EYE_M = 1.6;

/** A row of `_inputs.json`. */
export type InputRow = InputEvent & { readonly frame: number };

/** A row of `_camera.json`; three.js axes, speed in m/s. */
export interface CameraRow {
  readonly t: number;
  readonly type: "camera";
  readonly pos: readonly [number, number, number];
  readonly yaw: number;
  readonly speed: number;
  readonly throttle: number;
  readonly brake: number;
  readonly steer: number;
  readonly command: number;
  readonly frame: number;
  readonly keys: number;
}

/** Everything of one tick. */
export interface Tick {
  readonly frame: number;
  /** `performance.now()` at which the tick's picture was drawn. */
  readonly tMs: number;
  readonly car: CarState;
  readonly controls: CarControls;
  readonly command: number;
  readonly heldMask: number;
  readonly events: readonly InputEvent[];
}

/** The rows of one recording. */
export class DriveLog {
  readonly inputs: InputRow[] = [];
  readonly camera: CameraRow[] = [];
  private readonly drawnAtMs = new Map<number, number>();

  add({ frame, tMs, car, controls, command, heldMask, events }: Tick): void {
    for (const event of events) this.inputs.push({ ...event, t: Math.max(0, event.t), frame });
    const [x, z] = gamePoint(car.xM, car.yM);
    this.camera.push({
      t: tMs,
      type: "camera",
      pos: [x, EYE_M, z],
      yaw: gameRotation(car.yawRad),
      speed: car.speedMps,
      throttle: controls.throttle,
      brake: controls.brake,
      steer: controls.steer,
      command,
      frame,
      keys: heldMask,
    });
    this.drawnAtMs.set(frame, tMs);
  }

  /** `performance.now()` of a frame's tick; null where no tick has this id. */
  drawnMs(frame: number): number | null {
    return this.drawnAtMs.get(frame) ?? null;
  }

  /** Id of the first tick; Infinity before it. */
  get firstFrame(): number {
    return this.camera[0]?.frame ?? Infinity;
  }

  /** Presses of the four driving keys. */
  get drivingPresses(): number {
    return this.inputs.filter(({ type, key }) => type === "keydown" && "wasd".includes(key ?? "-")).length;
  }
}
