"""Where vehicles come from: bodies, places to begin, and the turns they will take."""

from collections.abc import Sequence

import numpy as np

from world.actors import Actor, ActorKind
from world.streets.network import Command, Lane
from world.streets.shape import LaneShape
from world.traffic.people import rgb_of
from world.traffic.rules import Body, TrafficRules
from world.traffic.vehicles import Vehicle

_MIN_LANE_M = 35.0
_TRIES = 240
_ROOM_M = 22.0

Circle = tuple[float, float, float]
"""X, Y and radius."""


class Fleet:
    """Makes vehicles and puts them on free lanes."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        shapes: Sequence[LaneShape],
        rules: TrafficRules,
        rng: np.random.Generator,
    ) -> None:
        self._lanes, self._rules, self._rng = lanes, rules, rng
        # Lane, place and distance along it, for every lane on which a vehicle may begin.
        self._starts = [
            (lane.lane_id, *shapes[lane.lane_id].at(0.35 * lane.length_m)[:2], 0.35 * lane.length_m)
            for lane in lanes
            if not lane.is_connector and lane.length_m > _MIN_LANE_M and lane.to_crossing >= 0
        ]

    def new_vehicle(self, actor_id: int) -> Vehicle:
        """A vehicle with a random body and driver, not yet on any street."""
        body = self._body()
        colours = self._rules.colours
        colour = colours[int(self._rng.integers(len(colours)))]
        if body.type_id.endswith("taxi"):
            colour = self._rules.taxi_colour
        actor = Actor(
            actor_id=actor_id,
            kind=ActorKind.VEHICLE,
            type_id=body.type_id,
            x_m=1e6 + 100.0 * actor_id,
            y_m=1e6,
            yaw_rad=0.0,
            length_m=body.length_m,
            width_m=body.width_m,
            height_m=body.height_m,
            rgb=rgb_of(colour),
        )
        low, high = self._rules.driver.limit_share
        share = low + (high - low) * float(self._rng.random())
        start = self._starts[0]
        return Vehicle(actor=actor, lanes=[start[0]], along_m=start[3], speed_mps=0.0, limit_share=share)

    def _body(self) -> Body:
        point = float(self._rng.random()) * sum(body.share for body in self._rules.bodies)
        for body in self._rules.bodies:
            point -= body.share
            if point < 0.0:
                return body
        return self._rules.bodies[-1]

    def find_place(
        self,
        vehicle: Vehicle,
        others: Sequence[Vehicle],
        near: tuple[float, float],
        ring_m: tuple[float, float],
        clear: Sequence[Circle] = (),
    ) -> tuple[int, float] | None:
        """A lane and a distance along it where a vehicle may begin, or None where none was found.

        Args:
            vehicle: Who begins.
            others: Who is about already.
            near: Middle of the ring.
            ring_m: Its least and greatest radius.
            clear: Circles that must stay free.
        """
        low2, high2 = ring_m[0] * ring_m[0], ring_m[1] * ring_m[1]
        for _ in range(_TRIES):
            number, x_m, y_m, along_m = self._starts[int(self._rng.integers(len(self._starts)))]
            dx, dy = x_m - near[0], y_m - near[1]
            if low2 <= dx * dx + dy * dy <= high2 and _is_free(x_m, y_m, vehicle, others, clear):
                return number, along_m
        return None

    def extend(self, vehicle: Vehicle) -> None:
        """Keep three lanes planned, with random turns that do not lead off the map if possible."""
        while len(vehicle.lanes) < 3:
            lane = self._lanes[vehicle.lanes[-1]]
            if not lane.successors:
                return
            if lane.is_connector:
                vehicle.lanes.append(lane.successors[0])
                continue
            onward = [k for k in lane.successors if self._leads_on(self._lanes[k])] or list(lane.successors)
            straight = [k for k in onward if self._lanes[k].turn is Command.STRAIGHT]
            if straight and float(self._rng.random()) < 0.5:
                vehicle.lanes.append(straight[0])
            else:
                vehicle.lanes.append(onward[int(self._rng.integers(len(onward)))])

    def _leads_on(self, connector: Lane) -> bool:
        return self._lanes[connector.successors[0]].to_crossing >= 0


def _is_free(
    x_m: float, y_m: float, vehicle: Vehicle, others: Sequence[Vehicle], clear: Sequence[Circle]
) -> bool:
    if any((x_m - x) ** 2 + (y_m - y) ** 2 < r * r for x, y, r in clear):
        return False
    return not any(
        abs(other.actor.x_m - x_m) < _ROOM_M and abs(other.actor.y_m - y_m) < _ROOM_M
        for other in others
        if other is not vehicle
    )
