"""A drive without a destination: random turns through the street network, as a dense route."""

import numpy as np

from world.streets.graph import Leg
from world.streets.network import Lane, RoutePlan, StreetNetwork
from world.streets.plan import plan_of_legs


def wander(
    network: StreetNetwork, seed: int, length_m: float, *, start: tuple[float, float] | None = None
) -> RoutePlan:
    """A route of at least `length_m` with random turns.

    Args:
        network: The streets.
        seed: Chooses start and turns.
        length_m: Least length.
        start: Where to start; None: in the middle of a random lane.
    """
    rng = np.random.default_rng([seed, 2])
    lane = _first_lane(network, rng, start)
    begin_m = 0.4 * lane.length_m if start is None else _along(lane, start)
    lanes, total_m = [lane], lane.length_m - begin_m
    while total_m < length_m:
        onward = _onward(network, lanes[-1])
        lane = network.lanes[onward[int(rng.integers(len(onward)))]]
        lanes.append(lane)
        total_m += lane.length_m
    leg = Leg(lanes=tuple(lane.lane_id for lane in lanes), start_m=begin_m, end_m=lanes[-1].length_m)
    return plan_of_legs(network, [leg])


def _first_lane(network: StreetNetwork, rng: np.random.Generator, start: tuple[float, float] | None) -> Lane:
    if start is not None:
        return min(
            (lane for lane in network.lanes if not lane.is_connector), key=lambda lane: _off(lane, start)
        )
    inner = [lane for lane in network.lanes if not lane.is_connector and _onward(network, lane)]
    return inner[int(rng.integers(len(inner)))]


def _onward(network: StreetNetwork, lane: Lane) -> list[int]:
    """Successors from which the drive can go on."""
    if lane.is_connector:
        return [follower for follower in lane.successors if _leads_on(network, follower)]
    return [turn for turn in lane.successors if _onward(network, network.lanes[turn])]


def _leads_on(network: StreetNetwork, lane_id: int) -> bool:
    """The lane does not end at the edge of the map."""
    return network.lanes[lane_id].to_crossing >= 0


def _off(lane: Lane, point: tuple[float, float]) -> float:
    """Distance from a lane's centre line; 1e9 for lanes that the point is not beside."""
    (ax, ay), (bx, by) = lane.points_m[0], lane.points_m[-1]
    share = ((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / lane.length_m**2
    if not 0.0 <= share <= 1.0:
        return 1e9
    return float(abs((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)) / lane.length_m)


def _along(lane: Lane, point: tuple[float, float]) -> float:
    (ax, ay), (bx, by) = lane.points_m[0], lane.points_m[-1]
    return float(((point[0] - ax) * (bx - ax) + (point[1] - ay) * (by - ay)) / lane.length_m)
