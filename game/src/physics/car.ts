/**
 * What a car is: its state, its controls, and its limits from `world/data/car.json`.
 *
 * The file is the one that Python reads; the caller fetches it, `carLimits` checks it.
 */

import { sinCos } from "../trig";

/** A moving car in world axes; mutable, because it is stepped 120 times a second. */
export interface CarState {
  /** Centre of its box, world X. */
  xM: number;
  /** Centre of its box, world Y. */
  yM: number;
  /** Heading, clockwise, continuous (not wrapped). */
  yawRad: number;
  /** Along its path, negative in reverse. */
  speedMps: number;
  /** Angle of the front wheels, right positive. */
  steerRad: number;
  /** What engine and brakes give now, behind their lag. */
  pushMps2: number;
}

/** What a driver does, as in CARLA's VehicleControl. */
export interface CarControls {
  /** [-1, 1], right positive. */
  readonly steer: number;
  /** [0, 1]. */
  readonly throttle: number;
  /** [0, 1]. */
  readonly brake: number;
  /** The throttle drives backwards. */
  readonly reverse?: boolean;
  /** Brakes fully. */
  readonly handBrake?: boolean;
}

/** What the car can do; the meanings are those of Python's `CarLimits`. */
export interface CarLimits {
  readonly lengthM: number;
  readonly widthM: number;
  readonly heightM: number;
  readonly wheelbaseM: number;
  readonly maxSteerRad: number;
  readonly steerRateRadps: number;
  /** Grip: the wheels turn no further than it allows at this speed. */
  readonly lateralLimitMps2: number;
  readonly maxSpeedMps: number;
  readonly maxReverseMps: number;
  /** Full throttle from standing; falls to nothing at the top speed. */
  readonly engineMps2: number;
  readonly brakeMps2: number;
  readonly rollingMps2: number;
  readonly dragPerS: number;
  /** Time constant of engine and brakes. */
  readonly pedalLagS: number;
  /** How fast a held key turns the wheel, in full deflections. */
  readonly keyboardTurnPerS: number;
  /** How fast it comes back. */
  readonly keyboardReturnPerS: number;
}

/**
 * Take from a car the speed with which it drove against what pushed it out: v (1 - (h n)^2).
 *
 * Head-on nothing is left, sidewise all. A car that drives away keeps its speed.
 *
 * @param car - Changed.
 * @param pushXM - The move that separated it, world X; (0, 0) changes nothing.
 * @param pushYM - World Y.
 */
export function stopAgainst(car: CarState, pushXM: number, pushYM: number): void {
  const [sin, cos] = sinCos(car.yawRad);
  const along = cos * pushXM + sin * pushYM;
  if (along * car.speedMps < 0) {
    car.speedMps *= Math.max(0, 1 - (along * along) / (pushXM * pushXM + pushYM * pushYM));
  }
}

/** A car file that no physics can use; the message names file and field. */
export class CarFileError extends Error {
  override readonly name = "CarFileError";
}

const FIELDS: Readonly<Record<keyof CarLimits, string>> = {
  lengthM: "length_m",
  widthM: "width_m",
  heightM: "height_m",
  wheelbaseM: "wheelbase_m",
  maxSteerRad: "max_steer_rad",
  steerRateRadps: "steer_rate_radps",
  lateralLimitMps2: "lateral_limit_mps2",
  maxSpeedMps: "max_speed_mps",
  maxReverseMps: "max_reverse_mps",
  engineMps2: "engine_mps2",
  brakeMps2: "brake_mps2",
  rollingMps2: "rolling_mps2",
  dragPerS: "drag_per_s",
  pedalLagS: "pedal_lag_s",
  keyboardTurnPerS: "keyboard_turn_per_s",
  keyboardReturnPerS: "keyboard_return_per_s",
};

/**
 * The limits in a car file's content.
 *
 * @param data - Parsed JSON.
 * @param file - What to call the file in messages.
 * @throws CarFileError - Where a field is missing, unknown, or not a positive number.
 */
export function carLimits(data: unknown, file = "car.json"): CarLimits {
  return positiveNumbers(data, FIELDS, file);
}

/**
 * The positive numbers of a flat JSON object under the names of the code.
 *
 * @param data - Parsed JSON.
 * @param fields - The file's name of each of the code's names; the file must have exactly these.
 * @param file - What to call the file in messages.
 */
export function positiveNumbers<Name extends string>(
  data: unknown,
  fields: Readonly<Record<Name, string>>,
  file: string,
): Record<Name, number> {
  const entries = new Map(fieldsOf(data, Object.values<string>(fields), file));
  const result: Partial<Record<Name, number>> = {};
  for (const name of Object.keys(fields) as Name[]) {
    result[name] = positive(entries.get(fields[name]), fields[name], file);
  }
  return result as Record<Name, number>;
}

function fieldsOf(data: unknown, wanted: readonly string[], file: string): [string, unknown][] {
  if (typeof data !== "object" || data === null || Array.isArray(data)) {
    throw new CarFileError(`${file}: fields missing or unknown: not an object`);
  }
  const entries = Object.entries(data);
  const found = entries.map(([name]) => name);
  const wrong = [...wanted.filter((name) => !found.includes(name)), ...found.filter((name) => !wanted.includes(name))];
  if (wrong.length > 0) {
    throw new CarFileError(`${file}: fields missing or unknown: ${wrong.sort().join(", ")}`);
  }
  return entries;
}

function positive(value: unknown, field: string, file: string): number {
  if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value)) {
    throw new CarFileError(`${file}: ${field} is ${JSON.stringify(value)}; it must be a positive number`);
  }
  return value;
}
