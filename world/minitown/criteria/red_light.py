"""Red lights that the car drove through; a light counts again only after another one was run."""

from scoring.leaderboard import Event, EventType
from world.minitown.criteria.criterion import Verdict, place
from world.minitown.criteria.observation import Observation


class RedLight:
    """Counts lights run."""

    name = "red_light"

    def __init__(self) -> None:
        self._last_id: int | None = None
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> None:
        """Count the light whose line the car's tail crosses, once."""
        light_id = seen.red_light_crossed
        if light_id is None or light_id == self._last_id:
            return
        self._last_id = light_id
        self.verdict = Verdict.FAILURE
        x_m, y_m = seen.red_light_at_m or (seen.x_m, seen.y_m)
        message = f"Agent ran a red light {light_id} at {place(x_m, y_m, seen.z_m)}"
        self.events.append(Event(type=EventType.TRAFFIC_LIGHT_INFRACTION, message=message))

    def terminate(self) -> None:
        """None run is a success."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS
