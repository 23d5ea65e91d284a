/** The car, the clock and the wheel, where the reference drives do not look. */

import { describe, expect, it } from "vitest";

import { stepCar } from "../src/physics/bicycle";
import { type CarControls, CarFileError, carLimits, type CarState } from "../src/physics/car";
import { FixedStep, wholeSteps } from "../src/physics/clock";
import { controlSettings, Keyboard, NO_KEYS } from "../src/physics/keyboard";
import { shippedControls, shippedLimits, worldData } from "./world_data";

const limits = shippedLimits();

function carAt(speedMps: number): CarState {
  return { xM: 0, yM: 0, yawRad: 0, speedMps, steerRad: 0, pushMps2: 0 };
}

function run(car: CarState, controls: CarControls, steps: number): CarState {
  for (let k = 0; k < steps; k++) stepCar(car, controls, limits, 1 / 120);
  return car;
}

describe("the car", () => {
  it("comes to rest under the brake and never drives backwards", () => {
    const car = run(carAt(10), { steer: 0, throttle: 0, brake: 1 }, 600);
    expect(car.speedMps).toBe(0);
    expect(car.xM).toBeGreaterThan(5);
    expect(car.xM).toBeLessThan(12);
  });

  it("mirrors its path to the bit when the wheel is mirrored", () => {
    const right = run(carAt(8), { steer: 0.7, throttle: 1, brake: 0 }, 500);
    const left = run(carAt(8), { steer: -0.7, throttle: 1, brake: 0 }, 500);
    expect([left.xM, left.yM, left.yawRad]).toEqual([right.xM, -right.yM, -right.yawRad]);
  });

  it("reverses no faster than it may, and only when asked to", () => {
    const car = run(carAt(0), { steer: 0, throttle: 1, brake: 0, reverse: true }, 2400);
    expect(car.speedMps).toBeLessThan(-3);
    expect(car.speedMps).toBeGreaterThanOrEqual(-limits.maxReverseMps);
  });

  it("stops by the hand brake as by the brake", () => {
    const byHand = run(carAt(10), { steer: 0, throttle: 0, brake: 0, handBrake: true }, 60);
    expect(byHand).toEqual(run(carAt(10), { steer: 0, throttle: 0, brake: 1 }, 60));
  });
});

describe("the car file", () => {
  const good = worldData("car.json") as Record<string, number>;

  it("is refused by the names of missing and unknown fields", () => {
    const { width_m: _, ...rest } = good;
    expect(() => carLimits({ ...rest, wings: 2 })).toThrow("car.json: fields missing or unknown: width_m, wings");
    expect(() => carLimits([])).toThrow(CarFileError);
  });

  it.each([0, -1, "4", null, true])("is refused with %j as a length", (value) => {
    expect(() => carLimits({ ...good, length_m: value })).toThrow(
      `car.json: length_m is ${JSON.stringify(value)}; it must be a positive number`,
    );
  });
});

describe("the fixed step", () => {
  it("spends all time, whatever the frames are", () => {
    const clock = new FixedStep();
    let steps = 0;
    for (let frame = 0; frame < 1000; frame++) steps += clock.steps(frame % 3 === 0 ? 0.001 : 0.0177);
    const elapsedS = 334 * 0.001 + 666 * 0.0177;
    expect(steps).toBe(Math.floor(elapsedS * 120));
    expect(clock.savedS).toBeLessThan(clock.stepS);
  });

  it("drops and counts what a hidden tab saved up, and takes negative time for none", () => {
    const clock = new FixedStep(0.01, 30);
    expect(clock.steps(41)).toBe(30);
    expect(clock.dropped).toBeGreaterThanOrEqual(4069);
    expect(clock.steps(-5)).toBe(0);
  });

  it.each([
    [1 / 60, 2],
    [1 / 30, 4],
    [0.05, 6],
    [1 / 240, 1],
    [1e-6, 1],
    [2.5 / 120, 2],
    [3.5 / 120, 4],
  ])("has %f s hold %i steps of 120 Hz", (dtS, steps) => {
    expect(wholeSteps(dtS, 120)).toBe(steps);
  });
});

describe("the wheel", () => {
  it("turns with a held key and comes back faster", () => {
    const wheel = new Keyboard(limits, shippedControls());
    const right = { ...NO_KEYS, d: true };
    expect(wheel.controls(right, 0.05).steer).toBe(limits.keyboardTurnPerS * 0.05);
    for (let k = 0; k < 40; k++) wheel.controls(right, 0.05);
    expect(wheel.steer).toBe(1);
    expect(wheel.controls(NO_KEYS, 0.05).steer).toBeCloseTo(1 - limits.keyboardReturnPerS * 0.05, 12);
  });

  it("turns with the mouse up to full deflection", () => {
    const wheel = new Keyboard(limits, shippedControls());
    expect(wheel.controls(NO_KEYS, 1 / 60, 10).steer).toBeCloseTo(0.04, 12);
    expect(wheel.controls(NO_KEYS, 1 / 60, 5000).steer).toBe(1);
    expect(wheel.controls(NO_KEYS, 1 / 60, -5000).steer).toBe(-1);
  });

  it("has pedals that are on or off", () => {
    const wheel = new Keyboard(limits, shippedControls());
    expect(wheel.controls({ ...NO_KEYS, w: true, s: true }, 1 / 60)).toEqual({ steer: 0, throttle: 1, brake: 1 });
  });

  it("refuses settings without the mouse", () => {
    expect(() => controlSettings({})).toThrow("controls.json: fields missing or unknown: mouse_steer_per_px");
  });
});
