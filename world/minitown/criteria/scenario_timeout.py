"""Scenarios that ran out of time: who stages one says so, and it counts once."""

from scoring.leaderboard import Event, EventType
from world.minitown.criteria.criterion import Verdict
from world.minitown.criteria.observation import Observation


class ScenarioTimeout:
    """One scenario's time-out."""

    name = "scenario_timeout"

    def __init__(self) -> None:
        self._ran_out = False
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def run_out(self) -> None:
        """The scenario's time is over before the car finished it."""
        self._ran_out = True

    def tick(self, seen: Observation) -> None:
        """Wait."""

    def terminate(self) -> None:
        """Count the time-out."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.FAILURE if self._ran_out else Verdict.SUCCESS
            if self._ran_out:
                self.events.append(
                    Event(type=EventType.SCENARIO_TIMEOUT, message="Agent timed out a scenario")
                )
