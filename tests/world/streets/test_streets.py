"""The street network: lanes on the right, connected crossings, shortest routes, commands, places."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from world import trig
from world.axes import world_point
from world.minitown.town import Town, load_town
from world.streets.build import build_network
from world.streets.errors import RouteError
from world.streets.network import Command, Control, Lane
from world.streets.plan import plan_route
from world.streets.shape import LaneShape

TOWN: Town = load_town()
LANES = TOWN.network.lanes
STREET_LANES = [lane for lane in LANES if not lane.is_connector]


def test_the_players_lane_of_the_scenarios_is_a_lane() -> None:
    at = TOWN.locator.nearest(*world_point(-229.41, -500.0), math.pi)
    assert at.offset_m == pytest.approx(0.0, abs=0.01)
    assert abs(trig.wrap(at.lane_yaw_rad - math.pi)) < 0.01
    oncoming = TOWN.locator.nearest(*world_point(-222.41, -500.0), 0.0)
    assert oncoming.offset_m == pytest.approx(0.0, abs=0.01)
    assert oncoming.lane_yaw_rad == pytest.approx(0.0)


def test_traffic_keeps_to_the_right_of_the_street() -> None:
    for lane in STREET_LANES[::7]:
        street = TOWN.city.streets[lane.street]
        across = lane.points_m[0, 1] if street.direction == "x" else lane.points_m[0, 0]
        heading = lane.yaw_rad
        # Right of the heading: (-sin, cos).
        right = math.cos(heading) if street.direction == "x" else -math.sin(heading)
        assert (across - street.centre_m) * right == pytest.approx(lane.width_m / 2, abs=0.01)
        assert lane.width_m == pytest.approx(min(street.width_m / 2, 7.0))


def test_connectors_join_lanes_without_a_kink() -> None:
    connectors = [lane for lane in LANES if lane.is_connector]
    assert connectors
    for lane in connectors[::5]:
        shape = LaneShape.of(lane)
        before, after = LANES[lane.predecessors[0]], LANES[lane.successors[0]]
        assert np.allclose(before.points_m[-1], shape.at(0.0)[:2], atol=1e-6)
        assert np.allclose(after.points_m[0], shape.at(shape.length_m)[:2], atol=1e-6)
        assert abs(trig.wrap(before.yaw_rad - shape.at(0.0)[2])) < 1e-6
        assert abs(trig.wrap(after.yaw_rad - shape.at(shape.length_m)[2])) < 1e-6
        turned = trig.wrap(after.yaw_rad - before.yaw_rad)
        expected = {Command.LEFT: -math.pi / 2, Command.RIGHT: math.pi / 2, Command.STRAIGHT: 0.0}[lane.turn]
        assert turned == pytest.approx(expected, abs=1e-6)


def test_successors_and_predecessors_are_each_others() -> None:
    for lane in LANES:
        assert all(lane.lane_id in LANES[other].predecessors for other in lane.successors)
        assert all(lane.lane_id in LANES[other].successors for other in lane.predecessors)


def test_every_lane_can_be_reached_from_every_other() -> None:
    inner = [lane for lane in STREET_LANES if lane.from_crossing >= 0 and lane.to_crossing >= 0]
    reached, left = {inner[0].lane_id}, [inner[0].lane_id]
    while left:
        for follower in LANES[left.pop()].successors:
            if follower not in reached:
                reached.add(follower)
                left.append(follower)
    assert {lane.lane_id for lane in inner} <= reached


def test_the_scenarios_crossings_have_lights() -> None:
    for z in (-570.98, -412.98, -257.98):
        x_m, y_m = world_point(-225.91, z)
        crossing = min(TOWN.network.crossings, key=lambda c: abs(c.x_m - x_m) + abs(c.y_m - y_m))
        assert (crossing.x_m, crossing.y_m) == pytest.approx((x_m, y_m), abs=0.5)
        assert crossing.control is Control.LIGHTS


def test_the_same_city_gives_the_same_network() -> None:
    again = build_network(TOWN.city)
    assert again.crossings == TOWN.network.crossings
    assert all(
        a.lane_id == b.lane_id and np.array_equal(a.points_m, b.points_m)
        for a, b in zip(again.lanes, LANES, strict=True)
    )


def middle(lane: Lane) -> tuple[float, float]:
    x_m, y_m, _ = LaneShape.of(lane).at(lane.length_m / 2)
    return x_m, y_m


inner_lanes = st.sampled_from(
    [lane for lane in STREET_LANES if min(lane.from_crossing, lane.to_crossing) >= 0]
)


@given(inner_lanes, inner_lanes)
@settings(max_examples=25)
def test_a_route_is_dense_lane_true_and_no_shorter_than_the_crow_flies(start: Lane, end: Lane) -> None:
    a, b = middle(start), middle(end)
    if math.dist(a, b) < 5.0:
        return
    plan = plan_route(TOWN.network, [a, b])
    steps = np.hypot(*np.diff(plan.points_m, axis=0).T)
    assert steps.max() < 1.6
    assert plan.length_m == pytest.approx(steps.sum())
    assert plan.length_m >= math.dist(a, b) - 1e-6
    assert np.allclose(plan.points_m[0], a, atol=0.01)
    assert np.allclose(plan.points_m[-1], b, atol=0.01)
    for k in range(0, len(plan.points_m), 25):
        shape = LaneShape.of(LANES[plan.lane_id[k]])
        _, offset, yaw = shape.project(*plan.points_m[k].tolist())
        assert abs(offset) < 1e-6
        assert abs(trig.wrap(yaw - plan.yaw_rad[k])) < 1e-6


@given(inner_lanes, inner_lanes)
@settings(max_examples=15)
def test_commands_announce_the_turn_30_m_ahead_and_end_with_it(start: Lane, end: Lane) -> None:
    if math.dist(middle(start), middle(end)) < 5.0:
        return
    plan = plan_route(TOWN.network, [middle(start), middle(end)])
    for k, lane_id in enumerate(plan.lane_id.tolist()):
        if LANES[lane_id].is_connector:
            assert plan.command[k] == LANES[lane_id].turn
    ahead = np.flatnonzero(plan.command != Command.FOLLOW_LANE)
    inside = [k for k, lane_id in enumerate(plan.lane_id.tolist()) if LANES[lane_id].is_connector]
    for k in ahead.tolist():
        assert any(0.0 <= plan.along_m[j] - plan.along_m[k] <= 31.0 for j in inside if j >= k)


@given(inner_lanes, st.floats(0.1, 0.9), st.floats(-2.0, 2.0), st.floats(-0.5, 0.5))
@settings(max_examples=80)
def test_a_place_on_a_lane_is_found_with_its_offset(
    lane: Lane, share: float, offset: float, turn: float
) -> None:
    x_m, y_m, yaw = LaneShape.of(lane).at(share * lane.length_m)
    at = TOWN.locator.nearest(x_m - offset * math.sin(yaw), y_m + offset * math.cos(yaw), yaw + turn)
    assert at.lane_id == lane.lane_id
    assert at.offset_m == pytest.approx(offset, abs=1e-6)
    assert at.along_m == pytest.approx(share * lane.length_m, abs=1e-6)
    assert (at.in_junction, at.off_road) == (False, False)


def test_inside_a_crossing_the_connector_is_found() -> None:
    for lane in [lane for lane in LANES if lane.is_connector][::11]:
        x_m, y_m, yaw = LaneShape.of(lane).at(0.5 * lane.length_m)
        at = TOWN.locator.nearest(x_m, y_m, yaw)
        assert at.in_junction
        assert abs(at.offset_m) < 0.6


def test_a_place_in_a_block_is_off_the_road() -> None:
    building = TOWN.city.buildings[10].outline_m.mean(axis=0).tolist()
    assert TOWN.locator.nearest(building[0], building[1], 0.0).off_road


@pytest.mark.parametrize(
    ("waypoints", "says"),
    [
        ([(0.0, 0.0)], "minimum 2"),
        ([(533.0, -229.41), (math.nan, 0.0)], "not a place"),
        ([(533.0, -229.41), (533.0, -229.41)], "length"),
        ([(533.0, -229.41), (9e4, 9e4)], "waypoint 1"),
    ],
)
def test_routes_that_are_none_are_refused(waypoints: list[tuple[float, float]], says: str) -> None:
    with pytest.raises(RouteError, match=says):
        plan_route(TOWN.network, waypoints, name="route 5")
