"""Shortest ways over the lanes of a network, from waypoints that may lie on more than one lane."""

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from world.streets.network import Lane, StreetNetwork
from world.streets.shape import LaneShape

ON_LANE_M = 2.0
_ABOUT_AS_NEAR_M = 7.5
_SAME_PLACE_M = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePoint:
    """A place on a lane that a waypoint may mean.

    Attributes:
        lane_id: The lane.
        along_m: Distance along it.
        far_m: Distance from the waypoint.
    """

    lane_id: int
    along_m: float
    far_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The way from one waypoint to the next.

    Attributes:
        lanes: Lanes and connectors in driving order.
        start_m: Where on the first of them it begins.
        end_m: Where on the last of them it ends.
    """

    lanes: tuple[int, ...]
    start_m: float
    end_m: float


def match_lanes(network: StreetNetwork, x_m: float, y_m: float) -> tuple[list[LanePoint], float]:
    """The lanes that a waypoint may mean, and its distance to the nearest.

    All lanes within 2 m; without one, those at most a lane's width farther than the nearest.
    """
    found: list[LanePoint] = []
    nearest_m = 1e18
    for lane in network.lanes:
        reach_m = nearest_m + _ABOUT_AS_NEAR_M
        if _box_distance_m(lane, x_m, y_m) > reach_m:
            continue
        point = _on(lane, x_m, y_m)
        if point.far_m <= reach_m:
            found.append(point)
            nearest_m = min(nearest_m, point.far_m)
    limit_m = ON_LANE_M if nearest_m <= ON_LANE_M else nearest_m + _ABOUT_AS_NEAR_M
    return [point for point in found if point.far_m <= limit_m], nearest_m


def _box_distance_m(lane: Lane, x_m: float, y_m: float) -> float:
    """A lower bound of the distance to a lane: to the box around its ends (a quarter circle stays inside)."""
    (x0, y0), (x1, y1) = lane.points_m[0].tolist(), lane.points_m[-1].tolist()
    dx: float = max(min(x0, x1) - x_m, 0.0, x_m - max(x0, x1))
    dy: float = max(min(y0, y1) - y_m, 0.0, y_m - max(y0, y1))
    return max(dx, dy)


def _on(lane: Lane, x_m: float, y_m: float) -> LanePoint:
    shape = LaneShape.of(lane)
    along_m = min(max(shape.project(x_m, y_m)[0], 0.0), lane.length_m)
    x, y, _ = shape.at(along_m)
    return LanePoint(lane_id=lane.lane_id, along_m=along_m, far_m=((x - x_m) ** 2 + (y - y_m) ** 2) ** 0.5)


def shortest_trip(network: StreetNetwork, choices: Sequence[Sequence[LanePoint]]) -> list[Leg] | int:
    """The shortest way through one choice per waypoint; or the first waypoint out of reach.

    Distances of waypoints from their lanes count as well, so that of equal ways the nearer lane wins.
    """
    costs = [point.far_m for point in choices[0]]
    steps: list[list[tuple[int, tuple[int, ...]] | None]] = []
    for before, after in itertools.pairwise(choices):
        best = [1e18] * len(after)
        step: list[tuple[int, tuple[int, ...]] | None] = [None] * len(after)
        for source, point in enumerate(before):
            if costs[source] >= 1e18:
                continue
            for target, (length_m, lanes) in _ways(network, point, after).items():
                cost = costs[source] + length_m + after[target].far_m
                if cost < best[target]:
                    best[target], step[target] = cost, (source, lanes)
        steps.append(step)
        if min(best) >= 1e18:
            return len(steps)
        costs = best
    return _trace(choices, steps, costs.index(min(costs)))


def _trace(
    choices: Sequence[Sequence[LanePoint]],
    steps: Sequence[Sequence[tuple[int, tuple[int, ...]] | None]],
    last: int,
) -> list[Leg]:
    legs: list[Leg] = []
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number][last]
        assert step is not None  # noqa: S101 -- only reached choices are traced
        source, lanes = step
        legs.append(
            Leg(
                lanes=lanes,
                start_m=choices[number][source].along_m,
                end_m=choices[number + 1][last].along_m,
            )
        )
        last = source
    return legs[::-1]


def _ways(
    network: StreetNetwork, start: LanePoint, targets: Sequence[LanePoint]
) -> dict[int, tuple[float, tuple[int, ...]]]:
    """Length and lanes of the shortest way from a place to each target that can be reached."""
    ways: dict[int, tuple[float, tuple[int, ...]]] = {}
    for number, target in enumerate(targets):
        ahead_m = target.along_m - start.along_m
        if target.lane_id == start.lane_id and ahead_m >= -_SAME_PLACE_M:
            ways[number] = max(ahead_m, 0.0), (start.lane_id,)
    wanted = {target.lane_id for number, target in enumerate(targets) if number not in ways}
    entered, came_from = _entries(network, start, wanted)
    for number, target in enumerate(targets):
        if number not in ways and target.lane_id in entered:
            lanes = _lanes_to(target.lane_id, start.lane_id, came_from)
            ways[number] = entered[target.lane_id] + target.along_m, lanes
    return ways


def _entries(
    network: StreetNetwork, start: LanePoint, wanted: set[int]
) -> tuple[dict[int, float], dict[int, int]]:
    """Dijkstra from a place: distance to the start of each lane, until all wanted ones are settled."""
    lanes, left = network.lanes, set(wanted)
    first_m = lanes[start.lane_id].length_m - start.along_m
    settled: dict[int, float] = {}
    came_from: dict[int, int] = {}
    queue = [(first_m, lane, start.lane_id) for lane in lanes[start.lane_id].successors]
    heapq.heapify(queue)
    while queue and left:
        far_m, lane_id, previous = heapq.heappop(queue)
        if lane_id in settled:
            continue
        settled[lane_id], came_from[lane_id] = far_m, previous
        left.discard(lane_id)
        end_m = far_m + lanes[lane_id].length_m
        for successor in lanes[lane_id].successors:
            if successor not in settled:
                heapq.heappush(queue, (end_m, successor, lane_id))
    return settled, came_from


def _lanes_to(lane_id: int, start_id: int, came_from: dict[int, int]) -> tuple[int, ...]:
    way = [lane_id]
    # At least one step back: a way around the block may end on the lane that it started from.
    while len(way) == 1 or way[-1] != start_id:
        way.append(came_from[way[-1]])
    return tuple(way[::-1])
