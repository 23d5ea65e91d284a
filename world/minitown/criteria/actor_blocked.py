"""Whether the car still moves; ends the route after three minutes below 0.1 m/s."""

from scoring.leaderboard import Event, EventType
from world.minitown.criteria.criterion import Verdict, place
from world.minitown.criteria.observation import Observation

MIN_SPEED_MPS = 0.1
MAX_TIME_S = 180.0


class ActorBlocked:
    """Time since the car last moved."""

    name = "actor_blocked"

    def __init__(self) -> None:
        self._moved_s = 0.0
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> Verdict | None:
        """Watch the speed; failure ends the route in the same tick.

        Upstream takes a last movement at time zero for none yet, so a car that never moves is
        timed from the tick after.
        """
        if not seen.speed_mps < MIN_SPEED_MPS or not self._moved_s:
            self._moved_s = seen.t_s
        elif seen.t_s - self._moved_s > MAX_TIME_S:
            message = f"Agent got blocked at {place(seen.x_m, seen.y_m, seen.z_m)}"
            self.events.append(Event(type=EventType.VEHICLE_BLOCKED, message=message))
            self.verdict = Verdict.FAILURE
        return self.verdict if self.verdict is Verdict.FAILURE else None

    def terminate(self) -> None:
        """Not blocked is a success."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS
