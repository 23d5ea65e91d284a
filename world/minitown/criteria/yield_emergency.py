"""Whether an emergency vehicle was let past: at the end it must be ahead of the car."""

import math

from scoring.leaderboard import Event, EventType
from world.minitown.criteria.criterion import Verdict
from world.minitown.criteria.observation import Observation


class YieldEmergency:
    """One emergency vehicle coming from behind."""

    name = "yield_emergency"

    def __init__(self) -> None:
        self._is_over = False
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> None:
        """Look which of the two is ahead, in the emergency vehicle's direction."""
        other = seen.emergency_vehicle
        if other is None or self._is_over:
            return
        ahead_m = (seen.x_m - other.x_m) * math.cos(other.yaw_rad)
        ahead_m += (seen.y_m - other.y_m) * math.sin(other.yaw_rad)
        self.verdict = Verdict.FAILURE if ahead_m > 0.0 else Verdict.SUCCESS

    def terminate(self) -> None:
        """Count it if the car was still in front. Called when the scenario ends, or the route."""
        if self._is_over:
            return
        self._is_over = True
        if self.verdict is Verdict.FAILURE:
            message = "Agent failed to yield to an emergency vehicle"
            self.events.append(Event(type=EventType.YIELD_TO_EMERGENCY_VEHICLE, message=message))
        elif self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS
