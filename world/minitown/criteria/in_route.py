"""Whether the car stays near the route; ends the route where it does not.

30 m away is too far at once. From 15 m on, the stretches of route passed meanwhile add up, and
30 % of the route is too much.
"""

import math

from scoring.leaderboard import Event, EventType
from scoring.leaderboard.single import to_single
from world.minitown.criteria.criterion import Verdict, place
from world.minitown.criteria.observation import Observation
from world.minitown.criteria.route import DenseRoute

WINDOW = 5
MAX_AWAY_M = 30.0
SAFE_AWAY_M = MAX_AWAY_M / 2
MAX_OUT_PERCENT = 30


class InRoute:
    """Distance to the nearest of the next few route points."""

    name = "in_route"

    def __init__(self, route: DenseRoute) -> None:
        self._route = route
        self._index = 0
        self._out_m = 0.0
        self._is_safe = True
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> Verdict | None:
        """Measure the distance; failure ends the route in the same tick."""
        if self.verdict is Verdict.FAILURE:
            return self.verdict
        nearest, away_m = self._nearest(to_single(seen.x_m), to_single(seen.y_m))
        if nearest < 0:
            return None
        is_off = away_m >= MAX_AWAY_M
        if not is_off:
            self._is_safe = away_m < SAFE_AWAY_M
        if nearest != self._index:
            is_off = self._advance(nearest) or is_off
        if not is_off:
            return None
        where = place(seen.x_m, seen.y_m, seen.z_m)
        message = f"Agent deviated from the route at {where}"
        self.events.append(Event(type=EventType.ROUTE_DEVIATION, message=message))
        self.verdict = Verdict.FAILURE
        return self.verdict

    def terminate(self) -> None:
        """No deviation is a success."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS

    def _nearest(self, x_m: float, y_m: float) -> tuple[int, float]:
        """The nearest point ahead, the later one of equals, and its distance; -1 for no place at all."""
        xs, ys = self._route.x_m, self._route.y_m
        nearest, shortest_m = -1, math.inf
        for index in range(self._index, min(self._index + WINDOW + 1, len(xs))):
            dx, dy = x_m - xs[index], y_m - ys[index]
            away_m = math.sqrt(dx * dx + dy * dy)
            if away_m <= shortest_m:
                nearest, shortest_m = index, away_m
        return (nearest, shortest_m) if shortest_m < math.inf else (-1, math.inf)

    def _advance(self, nearest: int) -> bool:
        """Move on to a point; True if too much of the route was driven too far from it."""
        along_m = self._route.along_m
        new_m = along_m[nearest] - along_m[self._index]
        self._index = nearest
        if self._is_safe:
            return False
        self._out_m += new_m
        return 100 * self._out_m / self._route.length_m > MAX_OUT_PERCENT
