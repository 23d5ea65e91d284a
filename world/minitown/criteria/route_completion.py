"""How much of the route was driven; ends the route at its end.

Each tick looks at the point passed last and two more, so a car that does more than about three
points in a tick falls behind its own progress. The end is reached above 99 % and within 10 m of
the last point; a car that passes it farther to the side gets its 100 % without ending the route.
"""

import math

from scoring.leaderboard import Event, EventType
from scoring.leaderboard.single import distance_m, to_single
from world.minitown.criteria.criterion import Verdict
from world.minitown.criteria.observation import Observation
from world.minitown.criteria.route import DenseRoute

WINDOW = 2
DONE_ABOVE_PERCENT = 99.0
DONE_WITHIN_M = 10.0
_PERCENT_DIGITS = 2


class RouteCompletion:
    """Percentage of the route that is behind the car."""

    name = "route_completion"

    def __init__(self, route: DenseRoute) -> None:
        self._route = route
        self._percent = [along_m / route.length_m * 100 for along_m in route.along_m]
        self._end = (route.x_m[-1], route.y_m[-1])
        self._index = 0
        self.completed: float = 0
        """In %; whole 100 after a success, as upstream."""
        self.verdict = Verdict.INIT

    @property
    def events(self) -> list[Event]:
        """One event, always."""
        message = f"Agent has completed {self.completed} of the route"
        return [Event(type=EventType.ROUTE_COMPLETION, message=message, percentage=self.completed)]

    def tick(self, seen: Observation) -> Verdict | None:
        """Follow the car; success in the tick after the one that reached the end."""
        if self.verdict is Verdict.SUCCESS:
            return self.verdict
        passed = self._route.last_passed(self._index, WINDOW, seen.x_m, seen.y_m)
        if passed >= 0:
            self._index = passed
            self.completed = round(self._percent[passed], _PERCENT_DIGITS)
        if self.completed > DONE_ABOVE_PERCENT and self._is_at_end(seen):
            self.verdict = Verdict.SUCCESS
            self.completed = 100
        return None

    def terminate(self) -> None:
        """A route that was not completed is failed."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.FAILURE

    def _is_at_end(self, seen: Observation) -> bool:
        here = (to_single(seen.x_m), to_single(seen.y_m))
        away_m = distance_m(here, self._end) if all(map(math.isfinite, here)) else math.inf
        return away_m < DONE_WITHIN_M
