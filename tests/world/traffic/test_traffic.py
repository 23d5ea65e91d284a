"""Background traffic: keeps the rules, meets nobody, comes through; people cross with their light."""

from collections.abc import Iterator
from functools import cache

import pytest

from world.actors import ActorKind
from world.collision import boxes_touch
from world.minitown.town import Town, load_town
from world.streets.network import Control
from world.streets.shape import LaneShape
from world.traffic import EgoView, LightState, Traffic
from world.traffic.crossings import Reservations

NEAR = (400.0, -230.0)


@cache
def town() -> Town:
    return load_town()


@cache
def parking_lane() -> int:
    """A lane far from where the traffic is."""
    lanes = [lane for lane in town().network.lanes if not lane.is_connector]
    return max(
        lanes, key=lambda lane: abs(lane.points_m[0, 0] - NEAR[0]) + abs(lane.points_m[0, 1] - NEAR[1])
    ).lane_id


def far_ego() -> EgoView:
    """Where traffic gathers, but beside the street: seen by nobody."""
    return EgoView(
        x_m=NEAR[0], y_m=NEAR[1] + 40.0, yaw_rad=0.0, speed_mps=0.0, length_m=4.4, width_m=1.9,
        lane_id=parking_lane(),
    )  # fmt: skip


def traffic_of(seed: int, *, vehicles: int = 20, pedestrians: int = 10) -> Traffic:
    return Traffic(town().network, seed=seed, near=NEAR, vehicles=vehicles, pedestrians=pedestrians)


def driven(seed: int, seconds: int) -> Iterator[tuple[int, Traffic]]:
    traffic, ego = traffic_of(seed), far_ego()
    for tick in range(20 * seconds):
        traffic.step(0.05, ego)
        yield tick, traffic


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_nobody_ever_touches_anybody_and_everybody_gets_on(seed: int) -> None:
    moved_at: dict[int, int] = {}
    for tick, traffic in driven(seed, 180):
        cars = [actor for actor in traffic.actors if actor.kind is ActorKind.VEHICLE]
        for number, car in enumerate(cars):
            if car.speed_mps > 0.1:
                moved_at[car.actor_id] = tick
            if tick % 4 == 0:
                near = [o for o in cars[:number] if abs(o.x_m - car.x_m) < 9 and abs(o.y_m - car.y_m) < 9]
                assert not any(boxes_touch(car, other) for other in near), (tick, car)
    assert len(moved_at) == 20
    assert min(moved_at.values()) > 20 * 120, "somebody has stood for a minute"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_nobody_drives_into_a_red_light_or_past_a_stop_without_stopping(seed: int) -> None:
    network = town().network
    last: dict[int, int] = {}
    slowest: dict[int, float] = {}
    entered = 0
    for _, traffic in driven(seed, 120):
        for actor in traffic.actors:
            if actor.kind is not ActorKind.VEHICLE:
                continue
            at = town().locator.nearest(actor.x_m, actor.y_m, actor.yaw_rad, last.get(actor.actor_id, -1))
            before = last.get(actor.actor_id)
            lane = network.lanes[at.lane_id]
            slowest[actor.actor_id] = min(slowest.get(actor.actor_id, 99.0), actor.speed_mps)
            if before is not None and lane.is_connector and lane.predecessors == (before,):
                entered += 1
                crossing = network.crossings[lane.from_crossing]
                if crossing.control is Control.ALL_WAY_STOP:
                    assert slowest[actor.actor_id] < 0.1
                elif crossing.control is Control.LIGHTS:
                    # The nose crosses the line half a car's length before its centre does.
                    phase = next(s.phase for s in crossing.stop_lines if s.lane_id == before)
                    traffic.lights.t_s -= 1.0
                    assert traffic.lights.state(crossing.crossing_id, phase) is not LightState.RED
                    traffic.lights.t_s += 1.0
            if at.lane_id != before:
                slowest[actor.actor_id] = 99.0
                last[actor.actor_id] = at.lane_id
    assert entered > 30


def test_the_same_seed_is_the_same_traffic_to_the_bit() -> None:
    def state(seed: int) -> list[tuple[float, float]]:
        *_, (_, traffic) = driven(seed, 20)
        return [(actor.x_m, actor.y_m) for actor in traffic.actors]

    assert state(3) == state(3)
    assert state(3) != state(4)


def test_vehicles_stop_for_a_car_that_stands_in_their_lane() -> None:
    traffic = traffic_of(1, pedestrians=0)
    lanes = [lane for lane in town().network.lanes if not lane.is_connector and lane.length_m > 60]
    vehicle = traffic.actors[0]
    at = town().locator.nearest(vehicle.x_m, vehicle.y_m, vehicle.yaw_rad)
    lane = town().network.lanes[at.lane_id]
    assert lane in lanes
    x_m, y_m, yaw = LaneShape.of(lane).at(min(lane.length_m - 8.0, at.along_m + 30.0))
    ego = EgoView(
        x_m=x_m, y_m=y_m, yaw_rad=yaw, speed_mps=0.0, length_m=4.4, width_m=1.9, lane_id=lane.lane_id
    )
    for _ in range(400):
        traffic.step(0.05, ego)
        assert all(
            abs(actor.x_m - x_m) > 4.0 or abs(actor.y_m - y_m) > 1.5 or actor.speed_mps < 0.5
            for actor in traffic.actors
            if town().locator.nearest(actor.x_m, actor.y_m, actor.yaw_rad).lane_id == lane.lane_id
        )
    assert vehicle.speed_mps < 0.05


def test_traffic_stays_around_the_player() -> None:
    traffic = traffic_of(2)
    ego = far_ego()
    for tick in range(20 * 90):
        ego.x_m -= 0.6  # 12 m/s, for a kilometre
        traffic.step(0.05, ego)
        if tick > 600 and tick % 100 == 0:
            near = [a for a in traffic.actors if abs(a.x_m - ego.x_m) < 300 and abs(a.y_m - ego.y_m) < 300]
            assert len(near) >= 28


def test_the_two_phases_of_a_crossing_are_never_both_open() -> None:
    lights = traffic_of(0, vehicles=0, pedestrians=0).lights
    crossing = next(c for c in town().network.crossings if c.control is Control.LIGHTS)
    seen = set()
    for tick in range(2400):
        lights.t_s = tick * 0.05
        states = tuple(lights.state(crossing.crossing_id, phase) for phase in (0, 1))
        assert LightState.RED in states
        seen.add(states)
    assert len(seen) == 5  # green, yellow of either, and all red


def test_held_lights_are_green_for_the_way_and_red_across_it() -> None:
    lights = traffic_of(0, vehicles=0, pedestrians=0).lights
    crossing = next(c for c in town().network.crossings if c.control is Control.LIGHTS).crossing_id
    lights.hold_green({(crossing, 0)})
    for tick in range(800):
        lights.t_s = tick * 0.05
        assert lights.state(crossing, 0) is LightState.GREEN
        assert lights.state(crossing, 1) is LightState.RED
    lights.hold_green(None)
    assert {lights.state(crossing, 0) for lights.t_s in range(30)} == set(LightState)


def test_connectors_conflict_where_cars_would_meet() -> None:
    network = town().network
    reservations = Reservations(network)
    crossing = next(c for c in network.crossings if len(c.stop_lines) == 4)
    by_turn = {
        (line.phase, line.lane_id): {
            network.lanes[k].turn.name: k for k in network.lanes[line.lane_id].successors
        }
        for line in crossing.stop_lines
    }
    (first, opposite), (across, _) = (
        [ways for (phase, _), ways in sorted(by_turn.items()) if phase == wanted] for wanted in (0, 1)
    )
    assert not reservations.conflict(first["STRAIGHT"], opposite["STRAIGHT"])
    assert reservations.conflict(first["STRAIGHT"], across["STRAIGHT"])
    assert reservations.conflict(first["LEFT"], opposite["STRAIGHT"])
    assert not reservations.conflict(first["STRAIGHT"], first["LEFT"])
