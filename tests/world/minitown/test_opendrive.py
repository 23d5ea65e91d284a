"""The exported map as CARLA reads it: the same lanes in the same places."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from world import trig
from world.minitown.opendrive import export_opendrive
from world.minitown.town import Town, load_town
from world.streets.network import Lane
from world.streets.shape import LaneShape

carla = pytest.importorskip("carla", reason="the carla wheel is not installed on this platform")


@pytest.fixture(scope="module")
def town() -> Town:
    return load_town()


@pytest.fixture(scope="module")
def carla_map(town: Town) -> Any:
    return carla.Map("minitown", export_opendrive(town.network, town.city))


def places(lane: Lane) -> list[tuple[float, float, float]]:
    shape = LaneShape.of(lane)
    return [shape.at(share * shape.length_m) for share in (0.05, 0.3, 0.5, 0.8, 0.95)]


def sample(town: Town, keep: Callable[[Lane], bool], count: int) -> list[Lane]:
    lanes = [lane for lane in town.network.lanes if keep(lane)]
    return [lanes[k] for k in np.random.default_rng(3).choice(len(lanes), count, replace=False)]


def test_street_lanes_lie_where_carla_finds_them(town: Town, carla_map: Any) -> None:
    for lane in sample(town, lambda lane: not lane.is_connector and lane.length_m > 20, 150):
        for x_m, y_m, yaw in places(lane):
            waypoint = carla_map.get_waypoint(carla.Location(x_m, y_m, 0.0))
            found = waypoint.transform
            assert math.hypot(found.location.x - x_m, found.location.y - y_m) < 0.1
            assert abs(trig.wrap(math.radians(found.rotation.yaw) - yaw)) < math.radians(1.0)
            assert waypoint.lane_width == pytest.approx(lane.width_m, abs=0.02)
            assert not waypoint.is_junction


def test_every_connector_is_a_lane_of_a_junction(town: Town, carla_map: Any) -> None:
    for lane in sample(town, lambda lane: lane.is_connector, 150):
        road = 10_000 + lane.lane_id
        shape = LaneShape.of(lane)
        for s in np.linspace(0.3, shape.length_m - 0.3, 5):
            waypoint = carla_map.get_waypoint_xodr(road, -1, float(s))
            assert waypoint is not None
            x_m, y_m, yaw = shape.at(float(s))
            found = waypoint.transform
            assert math.hypot(found.location.x - x_m, found.location.y - y_m) < 0.1
            assert abs(trig.wrap(math.radians(found.rotation.yaw) - yaw)) < math.radians(1.0)
            assert waypoint.is_junction


def test_carlas_waypoints_lie_on_our_lanes(town: Town, carla_map: Any) -> None:
    waypoints = [w for w in carla_map.generate_waypoints(25.0) if not w.is_junction]
    assert len(waypoints) > 2_000
    for waypoint in waypoints[::7]:
        at = waypoint.transform
        lane = town.locator.nearest(at.location.x, at.location.y, math.radians(at.rotation.yaw))
        assert abs(lane.offset_m) < 0.1
        assert abs(trig.wrap(lane.lane_yaw_rad - math.radians(at.rotation.yaw))) < math.radians(1.0)


def test_a_lane_leads_to_as_many_ways_as_ours(town: Town, carla_map: Any) -> None:
    for lane in sample(town, lambda lane: not lane.is_connector and lane.to_crossing >= 0, 60):
        x_m, y_m, _ = LaneShape.of(lane).at(lane.length_m - 0.5)
        waypoint = carla_map.get_waypoint(carla.Location(x_m, y_m, 0.0))
        assert len(waypoint.next(2.0)) == len(lane.successors)
