"""What a car is: its state, its controls, and its limits from `world/data/car.json`.

Errors: `CarFileError(ValueError)`: the file lacks a field or has one out of range.
"""

import json
import math
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from world import trig

CAR_FILE = Path(__file__).parents[1] / "data" / "car.json"


class CarFileError(ValueError):
    """A car file that no physics can use; the message names file and field."""


@dataclass(slots=True, kw_only=True)
class CarState:
    """A moving car; mutable, because it is stepped 120 times a second.

    Attributes:
        x_m: Centre of its box, world X.
        y_m: Centre of its box, world Y.
        yaw_rad: Heading, clockwise, continuous (not wrapped).
        speed_mps: Along its path, negative in reverse.
        steer_rad: Angle of the front wheels, right positive.
        push_mps2: What engine and brakes give now, behind their lag.
    """

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float = 0.0
    steer_rad: float = 0.0
    push_mps2: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CarControls:
    """What a driver does, as in CARLA's VehicleControl.

    Attributes:
        steer: [-1, 1], right positive.
        throttle: [0, 1].
        brake: [0, 1].
        reverse: The throttle drives backwards.
        hand_brake: Brakes fully.
    """

    steer: float = 0.0
    throttle: float = 0.0
    brake: float = 0.0
    reverse: bool = False
    hand_brake: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CarLimits:
    """What the car can do.

    Attributes:
        length_m: Box.
        width_m: Box.
        height_m: Box.
        wheelbase_m: Between the axles; the centre lies in the middle of it.
        max_steer_rad: Largest angle of the front wheels.
        steer_rate_radps: How fast they turn.
        lateral_limit_mps2: Grip: the wheels turn no further than it allows at this speed.
        max_speed_mps: Forwards.
        max_reverse_mps: Backwards.
        engine_mps2: Full throttle from standing; falls to nothing at the top speed.
        brake_mps2: Full brake.
        rolling_mps2: Rolling resistance.
        drag_per_s: Resistance that grows with speed.
        pedal_lag_s: Time constant of engine and brakes.
        keyboard_turn_per_s: How fast a held key turns the wheel, in full deflections.
        keyboard_return_per_s: How fast it comes back.
    """

    length_m: float
    width_m: float
    height_m: float
    wheelbase_m: float
    max_steer_rad: float
    steer_rate_radps: float
    lateral_limit_mps2: float
    max_speed_mps: float
    max_reverse_mps: float
    engine_mps2: float
    brake_mps2: float
    rolling_mps2: float
    drag_per_s: float
    pedal_lag_s: float
    keyboard_turn_per_s: float
    keyboard_return_per_s: float


def stop_against(car: CarState, push_x_m: float, push_y_m: float) -> None:
    """Take from a car the speed with which it drove against what pushed it out.

    Its velocity loses the part along the push, and keeps what of the rest lies along its heading h:
    v (1 - (h n)^2). Head-on nothing is left, sidewise all. A car that drives away keeps its speed.

    Args:
        car: Changed.
        push_x_m: The move that separated it, world X; (0, 0) changes nothing.
        push_y_m: World Y.
    """
    sin, cos = trig.sin_cos(car.yaw_rad)
    along = cos * push_x_m + sin * push_y_m
    if along * car.speed_mps < 0.0:
        car.speed_mps *= max(0.0, 1.0 - along * along / (push_x_m * push_x_m + push_y_m * push_y_m))


def load_limits(path: Path) -> CarLimits:
    """Read a car file.

    Raises:
        CarFileError: Where a field is missing, unknown, or not a positive number.
    """
    try:
        data = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise CarFileError(f"{path.name}: cannot be read as JSON: {error}") from error
    names = {field.name for field in fields(CarLimits)}
    if not isinstance(data, dict) or set(data) != names:
        wrong = ", ".join(sorted(names ^ set(data))) if isinstance(data, dict) else "not an object"
        raise CarFileError(f"{path.name}: fields missing or unknown: {wrong}")
    for name, value in data.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise CarFileError(f"{path.name}: {name} is {value!r}; it must be a positive number")
    return CarLimits(**{name: float(value) for name, value in data.items()})


@cache
def car_limits() -> CarLimits:
    """The shipped car."""
    return load_limits(CAR_FILE)
