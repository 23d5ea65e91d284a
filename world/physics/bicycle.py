"""The kinematic bicycle about the car's centre, with realistic limits; about 2 us a step.

Front wheels at angle d, centre in the middle of the wheelbase L (Kong et al. 2015):
slip b = atan(tan(d) / 2), yaw rate = v sin(b) / (L / 2), path direction = yaw + b.
With t = tan(d): sin b = t / sqrt(4 + t^2), cos b = 2 / sqrt(4 + t^2), so no arctangent is needed.

Only IEEE-exact operations in a fixed order: the browser's physics has the same lines and the same
bits.
"""

from math import sqrt

from world.physics.car import CarControls, CarLimits, CarState
from world.trig import sin_cos, tan

_STANDING_MPS = 0.02


def step_car(car: CarState, controls: CarControls, limits: CarLimits, dt_s: float) -> None:
    """Advance a car in place by one step.

    Args:
        car: The car.
        controls: Held during the step.
        limits: What the car can do.
        dt_s: Step length; 1/120 s in the simulator.
    """
    speed = _next_speed(car, controls, limits, dt_s)
    mean = 0.5 * (car.speed_mps + speed)
    car.speed_mps = speed
    _turn_wheels(car, controls.steer, limits, dt_s)
    sin_yaw, cos_yaw = sin_cos(car.yaw_rad)
    if car.steer_rad == 0.0:
        car.x_m += mean * cos_yaw * dt_s
        car.y_m += mean * sin_yaw * dt_s
        return
    t = tan(car.steer_rad)
    root = sqrt(4.0 + t * t)
    sin_slip, cos_slip = t / root, 2.0 / root
    car.x_m += mean * (cos_yaw * cos_slip - sin_yaw * sin_slip) * dt_s
    car.y_m += mean * (sin_yaw * cos_slip + cos_yaw * sin_slip) * dt_s
    car.yaw_rad += mean * sin_slip * 2.0 / limits.wheelbase_m * dt_s


def _next_speed(car: CarState, controls: CarControls, limits: CarLimits, dt_s: float) -> float:
    """Speed after the step: engine, brakes, resistance; brakes and resistance stop, never reverse."""
    speed = car.speed_mps
    top = limits.max_reverse_mps if controls.reverse else limits.max_speed_mps
    way = -1.0 if controls.reverse else 1.0
    room = 1.0 - way * speed / top
    # Against the car's motion `room` is above 1: an engine gives no more than its most.
    engine = controls.throttle * limits.engine_mps2 * min(1.0, max(0.0, room))
    brake = limits.brake_mps2 * (1.0 if controls.hand_brake else controls.brake)
    car.push_mps2 += (engine - brake - car.push_mps2) * (dt_s / (limits.pedal_lag_s + dt_s))
    push = car.push_mps2
    if push > 0.0:
        speed += way * push * dt_s
        stopping = 0.0
    else:
        stopping = -push
    slow = (stopping + limits.rolling_mps2 + limits.drag_per_s * abs(speed)) * dt_s
    if engine > 0.0 and abs(speed) < _STANDING_MPS and push > 0.0:
        return speed
    if speed > slow:
        return min(speed - slow, limits.max_speed_mps)
    return max(speed + slow, -limits.max_reverse_mps) if speed < -slow else 0.0


def _turn_wheels(car: CarState, steer: float, limits: CarLimits, dt_s: float) -> None:
    """Move the front wheels towards where the driver wants them, as far as grip allows.

    The lateral acceleration is about v^2 d / L for small angles, so d <= a L / v^2; what the tangent
    adds at larger ones (4 % at 0.35 rad) is within what tyres vary.
    """
    speed2 = car.speed_mps * car.speed_mps
    grip = limits.max_steer_rad
    if speed2 * limits.max_steer_rad > limits.lateral_limit_mps2 * limits.wheelbase_m:
        grip = limits.lateral_limit_mps2 * limits.wheelbase_m / speed2
    wanted = steer * limits.max_steer_rad
    wanted = min(max(wanted, -grip), grip)
    rate = limits.steer_rate_radps * dt_s
    car.steer_rad += min(max(wanted - car.steer_rad, -rate), rate)
