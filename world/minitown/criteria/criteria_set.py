"""All criteria of a route together, in the Leaderboard's order: what they saw and what ended it.

A tick costs about 7 us of pure Python with everything on and 20 vehicles around (one free core).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.leaderboard import Event
from world.minitown.criteria.actor_blocked import ActorBlocked
from world.minitown.criteria.collision import Collision
from world.minitown.criteria.criterion import Criterion, Verdict
from world.minitown.criteria.in_route import InRoute
from world.minitown.criteria.minimum_speed import MinimumSpeed
from world.minitown.criteria.observation import Observation
from world.minitown.criteria.outside_lanes import OutsideLanes
from world.minitown.criteria.red_light import RedLight
from world.minitown.criteria.route import DenseRoute
from world.minitown.criteria.route_completion import RouteCompletion
from world.minitown.criteria.route_timeout import RouteTimeout
from world.minitown.criteria.stop_sign import StopSign


@dataclass(frozen=True, kw_only=True)
class Ending:
    """What ended a route.

    Attributes:
        name: The criterion.
        verdict: Its verdict; the time-out's is a success, as upstream.
    """

    name: str
    verdict: Verdict


class CriteriaSet:
    """Judges one drive along one route.

    Args:
        route: The dense route.
        speed_limit_mps: One for the whole route, or one per point.
        checkpoints: Of the minimum speed.
        extra: A scenario's own criteria; they come after the route's.
    """

    def __init__(
        self,
        route: DenseRoute,
        *,
        speed_limit_mps: float | Sequence[float],
        checkpoints: int = 4,
        extra: Sequence[Criterion] = (),
    ) -> None:
        self.route_completion = RouteCompletion(route)
        self.minimum_speed = MinimumSpeed(route, checkpoints=checkpoints)
        self.in_route = InRoute(route)
        self.actor_blocked = ActorBlocked()
        self.route_timeout = RouteTimeout(route, speed_limit_mps=speed_limit_mps)
        self._criteria: list[Criterion] = [
            self.route_completion,
            OutsideLanes(route),
            Collision(),
            RedLight(),
            StopSign(),
            self.minimum_speed,
            self.in_route,
            self.actor_blocked,
            *extra,
        ]
        self.ended_by: tuple[Ending, ...] = ()

    @property
    def ended(self) -> bool:
        """The route is over."""
        return bool(self.ended_by)

    @property
    def timed_out(self) -> bool:
        """The route's time ran out."""
        return self.route_timeout.timed_out

    def add(self, criterion: Criterion) -> None:
        """Add a criterion of a scenario that starts now."""
        self._criteria.append(criterion)

    def tick(self, seen: Observation) -> None:
        """Judge a tick; nothing happens once the route is over."""
        if self.ended_by:
            return
        endings: list[Ending] = []
        for criterion in self._criteria:
            verdict = criterion.tick(seen)
            if verdict is not None:
                endings.append(Ending(name=criterion.name, verdict=verdict))
        verdict = self.route_timeout.tick(seen)
        if verdict is not None:
            endings.append(Ending(name=self.route_timeout.name, verdict=verdict))
        self.ended_by = tuple(endings)

    def terminate(self) -> None:
        """Close all criteria, whoever ended the route. Calling it again changes nothing."""
        for criterion in self._criteria:
            criterion.terminate()

    def events(self) -> list[list[Event]]:
        """The events of each criterion, in the Leaderboard's order."""
        return [list(criterion.events) for criterion in self._criteria]
