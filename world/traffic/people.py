"""Pedestrians: from corner to corner of the crossings, over the street with their light.

A corner is `(crossing, side along X, side along Y)`. From it a walker crosses one of the two
streets, or walks along a pavement to the next crossing. He starts to cross only when his light is
green for long enough, or at an unlit crossing, and never in front of somebody who drives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from world import trig
from world.actors import Actor, ActorKind
from world.streets.network import Control, StreetNetwork
from world.traffic.lights import Lights
from world.traffic.rules import TrafficRules

Corner = tuple[int, int, int]
Mover = tuple[float, float, float]
"""X, Y and speed of somebody who drives."""

_PAVEMENT_M = 0.5
_CLEAR_M = 16.0
_MOVING_MPS = 0.8


@dataclass(slots=True, kw_only=True)
class Walker:
    """A pedestrian on the way to a corner."""

    actor: Actor
    corner: Corner
    to_x_m: float
    to_y_m: float
    pace_mps: float
    crosses: int = -1  # axis of the street he waits to cross, -1: he walks


class People:
    """All pedestrians."""

    def __init__(self, network: StreetNetwork, rules: TrafficRules, rng: np.random.Generator) -> None:
        self._crossings, self._rules, self._rng = network.crossings, rules, rng
        self._next: dict[tuple[int, int, int], int] = {}  # crossing, axis, side -> crossing
        for lane in network.lanes:
            if not lane.is_connector and lane.from_crossing >= 0 and lane.to_crossing >= 0:
                dx = lane.points_m[-1, 0] - lane.points_m[0, 0]
                dy = lane.points_m[-1, 1] - lane.points_m[0, 1]
                axis = 0 if abs(dx) > abs(dy) else 1
                side = 1 if (dx if axis == 0 else dy) > 0 else -1
                self._next[lane.from_crossing, axis, side] = lane.to_crossing
        self.walkers: list[Walker] = []

    def add(self, actor_id: int, x_m: float, y_m: float, ring_m: tuple[float, float]) -> None:
        """Put a new walker at a corner within a ring around a place."""
        clothes = self._rules.clothes[int(self._rng.integers(len(self._rules.clothes)))]
        low, high = self._rules.walker.speed_mps
        actor = Actor(
            actor_id=actor_id,
            kind=ActorKind.PEDESTRIAN,
            type_id="walker.pedestrian.minitown",
            x_m=0.0,
            y_m=0.0,
            yaw_rad=0.0,
            length_m=self._rules.walker.width_m,
            width_m=self._rules.walker.width_m,
            height_m=self._rules.walker.height_m,
            rgb=rgb_of(clothes),
        )
        pace = low + (high - low) * float(self._rng.random())
        walker = Walker(actor=actor, corner=(0, 1, 1), to_x_m=0.0, to_y_m=0.0, pace_mps=pace)
        self.walkers.append(walker)
        self._put(walker, x_m, y_m, ring_m)

    def step(self, dt_s: float, ego: tuple[float, float], movers: Sequence[Mover], lights: Lights) -> None:
        """Move everybody by one tick; who is far from the player begins anew near him."""
        low_m, high_m = self._rules.near_walker_m
        for walker in self.walkers:
            dx, dy = walker.actor.x_m - ego[0], walker.actor.y_m - ego[1]
            if dx * dx + dy * dy > 1.7 * high_m * high_m:
                self._put(walker, *ego, (low_m, high_m))
            elif walker.crosses >= 0:
                self._wait(walker, movers, lights)
            else:
                self._walk(walker, dt_s)

    def _put(self, walker: Walker, x_m: float, y_m: float, ring_m: tuple[float, float]) -> None:
        low_m, high_m = ring_m
        near = [
            crossing.crossing_id
            for crossing in self._crossings
            if low_m <= trig.hypot(crossing.x_m - x_m, crossing.y_m - y_m) <= high_m
        ]
        number = near[int(self._rng.integers(len(near)))] if near else 0
        sides = self._rng.integers(2, size=2) * 2 - 1
        walker.corner = (number, int(sides[0]), int(sides[1]))
        walker.actor.x_m, walker.actor.y_m = self._place(walker.corner)
        self._choose(walker)

    def _place(self, corner: Corner) -> tuple[float, float]:
        crossing = self._crossings[corner[0]]
        return (
            crossing.x_m + corner[1] * (crossing.half_x_m + _PAVEMENT_M),
            crossing.y_m + corner[2] * (crossing.half_y_m + _PAVEMENT_M),
        )

    def _choose(self, walker: Walker) -> None:
        """The next corner: over one of the streets, or along one of the pavements."""
        number, side_x, side_y = walker.corner
        choice = int(self._rng.integers(4))
        axis = choice & 1
        target: Corner = (number, -side_x, side_y) if axis == 0 else (number, side_x, -side_y)
        crosses = choice >= 2
        if not crosses:
            onward = self._next.get((number, axis, side_x if axis == 0 else side_y))
            if onward is None:
                crosses = True
            else:
                target = (onward, -side_x, side_y) if axis == 0 else (onward, side_x, -side_y)
        walker.crosses = axis if crosses else -1
        walker.corner = target
        walker.to_x_m, walker.to_y_m = self._place(target)
        walker.actor.yaw_rad = trig.atan2(walker.to_y_m - walker.actor.y_m, walker.to_x_m - walker.actor.x_m)
        walker.actor.speed_mps = 0.0 if crosses else walker.pace_mps

    def _wait(self, walker: Walker, movers: Sequence[Mover], lights: Lights) -> None:
        """Set off over the street when that is safe."""
        number = walker.corner[0]
        crossing = self._crossings[number]
        far_m = 2.0 * (crossing.half_x_m if walker.crosses == 0 else crossing.half_y_m) + 1.0
        # Who walks along X goes with the traffic along X: phase 0.
        lit = crossing.control is Control.LIGHTS
        if lit and lights.green_left_s(number, walker.crosses) < far_m / walker.pace_mps + 0.5:
            return
        middle_x = 0.5 * (walker.actor.x_m + walker.to_x_m)
        middle_y = 0.5 * (walker.actor.y_m + walker.to_y_m)
        for x_m, y_m, speed in movers:
            reach = _CLEAR_M + speed
            if speed > _MOVING_MPS and abs(x_m - middle_x) < reach and abs(y_m - middle_y) < reach:
                return
        walker.crosses = -1
        walker.actor.speed_mps = walker.pace_mps

    def _walk(self, walker: Walker, dt_s: float) -> None:
        actor = walker.actor
        dx, dy = walker.to_x_m - actor.x_m, walker.to_y_m - actor.y_m
        left_m = trig.hypot(dx, dy)
        step_m = walker.pace_mps * dt_s
        if left_m <= step_m:
            actor.x_m, actor.y_m = walker.to_x_m, walker.to_y_m
            self._choose(walker)
            return
        actor.x_m += dx / left_m * step_m
        actor.y_m += dy / left_m * step_m


def rgb_of(colour: str) -> tuple[int, int, int]:
    """`#rrggbb` as three bytes."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
