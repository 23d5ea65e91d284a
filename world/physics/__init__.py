"""How a car moves: a kinematic bicycle at 120 Hz in SI units, and the reference's arcade law.

Example:
    car = CarState(x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=5.0)
    step_car(car, CarControls(throttle=1.0), car_limits(), 1 / 120)
"""

from world.physics.arcade import step_arcade
from world.physics.bicycle import step_car
from world.physics.car import (
    CarControls,
    CarFileError,
    CarLimits,
    CarState,
    car_limits,
    load_limits,
    stop_against,
)
from world.physics.clock import FixedStep

__all__ = [
    "CarControls",
    "CarFileError",
    "CarLimits",
    "CarState",
    "FixedStep",
    "car_limits",
    "load_limits",
    "step_arcade",
    "step_car",
    "stop_against",
]
