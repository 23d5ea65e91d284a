/**
 * The loop over animation frames: time is spent in whole 120 Hz steps, each frame's steps are one tick.
 *
 * A tick consumes the inputs since the last one, moves the world, draws it, stamps and sends the picture,
 * and tells the log. Frame ids rise through the life of the page, so that a picture that comes back late
 * can never be taken for one of the next session. A hidden tab gets no frames: the world waits.
 */

import type { PlayerInput } from "../input/input";
import type { Navigation, Navigator } from "../navigation/navigator";
import { FixedStep } from "../physics/clock";
import type { Keyboard } from "../physics/keyboard";
import type { DriveLog } from "../recorder/drive_log";
import type { Simulation } from "../simulation";
import type { Stage } from "../world/stage";
import type { CameraFeed } from "./camera_feed";

/** A frame this much shorter than a period is on time: displays tick unevenly. */
const EARLY_SHARE = 0.2;
export const FRAME_HZ = 30;

/** What moves now; exchanged between sessions. */
export interface World {
  readonly sim: Simulation;
  readonly keyboard: Keyboard;
  readonly navigator: Navigator;
  /** Where ticks are written; null while nothing is recorded. */
  log: DriveLog | null;
}

/** Called after every tick. */
export type OnTick = (world: World, navigation: Navigation, fps: number) => void;

export class DriveLoop {
  world: World | null = null;
  /** Id of the next tick's picture. */
  nextFrame = 0;
  private readonly clock = new FixedStep();
  private lastMs: number | null = null;
  private lastTickMs = -Infinity;
  private fps = 0;

  constructor(
    private readonly stage: Stage,
    private readonly feed: CameraFeed,
    private readonly input: PlayerInput,
    private readonly onTick: OnTick,
  ) {}

  start(): void {
    const frame = (nowMs: number): void => {
      requestAnimationFrame(frame);
      this.frame(nowMs);
    };
    requestAnimationFrame(frame);
  }

  private frame(nowMs: number): void {
    const world = this.world;
    if (world === null) return;
    if (nowMs - this.lastTickMs < (1_000 / FRAME_HZ) * (1 - EARLY_SHARE)) return;
    const elapsedS = this.lastMs === null ? 0 : (nowMs - this.lastMs) / 1_000;
    this.lastMs = nowMs;
    const steps = this.clock.steps(elapsedS);
    if (steps === 0 && world.sim.tick > 0) return;
    this.count(nowMs);
    this.tick(world, steps);
  }

  private tick(world: World, steps: number): void {
    const { sim, keyboard, navigator, log } = world;
    const { keys, heldMask, mouseDxPx, events } = this.input.take();
    const dtS = steps / 120;
    const controls = keyboard.controls(keys, dtS, mouseDxPx);
    if (steps > 0) sim.step(controls, dtS);
    const { car } = sim;
    const navigation = navigator.update(car.xM, car.yM, car.yawRad);
    const frame = this.nextFrame;
    this.nextFrame += 1;
    this.stage.draw(car.xM, car.yM, car.yawRad, sim.actors);
    // The log comes first: the picture may be back before this function ends.
    log?.add({ frame, tMs: performance.now(), car, controls, command: navigation.command, heldMask, events });
    this.feed.send(frame);
    this.onTick(world, navigation, this.fps);
  }

  private count(nowMs: number): void {
    const gapMs = nowMs - this.lastTickMs;
    if (Number.isFinite(gapMs) && gapMs > 0) this.fps = 0.9 * this.fps + 0.1 * (1_000 / gapMs);
    this.lastTickMs = nowMs;
  }
}
