"""What every criterion has: a name, its events, a verdict, and whether it ends the route."""

from enum import StrEnum
from typing import Protocol

from scoring.leaderboard import Event
from scoring.leaderboard.single import to_single
from world.minitown.criteria.observation import Observation


class Verdict(StrEnum):
    """How a criterion stands; `INIT` until something is decided."""

    INIT = "INIT"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


class Criterion(Protocol):
    """Judges one thing, tick by tick."""

    @property
    def name(self) -> str:
        """What it is called in `CriteriaSet.ended_by`."""
        ...

    @property
    def events(self) -> list[Event]:
        """What happened, in order."""
        ...

    def tick(self, seen: Observation) -> Verdict | None:
        """Judge a tick.

        Returns:
            None to go on, or the verdict with which the route ends.
        """
        ...

    def terminate(self) -> None:
        """The route is over. Calling it again changes nothing."""
        ...


def place(x_m: float, y_m: float, z_m: float) -> str:
    """A place as upstream's messages have it: CARLA's single precision, to the millimetre."""
    x, y, z = (round(to_single(value), 3) for value in (x_m, y_m, z_m))
    return f"(x={x}, y={y}, z={z})"
