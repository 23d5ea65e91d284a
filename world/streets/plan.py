"""Routes: from sparse waypoints to a dense, lane-true line with commands and speed limits.

Each waypoint is matched to lanes: the one whose centre line is within 2 m, or else whichever of
the lanes about as near makes the whole trip shortest. Between waypoints the shortest way over lanes
is taken (Dijkstra; a tie goes to the way found first, so the result is the same everywhere). A
700 m route through 5,000 lanes takes about 30 ms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from world import trig
from world.streets.errors import RouteError
from world.streets.graph import LanePoint, Leg, match_lanes, shortest_trip
from world.streets.network import Command, Lane, RoutePlan, StreetNetwork
from world.streets.shape import LaneShape

COMMAND_AHEAD_M = 30.0
POINT_SPACING_M = 1.0
MAX_OFF_LANE_M = 20.0
_MIN_LENGTH_M = 1.0

InBuilding = Callable[[float, float], bool]


@dataclass(kw_only=True)
class _Dense:
    """A route while its points are laid."""

    x_m: list[float]
    y_m: list[float]
    yaw_rad: list[float]
    lane_id: list[int]


def plan_route(
    network: StreetNetwork,
    waypoints_m: Sequence[tuple[float, float]],
    *,
    name: str = "route",
    in_building: InBuilding | None = None,
) -> RoutePlan:
    """Find the shortest way through waypoints and lay points on it, about one per metre.

    Args:
        network: The streets.
        waypoints_m: At least two points, in driving order.
        name: The route in messages, such as `route 3`.
        in_building: Tells whether a point lies in a building; None leaves that unchecked.

    Raises:
        RouteError: A waypoint in a building or far from every lane, no way, or no length.
    """
    _check_waypoints(waypoints_m, name, in_building)
    choices = []
    for number, (x_m, y_m) in enumerate(waypoints_m):
        found, far_m = match_lanes(network, x_m, y_m)
        if far_m > MAX_OFF_LANE_M:
            raise RouteError(
                f"{name}: waypoint {number} at ({x_m:g}, {y_m:g}) is {far_m:.1f} m from the nearest lane "
                f"(maximum {MAX_OFF_LANE_M:g} m); move it onto a street"
            )
        choices.append(found)
    legs = shortest_trip(network, choices)
    if isinstance(legs, int):
        x_m, y_m = waypoints_m[legs]
        raise RouteError(
            f"{name}: waypoint {legs} at ({x_m:g}, {y_m:g}) cannot be reached from waypoint {legs - 1}; "
            "check which side of the street they lie on"
        )
    plan = plan_of_legs(network, legs)
    if plan.length_m < _MIN_LENGTH_M:
        raise RouteError(
            f"{name}: its length is {plan.length_m:.1f} m (minimum {_MIN_LENGTH_M:g} m); "
            "give it waypoints at different places"
        )
    _check_way(plan, name, in_building)
    return plan


def _check_waypoints(
    waypoints_m: Sequence[tuple[float, float]], name: str, in_building: InBuilding | None
) -> None:
    if len(waypoints_m) < 2:
        raise RouteError(f"{name}: {len(waypoints_m)} waypoints (minimum 2); give it a start and an end")
    for number, (x_m, y_m) in enumerate(waypoints_m):
        if not (np.isfinite(x_m) and np.isfinite(y_m)):
            raise RouteError(f"{name}: waypoint {number} at ({x_m:g}, {y_m:g}) is not a place; give numbers")
        if in_building is not None and in_building(x_m, y_m):
            raise RouteError(
                f"{name}: waypoint {number} at ({x_m:g}, {y_m:g}) lies in a building; move it onto a street"
            )


def _check_way(plan: RoutePlan, name: str, in_building: InBuilding | None) -> None:
    if in_building is None:
        return
    for (x_m, y_m), along_m in zip(plan.points_m.tolist(), plan.along_m.tolist(), strict=True):
        if in_building(x_m, y_m):
            raise RouteError(
                f"{name}: a building stands on it at ({x_m:.1f}, {y_m:.1f}), {along_m:.0f} m from its start; "
                "lead it around with other waypoints"
            )


def plan_of_legs(network: StreetNetwork, legs: Sequence[Leg]) -> RoutePlan:
    """Lay points on a way that is known lane by lane.

    Args:
        network: The streets.
        legs: Legs that continue each other.
    """
    spans = _spans(network, legs)
    dense = _Dense(x_m=[], y_m=[], yaw_rad=[], lane_id=[])
    for number, (lane, start_m, end_m) in enumerate(spans):
        _lay(dense, lane, start_m, end_m, closed=number == len(spans) - 1)
    along = [0.0]
    for k in range(1, len(dense.x_m)):
        step_m = trig.hypot(dense.x_m[k] - dense.x_m[k - 1], dense.y_m[k] - dense.y_m[k - 1])
        along.append(along[-1] + step_m)
    lanes = network.lanes
    return RoutePlan(
        points_m=np.column_stack([dense.x_m, dense.y_m]),
        yaw_rad=np.array(dense.yaw_rad),
        along_m=np.array(along),
        command=_commands(network, dense.lane_id, np.array(along)),
        lane_id=np.array(dense.lane_id, np.int32),
        speed_limit_mps=np.array([lanes[k].speed_limit_mps for k in dense.lane_id]),
    )


def _spans(network: StreetNetwork, legs: Sequence[Leg]) -> list[tuple[Lane, float, float]]:
    """Every lane of the trip with the distances at which it is entered and left."""
    spans: list[tuple[Lane, float, float]] = []
    for leg in legs:
        for number, lane_id in enumerate(leg.lanes):
            lane = network.lanes[lane_id]
            start_m = leg.start_m if number == 0 else 0.0
            end_m = leg.end_m if number == len(leg.lanes) - 1 else lane.length_m
            if number == 0 and spans:
                # A leg goes on where the one before it ended.
                start_m = spans.pop()[1]
            spans.append((lane, start_m, max(start_m, end_m)))
    return spans


def _lay(dense: _Dense, lane: Lane, start_m: float, end_m: float, *, closed: bool) -> None:
    """Append a lane's points, evenly spaced; its end belongs to the next lane unless `closed`."""
    shape = LaneShape.of(lane)
    count = max(1, round((end_m - start_m) / POINT_SPACING_M))
    if end_m - start_m <= 0.0:
        count = 0
    for k in range(count + closed):
        x_m, y_m, yaw = shape.at(start_m + (end_m - start_m) * (k / count) if count else start_m)
        dense.x_m.append(x_m)
        dense.y_m.append(y_m)
        dense.yaw_rad.append(yaw)
        dense.lane_id.append(lane.lane_id)


def _commands(
    network: StreetNetwork, lane_ids: Sequence[int], along_m: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.int8]]:
    """The turn of each crossing from 30 m before its connector to the connector's end."""
    command = np.full(len(lane_ids), Command.FOLLOW_LANE, np.int8)
    end = len(lane_ids)
    # Backwards, so that of two crossings close together the nearer one is announced.
    while end > 0:
        start = end - 1
        while start > 0 and lane_ids[start - 1] == lane_ids[end - 1]:
            start -= 1
        turn = network.lanes[lane_ids[start]].turn
        if turn is not Command.FOLLOW_LANE:
            first = int(np.searchsorted(along_m, along_m[start] - COMMAND_AHEAD_M))
            command[first:end] = turn
        end = start
    return command


__all__ = ["InBuilding", "LanePoint", "plan_of_legs", "plan_route"]
