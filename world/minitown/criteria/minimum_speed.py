"""Whether the car kept up with the traffic around it, at four checkpoints along the route.

Speed is the mean over the ticks that have background vehicles, against the mean of their mean.
Without any, or while all stand, a checkpoint is worth 100. A route ends a little before its last
point, so the last checkpoint is taken at the end if more than 95 % were driven. (The genuine
Leaderboard ends every criterion twice and so writes the last one twice; here it is one.)
"""

from scoring.leaderboard import Event, EventType
from world.minitown.criteria.criterion import Verdict
from world.minitown.criteria.observation import Observation
from world.minitown.criteria.route import DenseRoute

WINDOW = 2
LAST_ABOVE = 0.95
_ENOUGH: float = 100
_PERCENT_DIGITS = 2


class MinimumSpeed:
    """Own mean speed in % of the surrounding traffic's."""

    name = "minimum_speed"

    def __init__(self, route: DenseRoute, *, checkpoints: int = 4) -> None:
        self._route = route
        self._stretch_m = route.length_m / checkpoints
        self._index = 0
        self._since_m = 0.0
        self._traffic_mps = self._own_mps = 0.0
        self._ticks = 0
        self._over = False
        self.values: list[float] = []
        """In %, per checkpoint."""
        self.mean: float = _ENOUGH
        """Of the values, once the route is over."""
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> None:
        """Follow the car and add its speed."""
        passed = self._route.last_passed(self._index, WINDOW, seen.x_m, seen.y_m)
        if passed >= 0:
            self._index = passed
        along_m = self._route.along_m[self._index]
        if along_m - self._since_m > self._stretch_m:
            self._take_checkpoint()
            self._since_m = along_m
            self._traffic_mps = self._own_mps = 0.0
            self._ticks = 0
        others = seen.background_speed_mps
        if others:
            total = 0.0
            for speed_mps in others:
                total += speed_mps
            self._traffic_mps += total / len(others)
            self._own_mps += seen.speed_mps
            self._ticks += 1

    def terminate(self) -> None:
        """Take the last checkpoint and the mean of all."""
        if self._over:
            return
        self._over = True
        if self._route.along_m[self._index] / self._route.length_m > LAST_ABOVE:
            self._take_checkpoint()
        if self.values:
            total: float = 0
            for value in self.values:
                total += value
            self.mean = round(total / len(self.values), _PERCENT_DIGITS)

    def _take_checkpoint(self) -> None:
        value = _ENOUGH
        if self._ticks > 0 and self._traffic_mps:
            traffic_mps, own_mps = self._traffic_mps / self._ticks, self._own_mps / self._ticks
            value = round(own_mps / traffic_mps * 100, _PERCENT_DIGITS)
        self.values.append(value)
        self.verdict = Verdict.SUCCESS if value >= _ENOUGH else Verdict.FAILURE
        if self.verdict is Verdict.FAILURE:
            message = f"Average speed is {value}% of the surrounding traffic's one"
            self.events.append(Event(type=EventType.MIN_SPEED_INFRACTION, message=message, percentage=value))
