"""Stop signs that the car drove past without a stop.

The car must come below 0.1 m/s inside the sign's zone, after the tick in which it entered. One
sign is watched at a time, until its zone is left; the sign that was failed last does not count
again at once.
"""

from scoring.leaderboard import Event, EventType
from world.minitown.criteria.criterion import Verdict, place
from world.minitown.criteria.observation import Observation, StopZone

STOPPED_BELOW_MPS = 0.1


class StopSign:
    """Counts stops not made."""

    name = "stop"

    def __init__(self) -> None:
        self._watched: StopZone | None = None
        self._has_stopped = False
        self._failed_id: int | None = None
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> None:
        """Watch for the stop while in a zone, judge when it is left."""
        zone = seen.stop_sign if seen.stop_sign is not None and seen.stop_sign.inside else None
        watched = self._watched
        if watched is None:
            self._watched = zone
            return
        if seen.speed_mps < STOPPED_BELOW_MPS:
            self._has_stopped = True
        if zone is not None and zone.stop_id == watched.stop_id:
            return
        if not self._has_stopped and self._failed_id != watched.stop_id:
            self._fail(watched)
        self._watched, self._has_stopped = None, False

    def terminate(self) -> None:
        """None run is a success."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS

    def _fail(self, sign: StopZone) -> None:
        self._failed_id = sign.stop_id
        self.verdict = Verdict.FAILURE
        message = f"Agent ran a stop with id={sign.stop_id} at {place(sign.x_m, sign.y_m, 0.0)}"
        self.events.append(Event(type=EventType.STOP_INFRACTION, message=message))
