"""The time a route may take: 300 s, and for each stretch driven what a tenth of the speed limit needs."""

import math
from collections.abc import Sequence

from scoring.leaderboard import Event
from world.minitown.criteria.criterion import Verdict
from world.minitown.criteria.observation import Observation
from world.minitown.criteria.route import DenseRoute, DenseRouteError

WINDOW = 3
BASE_S: float = 300
LIMIT_PERCENT = 10


class RouteTimeout:
    """Game time against a limit that grows with progress.

    Args:
        route: The route.
        speed_limit_mps: One for all, or one per point of the route.

    Raises:
        DenseRouteError: For limits that are not above zero, or not one per point.
    """

    name = "route_timeout"
    events: Sequence[Event] = ()

    def __init__(self, route: DenseRoute, *, speed_limit_mps: float | Sequence[float]) -> None:
        self._route = route
        self._limits_mps = _per_point(speed_limit_mps, len(route))
        self._index = 0
        self._start_s: float | None = None
        self.limit_s: float = BASE_S
        self.timed_out = False

    def tick(self, seen: Observation) -> Verdict | None:
        """Extend the limit by what was driven, then look at the clock."""
        if self._start_s is None:
            self._start_s = seen.t_s
        passed = self._route.last_passed(self._index, WINDOW, seen.x_m, seen.y_m)
        if passed > self._index:
            driven_m = self._route.along_m[passed] - self._route.along_m[self._index]
            self.limit_s += driven_m / (self._limits_mps[passed] * LIMIT_PERCENT / 100)
            self._index = passed
        if seen.t_s - self._start_s > self.limit_s:
            self.timed_out = True
            return Verdict.SUCCESS
        return None

    def terminate(self) -> None:
        """Nothing is left to do."""


def _per_point(speed_limit_mps: float | Sequence[float], points: int) -> list[float]:
    limits = list(speed_limit_mps) if isinstance(speed_limit_mps, Sequence) else [speed_limit_mps] * points
    if len(limits) != points:
        raise DenseRouteError(f"{len(limits)} speed limits (must be {points}, one per point)")
    if not all(0.0 < limit_mps < math.inf for limit_mps in limits):
        raise DenseRouteError(f"speed limit {min(limits)} m/s (must be above 0)")
    return limits
