"""How much of the route was driven outside its lanes, or against their direction.

Outside is more than half a lane and 0.5 m from the nearest lane's centre. Wrong way is a lane that
points more than 120 degrees away from the car when it leaves a crossing, or one more than 150
degrees away from the lane of the tick before (then again: back). In a crossing every direction is
right. Metres are those of the route passed meanwhile, not those driven: who stands outside pays
nothing. One event, kept up to date.
"""

import math

from scoring.leaderboard import Event, EventType
from scoring.leaderboard.oracle import outside_message
from world.minitown.criteria.criterion import Verdict
from world.minitown.criteria.observation import LanePosition, Observation
from world.minitown.criteria.route import DenseRoute

WINDOW = 3
SHOULDER_M = 0.5
MAX_CAR_ANGLE_DEG = 120.0
MAX_LANE_ANGLE_DEG = 150.0


class OutsideLanes:
    """Route metres passed outside the lanes, in % of those passed."""

    name = "outside_lanes"

    def __init__(self, route: DenseRoute) -> None:
        self._route = route
        self._index = 0
        self._is_outside = self._is_wrong_way = False
        self._before: LanePosition | None = None
        self._total_m = self._outside_m = 0.0
        self.verdict = Verdict.INIT

    @property
    def events(self) -> list[Event]:
        """At most one event."""
        if not self._outside_m:
            return []
        percentage = self._outside_m / self._total_m * 100
        return [
            Event(
                type=EventType.OUTSIDE_ROUTE_LANES_INFRACTION,
                message=outside_message(self._outside_m, percentage),
                percentage=percentage,
                distance_m=self._outside_m,
            )
        ]

    def tick(self, seen: Observation) -> None:
        """Judge the lane, then add the stretch of route that was passed."""
        if seen.lane is not None:
            self._judge(seen.lane, seen.yaw_rad)
        is_wrong = self._is_outside or self._is_wrong_way
        if is_wrong:
            self.verdict = Verdict.FAILURE
        route, start = self._route, self._index
        for index in range(start + 1, min(start + WINDOW + 1, len(route))):
            if route.passed(index, seen.x_m, seen.y_m):
                passed_m = route.distance_between_m(self._index, index)
                self._total_m += passed_m
                if is_wrong:
                    self._outside_m += passed_m
                self._index = index

    def terminate(self) -> None:
        """Never outside is a success."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS

    def _judge(self, lane: LanePosition, yaw_rad: float) -> None:
        self._is_outside = abs(lane.offset_m) > lane.lane_width_m / 2 + SHOULDER_M
        before = self._before if self._before is not None else lane
        if lane.in_junction:
            self._is_wrong_way = False
        elif before.in_junction:
            self._is_wrong_way = _angle_deg(lane.lane_yaw_rad, yaw_rad) >= MAX_CAR_ANGLE_DEG
        elif _angle_deg(before.lane_yaw_rad, lane.lane_yaw_rad) > MAX_LANE_ANGLE_DEG:
            self._is_wrong_way = not self._is_wrong_way
        self._before = lane


def _angle_deg(first_rad: float, second_rad: float) -> float:
    """The angle between two directions, 0 to 180."""
    angle_deg = math.degrees(first_rad - second_rad) % 360.0
    return min(angle_deg, 360.0 - angle_deg)
