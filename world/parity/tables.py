"""Single answers of functions, for what the drives reach by chance only."""

import hashlib
from random import Random
from typing import Any

from world import trig
from world.minitown.town import Town
from world.physics import car_limits
from world.streets.graph import Leg
from world.streets.network import StreetNetwork
from world.streets.plan import plan_of_legs
from world.streets.shape import LaneShape

_QUERIES, _FAR_QUERIES, _LANES, _WAYS = 150, 80, 80, 6
_CLEARANCE_M, _RADIUS_M = 25.0, 1.5
_WAY_LANES = 14
_WAY_POINT_EVERY = 7


def trig_rows() -> list[list[float]]:
    """Rows of angle, sine, cosine, tangent, wrapped angle, arctangent, atan2 and hypot."""
    angles = [0.0, 0.4375, 0.6875, 1.1875, 2.4375, trig.PI, -trig.PI, trig.HALF_PI + 1e-9, 1e-300]
    angles += [sign * 1.6**k * 1e-4 for k in range(40) for sign in (1, -1)]
    return [
        [
            a,
            *trig.sin_cos(a),
            trig.tan(a),
            trig.wrap(a),
            trig.atan(a),
            trig.atan2(a, 1.0 - a),
            trig.hypot(a, 1.0),
        ]
        for a in angles
    ]


def wall_summary(town: Town) -> dict[str, Any]:
    """Count and SHA-256 of all rings: float64, little endian, x and y in turn, in the file's order."""
    digest = hashlib.sha256()
    points = 0
    for building in town.city.buildings:
        digest.update(building.outline_m.astype("<f8").tobytes())
        points += len(building.outline_m)
    return {"rings": len(town.walls), "points": points, "sha256": digest.hexdigest()}


def query_rows(town: Town) -> list[list[float]]:
    """Rows of X, Y, yaw, first building hit by the car's box, by a circle, and clearance; then far away."""
    rng = Random(21)  # noqa: S311 -- a sequence to be repeated, nothing secret
    limits = car_limits()
    rows = []
    for extent_m in (2300.0,) * _QUERIES + (9000.0,) * _FAR_QUERIES:
        x_m, y_m = (rng.random() - 0.5) * extent_m, (rng.random() - 0.5) * extent_m
        yaw_rad = rng.random() * 6.3
        hit = town.walls.hits_box(x_m, y_m, yaw_rad, limits.length_m, limits.width_m)
        round_hit = town.walls.hits_circle(x_m, y_m, _RADIUS_M)
        rows.append([x_m, y_m, yaw_rad, hit, round_hit, town.walls.clearance_m(x_m, y_m, _CLEARANCE_M)])
    return rows


def lane_rows(town: Town) -> list[list[float]]:
    """Rows of X, Y, yaw and the lane there: streets only, driven on the right side, roughly along."""
    rng = Random(22)  # noqa: S311 -- a sequence to be repeated, nothing secret
    straight = [lane for lane in town.network.lanes if not lane.is_connector]
    rows: list[list[float]] = []
    while len(rows) < _LANES:
        lane = straight[int(rng.random() * len(straight))]
        x_m, y_m, yaw_rad = LaneShape.of(lane).at(rng.random() * lane.length_m)
        x_m += (rng.random() - 0.5) * 4.0
        y_m += (rng.random() - 0.5) * 4.0
        yaw_rad += (rng.random() - 0.5) * 0.6
        found = town.locator.nearest(x_m, y_m, yaw_rad)
        if not found.in_junction:
            rows.append([x_m, y_m, yaw_rad, found.lane_id])
    return rows


def way_entries(network: StreetNetwork) -> list[dict[str, Any]]:
    """Ways over lanes, with the command at some of their points.

    Returns:
        lanes: Ids in driving order.
        points: Rows of X, Y, number of the lane within the way, command.
    """
    rng = Random(23)  # noqa: S311 -- a sequence to be repeated, nothing secret
    entries = []
    for _ in range(_WAYS):
        lanes = _random_way(network, rng)
        end_m = network.lanes[lanes[-1]].length_m
        plan = plan_of_legs(network, [Leg(lanes=lanes, start_m=0.0, end_m=end_m)])
        points = [
            [*plan.points_m[k].tolist(), lanes.index(int(plan.lane_id[k])), int(plan.command[k])]
            for k in range(0, len(plan.points_m), _WAY_POINT_EVERY)
        ]
        entries.append({"lanes": list(lanes), "points": points})
    return entries


def _random_way(network: StreetNetwork, rng: Random) -> tuple[int, ...]:
    """Successors from a random lane on; ends early at the map's edge or before a lane comes again."""
    way = [int(rng.random() * len(network.lanes))]
    while len(way) < _WAY_LANES:
        onwards = [lane for lane in network.lanes[way[-1]].successors if lane not in way]
        if not onwards:
            break
        way.append(onwards[int(rng.random() * len(onwards))])
    return tuple(way)
