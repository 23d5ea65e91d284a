"""Case files: what happened on some routes, and the document that upstream's code made of it.

The form is that of the genuine oracles: `{"cases": [{"name", "routes", "expected"}, ...]}`. Events
carry no message there, so the messages of upstream's criteria are put in here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.leaderboard.errors import ScoringInputError
from scoring.leaderboard.events import Event, EventType, Failure
from scoring.leaderboard.reading import Field, read_json
from scoring.leaderboard.record import RouteRun
from scoring.leaderboard.results import make_results
from scoring.leaderboard.versions import ScorerVersion

SENSORS = ("carla_camera", "carla_speedometer")
_DURATION_SYSTEM_S, _DURATION_GAME_S = 20.0, 10.0
_PLACE = "at (x=1.0, y=2.0, z=0.0)"
_MESSAGES = {
    EventType.COLLISION_PEDESTRIAN: (
        f"Agent collided against object with type=walker.pedestrian.0015 and id=812 {_PLACE}"
    ),
    EventType.COLLISION_VEHICLE: (
        f"Agent collided against object with type=vehicle.audi.tt and id=455 {_PLACE}"
    ),
    EventType.COLLISION_STATIC: f"Agent collided against object with type=static.pole and id=0 {_PLACE}",
    EventType.TRAFFIC_LIGHT_INFRACTION: f"Agent ran a red light 1023 {_PLACE}",
    EventType.STOP_INFRACTION: f"Agent ran a stop with id=77 {_PLACE}",
    EventType.SCENARIO_TIMEOUT: "Agent timed out a scenario",
    EventType.YIELD_TO_EMERGENCY_VEHICLE: "Agent failed to yield to an emergency vehicle",
    EventType.ROUTE_DEVIATION: f"Agent deviated from the route {_PLACE}",
    EventType.VEHICLE_BLOCKED: f"Agent got blocked {_PLACE}",
}
_FAILURES = {
    "Simulation": Failure.SIMULATION,
    "Sensors": Failure.SENSORS,
    "Agent_init": Failure.AGENT_INIT,
    "Agent_runtime": Failure.AGENT_RUNTIME,
}
_EXTRA = {"scenario_name": "Scn", "weather_id": "0", "save_name": "save", "town_name": "Town12"}
_EXPECTED_PREFIX = {
    ScorerVersion.V2_0: "leaderboard-2.0",
    ScorerVersion.V2_1: "leaderboard-2.1",
    ScorerVersion.BENCH2DRIVE: "bench2drive",
}


@dataclass(frozen=True, kw_only=True)
class OracleCase:
    """One case.

    Attributes:
        name: Its name.
        runs: Its routes.
        total_routes: How many routes there should have been.
        crashed: The whole evaluation broke off.
        expected: Results document per upstream version; empty where the file has none.
    """

    name: str
    runs: tuple[RouteRun, ...]
    total_routes: int
    crashed: bool
    expected: Mapping[str, Any]

    def expected_for(self, version: ScorerVersion) -> Any | None:
        """The genuine document of a version, or None."""
        for name, document in self.expected.items():
            if name.startswith(_EXPECTED_PREFIX[version]):
                return document
        return None


def load_cases(path: Path) -> list[OracleCase]:
    """Read a case file.

    Args:
        path: The file.

    Raises:
        ScoringInputError: Naming the file and the field that is wrong.
    """
    return [_case(field) for field in case_fields(path)]


def case_fields(path: Path) -> list[Field]:
    """The cases of a file: a list of them, or an object with `cases`."""
    whole = read_json(path)
    return whole.items() if isinstance(whole.value, list) else whole["cases"].items()


def score_case(case: OracleCase, version: ScorerVersion) -> dict[str, Any]:
    """The results document of a case.

    Args:
        case: The case.
        version: Which penalty rule.
    """
    return make_results(
        case.runs, version=version, total_routes=case.total_routes, crashed=case.crashed, sensors=SENSORS
    )


def _case(field: Field) -> OracleCase:
    routes = field["routes"].items()
    total, crashed, expected = field.get("total_routes"), field.get("crashed"), field.get("expected")
    return OracleCase(
        name=field["name"].text(),
        runs=tuple(_run(route, index) for index, route in enumerate(routes)),
        total_routes=len(routes) if total is None else total.whole(minimum=min(1, len(routes))),
        crashed=crashed is not None and crashed.flag(),
        expected={} if expected is None else expected.members(),
    )


def _run(field: Field, index: int) -> RouteRun:
    def flag(name: str) -> bool:
        found = field.get(name)
        return found is not None and found.flag()

    def duration_s(name: str, default_s: float) -> float:
        found = field.get(name)
        return default_s if found is None else found.number()

    try:
        return RouteRun(
            route_id=field["route_id"].text(),
            index=index,
            route_points=[point.numbers(counts=(2, 3)) for point in field["route_points"].items()],
            criteria=[[_event(event) for event in node.items()] for node in field["criteria"].items()],
            timeout=flag("timeout"),
            failure=_failure(field),
            registered=not flag("no_scenario"),
            duration_system_s=duration_s("duration_system", _DURATION_SYSTEM_S),
            duration_game_s=duration_s("duration_game", _DURATION_GAME_S),
            extra=_EXTRA,
        )
    except ScoringInputError as error:
        raise error if error.source else field.wrong(str(error)) from error


def _failure(field: Field) -> Failure | None:
    found = field.get("failure")
    if found is None or found.value in (None, ""):
        return None
    if found.text() not in _FAILURES:
        raise found.wrong(f"{found.value!r} (must be one of {', '.join(_FAILURES)})")
    return _FAILURES[found.value]


def _event(field: Field) -> Event:
    name = field["type"].text()
    if name not in EventType.__members__:
        raise field["type"].wrong(f"{name!r} (unknown event type)")
    kind = EventType[name]
    if kind is EventType.ROUTE_COMPLETION:
        completed = field["route_completed"].number()
        return Event(type=kind, message=f"Agent has completed {completed} of the route", percentage=completed)
    if kind is EventType.MIN_SPEED_INFRACTION:
        percentage = field["percentage"].number()
        message = f"Average speed is {percentage}% of the surrounding traffic's one"
        return Event(type=kind, message=message, percentage=percentage)
    if kind is EventType.OUTSIDE_ROUTE_LANES_INFRACTION:
        percentage, distance_m = field["percentage"].number(), field["distance"].number()
        message = outside_message(distance_m, percentage)
        return Event(type=kind, message=message, percentage=percentage, distance_m=distance_m)
    return Event(type=kind, message=_MESSAGES.get(kind, ""))


def outside_message(distance_m: float, percentage: float) -> str:
    """The sentence from which the global record reads the metres (its ninth word)."""
    return (
        f"Agent went outside its route lanes for about {round(distance_m, 3)} meters "
        f"({round(percentage, 2)}% of the completed route)"
    )
