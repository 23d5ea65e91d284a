/**
 * From held keys and the mouse to controls: pedals are on or off, the wheel turns at a rate.
 *
 * Python's `world/drivers/keyboard.py` has the same law with the same rates (`world/data/car.json`,
 * `world/data/controls.json`); a recording's controls are made from its keys there.
 */

import { type CarControls, type CarLimits, positiveNumbers } from "./car";

/** Held W, A, S, D. */
export interface Keys {
  readonly w: boolean;
  readonly a: boolean;
  readonly s: boolean;
  readonly d: boolean;
}

export const NO_KEYS: Keys = { w: false, a: false, s: false, d: false };

/** The settings of the input devices. */
export interface ControlSettings {
  /** How far a pixel of mouse movement turns the wheel, in full deflections. */
  readonly mouseSteerPerPx: number;
}

/**
 * The settings in the content of `world/data/controls.json`.
 *
 * @throws CarFileError - Where a field is missing, unknown, or not a positive number.
 */
export function controlSettings(data: unknown, file = "controls.json"): ControlSettings {
  return positiveNumbers(data, { mouseSteerPerPx: "mouse_steer_per_px" }, file);
}

/** Keeps the wheel's position between ticks. */
export class Keyboard {
  /** Where the wheel is, [-1, 1], right positive. */
  steer = 0;

  constructor(
    private readonly limits: CarLimits,
    private readonly settings: ControlSettings,
  ) {}

  /**
   * The controls of one tick.
   *
   * @param keys - What is held in it.
   * @param dtS - Its length.
   * @param mouseDxPx - Mouse movement in it, right positive; it turns the wheel further.
   */
  controls(keys: Keys, dtS: number, mouseDxPx = 0): CarControls {
    const wanted = Number(keys.d) - Number(keys.a);
    const perS = wanted !== 0 ? this.limits.keyboardTurnPerS : this.limits.keyboardReturnPerS;
    const rate = perS * dtS;
    this.steer += Math.min(Math.max(wanted - this.steer, -rate), rate);
    if (mouseDxPx !== 0) {
      this.steer = Math.min(Math.max(this.steer + mouseDxPx * this.settings.mouseSteerPerPx, -1), 1);
    }
    return { steer: this.steer, throttle: Number(keys.w), brake: Number(keys.s) };
  }
}
