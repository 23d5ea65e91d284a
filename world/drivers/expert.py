"""The expert: keeps the rules, sees everything, and follows the route around what is in its way.

Privileged: it reads the lights, the traffic and a scenario's script. It is the upper end of every
score and the source of demonstrations; on `minitown-12` it must score 95 or more.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from world import trig
from world.drivers.forecast import forecast
from world.drivers.lattice import Course, Road, choose
from world.drivers.rules import RoadRules
from world.drivers.speed_profile import at_spacing, speed_profile
from world.physics import CarControls

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator

_PLAN_EVERY_TICKS = 4
_LOOK_AHEAD_S, _LOOK_AHEAD_MIN_M = 0.6, 4.5
_COMFORT_BRAKING_MPS2 = 3.3
_SPACING_M = 0.5
# Staged scenarios put things in the way that do not move on; traffic does, and is queued behind.
_OVERTAKING_M, _QUEUEING_M = 10.0, 0.8


class ExpertDriver:
    """Plans five times a second, steers and brakes at every tick."""

    sensor_icons: tuple[str, ...] = ()

    def __init__(self, *, limit_factor: float = 1.0) -> None:
        """Make a driver.

        Args:
            limit_factor: Share of the legal speed limit to drive at.
        """
        self._limit_factor = limit_factor
        self.course = Course(offset_m=0.0, speed_mps=0.0, emergency=False, collision_s=None)
        self._stop_m = math.inf
        self._ticks = 0

    def start(self, sim: "Simulator") -> None:
        """Compute the route's speed profile and find its stop lines."""
        plan = sim.plan
        profile = speed_profile(plan, limit_factor=self._limit_factor)
        self._speeds = at_spacing(plan.along_m, profile, _SPACING_M)
        self._road = _road(sim, self._speeds)
        self._rules = RoadRules.of(sim)
        self._ticks = 0
        self.course = Course(offset_m=0.0, speed_mps=self._limit_at(0.0), emergency=False, collision_s=None)

    def act(self, sim: "Simulator") -> CarControls:
        """Steer towards the chosen course and hold its speed."""
        self._stop_m = self._rules.stop_at_m(sim)
        if self._ticks % _PLAN_EVERY_TICKS == 0:
            self.course = choose(
                self._road,
                along_m=sim.track.along_m,
                offset_m=sim.track.offset_m,
                speed_mps=sim.car.speed_mps,
                stop_m=self._stop_m,
                held_m=self.course.offset_m,
                freedom_m=_OVERTAKING_M if sim.scenario is not None else _QUEUEING_M,
                others=forecast(sim),
            )
        self._ticks += 1
        return pedals(
            sim, self.wanted_speed_mps(sim), self.wanted_steer(sim), emergency=self.course.emergency
        )

    def close(self) -> None:
        """Nothing to let go."""

    def wanted_speed_mps(self, sim: "Simulator") -> float:
        """The course's speed, lowered for the profile ahead and for where the car must stand."""
        wanted = min(self.course.speed_mps, self._limit_at(sim.track.along_m + 0.3 * sim.car.speed_mps))
        if self._stop_m < math.inf:
            room_m = self._stop_m - sim.track.along_m
            wanted = min(wanted, math.sqrt(max(0.0, 2.0 * _COMFORT_BRAKING_MPS2 * (room_m - 0.1))))
        return wanted

    def wanted_steer(self, sim: "Simulator") -> float:
        """Pure pursuit (Coulter 1992): the wheel angle whose arc meets a point ahead, in [-1, 1]."""
        car, road = sim.car, self._road
        ahead_m = max(_LOOK_AHEAD_MIN_M, car.speed_mps * _LOOK_AHEAD_S)
        index = min(int((sim.track.along_m + ahead_m) / _SPACING_M), len(road.x_m) - 1)
        offset_m = self.course.offset_m
        step_m = 0.28 * ahead_m
        offset_m = sim.track.offset_m + min(max(offset_m - sim.track.offset_m, -step_m), step_m)
        x_m = float(road.x_m[index]) - offset_m * float(road.sin[index])
        y_m = float(road.y_m[index]) + offset_m * float(road.cos[index])
        dx, dy = x_m - car.x_m, y_m - car.y_m
        sin, cos = trig.sin_cos(car.yaw_rad)
        side = cos * dy - sin * dx
        curvature = 2.0 * side / max(4.0, dx * dx + dy * dy)
        return min(1.0, max(-1.0, trig.atan(sim.limits.wheelbase_m * curvature) / sim.limits.max_steer_rad))

    def _limit_at(self, along_m: float) -> float:
        return float(self._speeds[min(int(along_m / _SPACING_M), len(self._speeds) - 1)])


def pedals(sim: "Simulator", speed_mps: float, steer: float, *, emergency: bool = False) -> CarControls:
    """Pedals that bring the car to a speed: a proportional rule on the wanted acceleration."""
    error = speed_mps - sim.car.speed_mps
    if emergency:
        return CarControls(steer=steer, throttle=0.0, brake=1.0)
    if speed_mps < 0.15:
        return CarControls(steer=steer, throttle=0.0, brake=1.0 if sim.car.speed_mps < 1.0 else 0.6)
    if error > -0.3:
        return CarControls(steer=steer, throttle=min(1.0, max(0.0, 0.25 + 0.7 * error)), brake=0.0)
    return CarControls(steer=steer, throttle=0.0, brake=min(1.0, -0.35 * error))


def _road(sim: "Simulator", speeds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Road:
    """The route at even spacing; linear between its points, straight on beyond its end."""
    plan = sim.plan
    distances = np.arange(len(speeds) + 40) * _SPACING_M
    left = (np.searchsorted(plan.along_m, distances, side="right") - 1).clip(0, len(plan.along_m) - 2)
    rest = distances - plan.along_m[left]
    span = plan.along_m[left + 1] - plan.along_m[left]
    dx = (plan.points_m[left + 1, 0] - plan.points_m[left, 0]) / span
    dy = (plan.points_m[left + 1, 1] - plan.points_m[left, 1]) / span
    padded = np.concatenate([speeds, np.full(40, speeds[-1])])
    return Road(
        x_m=plan.points_m[left, 0] + rest * dx,
        y_m=plan.points_m[left, 1] + rest * dy,
        cos=dx,
        sin=dy,
        speed_mps=padded,
        step_m=_SPACING_M,
    )
