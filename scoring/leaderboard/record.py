"""The record of one route: what happened, its score and its status."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.leaderboard.errors import ScoringInputError
from scoring.leaderboard.events import Event, EventType, Failure
from scoring.leaderboard.single import polyline_length_m
from scoring.leaderboard.versions import ScorerVersion, score_penalty

KEY_OF = {
    EventType.COLLISION_STATIC: "collisions_layout",
    EventType.COLLISION_PEDESTRIAN: "collisions_pedestrian",
    EventType.COLLISION_VEHICLE: "collisions_vehicle",
    EventType.TRAFFIC_LIGHT_INFRACTION: "red_light",
    EventType.STOP_INFRACTION: "stop_infraction",
    EventType.OUTSIDE_ROUTE_LANES_INFRACTION: "outside_route_lanes",
    EventType.MIN_SPEED_INFRACTION: "min_speed_infractions",
    EventType.YIELD_TO_EMERGENCY_VEHICLE: "yield_emergency_vehicle_infractions",
    EventType.SCENARIO_TIMEOUT: "scenario_timeouts",
    EventType.ROUTE_DEVIATION: "route_dev",
    EventType.VEHICLE_BLOCKED: "vehicle_blocked",
}
TIMEOUT_KEY = "route_timeout"
INFRACTION_KEYS = (*KEY_OF.values(), TIMEOUT_KEY)
"""The twelve infraction kinds, in the document's order."""

ROUND_DIGITS, ROUND_DIGITS_SCORE = 3, 6
_ENDINGS = {
    EventType.ROUTE_DEVIATION: "Agent deviated from the route",
    EventType.VEHICLE_BLOCKED: "Agent got blocked",
}
_TIMED_OUT = "Agent timed out"
_BENCH2DRIVE_FIELDS = ("scenario_name", "weather_id", "save_name")
_BENCH2DRIVE_LAST = "town_name"


@dataclass(frozen=True, kw_only=True)
class RouteRun:
    """One drive along one route, over.

    Attributes:
        route_id: `RouteScenario_<id>_rep<k>`.
        index: Its place in the run.
        criteria: Events per criterion, in the criteria's order.
        route_points: Corner points, m; the route's length is that of their polyline.
        route_length_m: The length, where no points are given.
        timeout: The route's time ran out.
        failure: What stopped the route from outside, or None.
        registered: The route's scenario was set up; if not, nothing of the route counts.
        duration_system_s: Wall time.
        duration_game_s: Simulated time.
        extra: Further keys of the record. Bench2Drive's own (scenario_name, weather_id, save_name,
            town_name) go where its evaluator has them, and only into its records.

    Raises:
        ScoringInputError: Without a length, or for a number that is not finite.
    """

    route_id: str
    index: int
    criteria: Sequence[Sequence[Event]]
    route_points: Sequence[Sequence[float]] | None = None
    route_length_m: float | None = None
    timeout: bool = False
    failure: Failure | None = None
    registered: bool = True
    duration_system_s: float = -1
    duration_game_s: float = -1
    extra: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.route_points is None) == (self.route_length_m is None):
            raise ScoringInputError(self.route_id, "needs either route_points or route_length_m")
        for name in ("duration_system_s", "duration_game_s", "length_m"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ScoringInputError(f"{self.route_id}.{name}", f"{value} (must be a finite number)")

    @property
    def length_m(self) -> float:
        """The route's length, to the millimetre."""
        if self.route_points is not None:
            return round(polyline_length_m(self.route_points), ROUND_DIGITS)
        assert self.route_length_m is not None  # noqa: S101 -- checked when made
        return round(self.route_length_m, ROUND_DIGITS)

    @property
    def events(self) -> list[Event]:
        """All events that count, in order."""
        return [event for node in self.criteria for event in node] if self.registered else []


def make_record(run: RouteRun, version: ScorerVersion) -> dict[str, Any]:
    """The record of a route as the genuine StatisticsManager writes it.

    Args:
        run: The route, over.
        version: Which penalty rule.

    Returns:
        The record, keys in the genuine order.
    """
    events = run.events
    timeout = run.timeout and run.registered
    completed = _route_completed(events)
    penalty = score_penalty(events, version)
    infractions = _infractions(events, timeout)
    count = sum(len(messages) for messages in infractions.values())
    return {
        "index": run.index,
        "route_id": run.route_id,
        **_fields_before(run, version),
        "status": _status(completed, count, _reason(run, events, timeout)),
        "num_infractions": count,
        "infractions": infractions,
        "scores": {
            "score_route": round(completed, ROUND_DIGITS_SCORE),
            "score_penalty": round(penalty, ROUND_DIGITS_SCORE),
            "score_composed": round(max(completed * penalty, 0.0), ROUND_DIGITS_SCORE),
        },
        "meta": {
            "route_length": run.length_m if run.registered else 0,
            "duration_game": round(run.duration_game_s, ROUND_DIGITS),
            "duration_system": round(run.duration_system_s, ROUND_DIGITS),
        },
        **_fields_after(run, version),
    }


def _route_completed(events: Sequence[Event]) -> float:
    completed = 0.0
    for event in events:
        if event.type is EventType.ROUTE_COMPLETION and event.percentage is not None:
            completed = event.percentage
    return completed


def _infractions(events: Sequence[Event], timeout: bool) -> dict[str, list[str]]:
    infractions: dict[str, list[str]] = {key: [] for key in INFRACTION_KEYS}
    if timeout:
        infractions[TIMEOUT_KEY].append("Route timeout.")
    for event in events:
        if event.type in KEY_OF:
            infractions[KEY_OF[event.type]].append(event.message)
    return infractions


def _reason(run: RouteRun, events: Sequence[Event], timeout: bool) -> str:
    """Why the route ended early; the last reason wins, as upstream."""
    reason = run.failure.value if run.failure is not None else ""
    if timeout:
        reason = _TIMED_OUT
    for event in events:
        reason = _ENDINGS.get(event.type, reason)
    return reason


def _status(completed: float, infractions: int, reason: str) -> str:
    if completed >= 100:
        return "Completed" if infractions else "Perfect"
    return f"Failed - {reason}" if reason else "Failed"


def _fields_before(run: RouteRun, version: ScorerVersion) -> dict[str, object]:
    if version is not ScorerVersion.BENCH2DRIVE:
        return {}
    return {name: run.extra.get(name) for name in _BENCH2DRIVE_FIELDS}


def _fields_after(run: RouteRun, version: ScorerVersion) -> dict[str, object]:
    known = {*_BENCH2DRIVE_FIELDS, _BENCH2DRIVE_LAST}
    rest = {name: value for name, value in run.extra.items() if name not in known}
    if version is not ScorerVersion.BENCH2DRIVE:
        return rest
    return {_BENCH2DRIVE_LAST: run.extra.get(_BENCH2DRIVE_LAST), **rest}
