/**
 * The kinematic bicycle about the car's centre, line by line as in Python's `world/physics/bicycle.py`.
 *
 * Front wheels at angle d, centre in the middle of the wheelbase L (Kong et al. 2015):
 * slip b = atan(tan(d) / 2), yaw rate = v sin(b) / (L / 2), path direction = yaw + b.
 * With t = tan(d): sin b = t / sqrt(4 + t^2), cos b = 2 / sqrt(4 + t^2), so no arctangent is needed.
 *
 * The order of the operations is part of the result: the same bits as in Python.
 */

import type { CarControls, CarLimits, CarState } from "./car";
import { sinCos, tan } from "../trig";

const STANDING_MPS = 0.02;

/**
 * Advance a car in place by one step.
 *
 * @param car - The car.
 * @param controls - Held during the step.
 * @param limits - What the car can do.
 * @param dtS - Step length; 1/120 s in the simulation.
 */
export function stepCar(car: CarState, controls: CarControls, limits: CarLimits, dtS: number): void {
  const speed = nextSpeed(car, controls, limits, dtS);
  const mean = 0.5 * (car.speedMps + speed);
  car.speedMps = speed;
  turnWheels(car, controls.steer, limits, dtS);
  const [sinYaw, cosYaw] = sinCos(car.yawRad);
  if (car.steerRad === 0) {
    car.xM += mean * cosYaw * dtS;
    car.yM += mean * sinYaw * dtS;
    return;
  }
  const t = tan(car.steerRad);
  const root = Math.sqrt(4 + t * t);
  const sinSlip = t / root;
  const cosSlip = 2 / root;
  car.xM += mean * (cosYaw * cosSlip - sinYaw * sinSlip) * dtS;
  car.yM += mean * (sinYaw * cosSlip + cosYaw * sinSlip) * dtS;
  car.yawRad += ((mean * sinSlip * 2) / limits.wheelbaseM) * dtS;
}

/** Speed after the step: engine, brakes, resistance; brakes and resistance stop, never reverse. */
function nextSpeed(car: CarState, controls: CarControls, limits: CarLimits, dtS: number): number {
  let speed = car.speedMps;
  const way = controls.reverse ? -1 : 1;
  const engine = enginePush(speed, way, controls, limits);
  const brake = limits.brakeMps2 * (controls.handBrake ? 1 : controls.brake);
  car.pushMps2 += (engine - brake - car.pushMps2) * (dtS / (limits.pedalLagS + dtS));
  const push = car.pushMps2;
  if (push > 0) speed += way * push * dtS;
  const stopping = push > 0 ? 0 : -push;
  const slow = (stopping + limits.rollingMps2 + limits.dragPerS * Math.abs(speed)) * dtS;
  if (engine > 0 && Math.abs(speed) < STANDING_MPS && push > 0) return speed;
  if (speed > slow) return Math.min(speed - slow, limits.maxSpeedMps);
  return speed < -slow ? Math.max(speed + slow, -limits.maxReverseMps) : 0;
}

/** What the engine asks for; against the car's motion it gives no more than its most. */
function enginePush(speed: number, way: number, controls: CarControls, limits: CarLimits): number {
  const top = controls.reverse ? limits.maxReverseMps : limits.maxSpeedMps;
  const room = 1 - (way * speed) / top;
  return controls.throttle * limits.engineMps2 * Math.min(1, Math.max(0, room));
}

/**
 * Move the front wheels towards where the driver wants them, as far as grip allows.
 *
 * The lateral acceleration is about v^2 d / L for small angles, so d <= a L / v^2.
 */
function turnWheels(car: CarState, steer: number, limits: CarLimits, dtS: number): void {
  const speed2 = car.speedMps * car.speedMps;
  let grip = limits.maxSteerRad;
  if (speed2 * limits.maxSteerRad > limits.lateralLimitMps2 * limits.wheelbaseM) {
    grip = (limits.lateralLimitMps2 * limits.wheelbaseM) / speed2;
  }
  const wanted = Math.min(Math.max(steer * limits.maxSteerRad, -grip), grip);
  const rate = limits.steerRateRadps * dtS;
  car.steerRad += Math.min(Math.max(wanted - car.steerRad, -rate), rate);
}
