"""Judges recorded trajectories: the genuine criteria cases, tick by tick.

A case gives a route's corner points, a trajectory at 20 Hz and the surrounding traffic's speeds;
the result has the form of the case's `expected`.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.leaderboard.oracle import case_fields
from scoring.leaderboard.reading import Field
from world.minitown.criteria.criteria_set import CriteriaSet
from world.minitown.criteria.observation import Observation
from world.minitown.criteria.route import DenseRoute, DenseRouteError

TICK_S = 0.05
_KMH_PER_MPS = 3.6
_SHORT_NAMES = {
    "route_completion": "rc",
    "minimum_speed": "ms",
    "in_route": "ir",
    "actor_blocked": "bl",
    "route_timeout": "to",
}


@dataclass(frozen=True, kw_only=True)
class ReplayCase:
    """One recorded drive.

    Attributes:
        name: The case's name.
        route: The dense route.
        trajectory: X m, Y m and speed m/s per tick.
        background_speed_mps: Of the surrounding vehicles, all the time.
        speed_limit_mps: Of the whole route.
        expected: What upstream's criteria said, or None.
    """

    name: str
    route: DenseRoute
    trajectory: Sequence[tuple[float, float, float]]
    background_speed_mps: Sequence[float]
    speed_limit_mps: float
    expected: Any


def load_replays(path: Path) -> list[ReplayCase]:
    """Read a case file.

    Args:
        path: The file.

    Raises:
        ScoringInputError: Naming the file and the field that is wrong.
    """
    return [_case(field) for field in case_fields(path)]


def replay(case: ReplayCase) -> dict[str, Any]:
    """Judge a case; the object has the form of its `expected`.

    Args:
        case: The recorded drive.
    """
    criteria = CriteriaSet(case.route, speed_limit_mps=case.speed_limit_mps)
    seen = Observation.empty()
    seen.background_speed_mps = case.background_speed_mps
    for seen.tick, (seen.x_m, seen.y_m, seen.speed_mps) in enumerate(case.trajectory):
        seen.t_s = TICK_S * seen.tick
        criteria.tick(seen)
        if criteria.ended:
            break
    criteria.terminate()
    return {
        "end": _end(criteria, seen.tick),
        "timeout": criteria.timed_out,
        "timeout_value": criteria.route_timeout.limit_s,
        "route_completed": criteria.route_completion.completed,
        "route_test": criteria.route_completion.verdict.value,
        "min_speed_events": [event.percentage for event in criteria.minimum_speed.events],
        "min_speed_values": criteria.minimum_speed.values,
        "min_speed_actual": criteria.minimum_speed.mean,
        "deviations": len(criteria.in_route.events),
        "blocked": len(criteria.actor_blocked.events),
        "messages": [event.message for events in criteria.events() for event in events],
    }


def dense_route(corners_m: Sequence[Sequence[float]], step_m: float) -> DenseRoute:
    """Points along straight legs, each leg cut into equal parts of at least a step.

    Args:
        corners_m: X and Y of the corner points.
        step_m: Least distance of neighbours, except on legs shorter than it.

    Raises:
        DenseRouteError: For fewer than two corners, or no length.
    """
    xs: list[float] = []
    ys: list[float] = []
    yaws: list[float] = []
    for (ax, ay), (bx, by) in itertools.pairwise(corners_m):
        dx, dy = bx - ax, by - ay
        parts = max(1, int(math.hypot(dx, dy) / step_m))
        xs += [ax + dx * part / parts for part in range(parts)]
        ys += [ay + dy * part / parts for part in range(parts)]
        yaws += [math.atan2(dy, dx)] * parts
    if not yaws:
        raise DenseRouteError(f"{len(corners_m)} corner points (minimum 2)")
    return DenseRoute.of([*xs, corners_m[-1][0]], [*ys, corners_m[-1][1]], [*yaws, yaws[-1]])


def _end(criteria: CriteriaSet, tick: int) -> dict[str, Any] | None:
    if not criteria.ended:
        return None
    return {
        "tick": tick,
        "by": [_SHORT_NAMES[ending.name] for ending in criteria.ended_by],
        "status": [ending.verdict.value for ending in criteria.ended_by],
    }


def _case(field: Field) -> ReplayCase:
    points = field["points"]
    corners = [point.numbers(counts=(2, 3))[:2] for point in points.items(minimum=2)]
    try:
        route = dense_route(corners, field["step"].number(above=0.0))
    except DenseRouteError as error:
        raise points.wrong(str(error)) from error
    expected = field.get("expected")
    return ReplayCase(
        name=field["name"].text(),
        route=route,
        trajectory=[_row(row) for row in field["trajectory"].items()],
        background_speed_mps=field["background_speeds"].numbers(),
        speed_limit_mps=field["speed_limit_kmh"].number(above=0.0) / _KMH_PER_MPS,
        expected=None if expected is None else expected.value,
    )


def _row(field: Field) -> tuple[float, float, float]:
    x_m, y_m, speed_mps = field.numbers(counts=(3,))
    return x_m, y_m, speed_mps
