"""What each infraction's criterion counts, by hand: collisions, lights, stops, lanes, scenarios."""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.leaderboard import Event, EventType
from world.minitown.criteria import (
    Contact,
    CriteriaSet,
    DenseRoute,
    LanePosition,
    Observation,
    Pose,
    ScenarioTimeout,
    StopZone,
    YieldEmergency,
)
from world.minitown.criteria.collision import Collision
from world.minitown.criteria.criterion import Criterion
from world.minitown.criteria.observation import ContactKind
from world.minitown.criteria.outside_lanes import OutsideLanes
from world.minitown.criteria.red_light import RedLight
from world.minitown.criteria.replay import dense_route
from world.minitown.criteria.stop_sign import StopSign


def at(tick: int, x_m: float = 0.0, y_m: float = 0.0, speed_mps: float = 10.0, **more: Any) -> Observation:
    return Observation(tick=tick, t_s=0.05 * tick, x_m=x_m, y_m=y_m, speed_mps=speed_mps, **more)


def straight(length_m: float = 100.0) -> DenseRoute:
    return dense_route([[0.0, 0.0], [length_m, 0.0]], 1.0)


def watch(criterion: Criterion, ticks: Iterable[Observation]) -> list[Event]:
    for seen in ticks:
        criterion.tick(seen)
    criterion.terminate()
    return criterion.events


# Collisions


def contact(
    actor_id: int = 5, kind: ContactKind = "vehicle", type_id: str = "vehicle.audi.tt"
) -> list[Contact]:
    return [Contact(actor_id=actor_id, type_id=type_id, kind=kind, x_m=0.0, y_m=0.0)]


def test_a_collision_says_what_was_hit_and_where() -> None:
    events = watch(Collision(), [at(3, 1.23456, 2.0, contacts=contact(0, "layout", "static.building"))])
    message = "Agent collided against object with type=static.building and id=0 at (x=1.235, y=2.0, z=0.0)"
    assert [(event.type, event.message) for event in events] == [(EventType.COLLISION_STATIC, message)]


def test_the_kind_decides_which_collision_it_is() -> None:
    hit: tuple[ContactKind, ...] = ("vehicle", "pedestrian", "layout")
    ticks = [at(number, 20.0 * number, contacts=contact(number + 1, kind)) for number, kind in enumerate(hit)]
    kinds = [event.type.value for event in watch(Collision(), ticks)]
    assert kinds == ["COLLISION_VEHICLE", "COLLISION_PEDESTRIAN", "COLLISION_STATIC"]


def test_the_same_actor_within_5_s_is_the_same_accident() -> None:
    def again_after(ticks_between: int) -> int:
        ticks = [at(tick, 1.0 * tick) for tick in range(ticks_between + 1)]
        ticks[0].contacts = ticks[-1].contacts = contact()
        return len(watch(Collision(), ticks))

    assert again_after(99) == 1
    assert again_after(103) == 2


def test_another_actor_within_5_m_is_the_same_accident() -> None:
    for away_m, count in ((5.0, 1), (5.01, 2)):
        first, then, last = at(0, contacts=contact(5)), at(1, away_m), at(2, away_m, contacts=contact(6))
        assert len(watch(Collision(), [first, then, last])) == count


def test_two_contacts_in_one_tick_are_one_accident() -> None:
    assert len(watch(Collision(), [at(0, contacts=[*contact(5), *contact(6)])])) == 1


def test_layout_is_told_apart_by_place_only() -> None:
    walls = [
        at(tick, 3.0 * tick, contacts=contact(0, "layout") if tick in (0, 3) else ()) for tick in range(5)
    ]
    assert len(watch(Collision(), walls)) == 2


def test_being_hit_while_standing_is_not_the_cars_fault() -> None:
    assert watch(Collision(), [at(0, speed_mps=0.09, contacts=contact())]) == []
    assert len(watch(Collision(), [at(0, speed_mps=0.1, contacts=contact())])) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.0, 3.0)), max_size=40))
def test_counted_collisions_are_never_closer_than_the_rules_allow(steps: list[tuple[int, float]]) -> None:
    criterion, x_m = Collision(), 0.0
    counted: list[tuple[int, float]] = []
    for tick, (actor_id, moved_m) in enumerate(steps):
        x_m += moved_m
        before = len(criterion.events)
        criterion.tick(at(tick, x_m, contacts=contact(actor_id) if actor_id else ()))
        if len(criterion.events) > before:
            counted.append((actor_id, x_m))
    for (_, first_m), (_, then_m) in itertools.pairwise(counted):
        assert then_m - first_m > 5.0 - 1e-3


# Red lights


def test_a_red_light_counts_once_while_the_car_crosses_its_line() -> None:
    ticks = [at(tick, red_light_crossed=0, red_light_at_m=(7.0, 8.0)) for tick in range(4)]
    events = watch(RedLight(), ticks)
    assert [event.message for event in events] == ["Agent ran a red light 0 at (x=7.0, y=8.0, z=0.0)"]


def test_the_next_light_counts_and_then_the_first_one_again() -> None:
    lights = [1, 1, None, 1, 2, 1]
    ticks = [at(tick, 5.0, 6.0, red_light_crossed=light) for tick, light in enumerate(lights)]
    messages = [event.message for event in watch(RedLight(), ticks)]
    assert messages == [f"Agent ran a red light {light} at (x=5.0, y=6.0, z=0.0)" for light in (1, 2, 1)]


# Stop signs

SIGN = StopZone(stop_id=4, x_m=1.0, y_m=2.0)


def through(speeds_mps: Sequence[float], sign: StopZone = SIGN) -> list[Observation]:
    """In a sign's zone at these speeds, then out of it."""
    inside = [at(tick, speed_mps=speed, stop_sign=sign) for tick, speed in enumerate(speeds_mps)]
    return [*inside, at(len(inside))]


@pytest.mark.parametrize(
    ("speeds_mps", "count"),
    [([5.0, 3.0, 1.0], 1), ([5.0, 0.09, 5.0], 0), ([5.0, 0.1, 5.0], 1), ([0.0, 5.0, 5.0], 1)],
)
def test_only_a_stop_inside_the_zone_counts_as_one(speeds_mps: list[float], count: int) -> None:
    # The last: the tick of entering only notes the sign.
    events = watch(StopSign(), through(speeds_mps))
    assert len(events) == count
    assert all(event.message == "Agent ran a stop with id=4 at (x=1.0, y=2.0, z=0.0)" for event in events)


def test_a_car_still_in_the_zone_at_the_end_is_not_judged() -> None:
    assert watch(StopSign(), through([5.0, 5.0])[:-1]) == []


def test_the_sign_failed_last_does_not_count_again_at_once() -> None:
    other = StopZone(stop_id=9, x_m=50.0, y_m=0.0)
    assert len(watch(StopSign(), [*through([5.0, 5.0]), *through([5.0, 5.0])])) == 1
    both = [*through([5.0, 5.0]), *through([5.0, 5.0], other), *through([5.0, 5.0])]
    ids = [event.message.split()[5] for event in watch(StopSign(), both)]
    assert ids == ["id=4", "id=9", "id=4"]


def test_near_the_zone_is_not_inside() -> None:
    near = StopZone(stop_id=4, x_m=1.0, y_m=2.0, inside=False)
    assert watch(StopSign(), through([5.0, 5.0], near)) == []


# Lanes


def lane(offset_m: float = 0.0, yaw_deg: float = 0.0, *, in_junction: bool = False) -> LanePosition:
    return LanePosition(
        offset_m=offset_m,
        lane_width_m=7.0,
        lane_yaw_rad=math.radians(yaw_deg),
        in_junction=in_junction,
        off_road=False,
    )


def along(lanes: Sequence[LanePosition], yaw_deg: float = 0.0) -> list[Observation]:
    """One metre per tick along the route, in these lanes."""
    yaw_rad = math.radians(yaw_deg)
    return [at(tick, tick + 0.5, lane=position, yaw_rad=yaw_rad) for tick, position in enumerate(lanes)]


@pytest.mark.parametrize("offset_m", [4.01, -4.01])
def test_metres_outside_are_those_of_the_route(offset_m: float) -> None:
    lanes = [lane()] * 30 + [lane(offset_m)] * 10 + [lane()] * 10
    (event,) = watch(OutsideLanes(straight()), along(lanes))
    assert event.distance_m == 10.0
    assert event.percentage == pytest.approx(10 / 49 * 100)
    assert event.message == (
        "Agent went outside its route lanes for about 10.0 meters (20.41% of the completed route)"
    )


def test_half_a_lane_and_half_a_metre_are_allowed() -> None:
    assert watch(OutsideLanes(straight()), along([lane(4.0)] * 20)) == []


def test_standing_outside_costs_nothing() -> None:
    standing = [at(tick, 0.5, lane=lane(9.0)) for tick in range(50)]
    assert watch(OutsideLanes(straight()), standing) == []


def test_the_wrong_side_of_the_road_counts_until_the_car_is_back() -> None:
    lanes = [lane()] * 10 + [lane(yaw_deg=180.0)] * 10 + [lane()] * 10
    (event,) = watch(OutsideLanes(straight()), along(lanes))
    assert event.distance_m == 10.0


def test_a_bend_is_not_the_wrong_way() -> None:
    lanes = [lane(yaw_deg=tick * 4.0) for tick in range(60)] + [lane(yaw_deg=89.0), lane(yaw_deg=-60.0)]
    assert watch(OutsideLanes(straight()), along(lanes)) == []


@pytest.mark.parametrize(("car_deg", "outside_m"), [(0.0, 0.0), (119.0, 0.0), (121.0, 10.0), (-121.0, 10.0)])
def test_leaving_a_crossing_against_the_lane_is_the_wrong_way(car_deg: float, outside_m: float) -> None:
    lanes = [lane(in_junction=True, yaw_deg=car_deg)] * 5 + [lane()] * 10
    events = watch(OutsideLanes(straight()), along(lanes, car_deg))
    assert sum(event.distance_m or 0.0 for event in events) == outside_m


def test_in_a_crossing_every_direction_is_right() -> None:
    lanes = [lane()] * 5 + [lane(yaw_deg=180.0)] * 5 + [lane(yaw_deg=180.0, in_junction=True)] * 20
    (event,) = watch(OutsideLanes(straight()), along(lanes))
    assert event.distance_m == 5.0


# Scenarios


def test_a_scenario_that_ran_out_of_time_counts_once() -> None:
    criterion = ScenarioTimeout()
    criterion.run_out()
    for _ in range(2):
        criterion.terminate()
    assert [event.type for event in criterion.events] == [EventType.SCENARIO_TIMEOUT]
    assert watch(ScenarioTimeout(), [at(0)]) == []


@pytest.mark.parametrize(("car_x_m", "count"), [(10.0, 1), (-10.0, 0)])
def test_an_emergency_vehicle_must_end_up_ahead(car_x_m: float, count: int) -> None:
    criterion = YieldEmergency()
    ticks = [at(0, 10.0, emergency_vehicle=Pose(x_m=0.0, y_m=0.0, yaw_rad=0.0))]
    ticks.append(at(1, car_x_m, emergency_vehicle=Pose(x_m=0.0, y_m=0.0, yaw_rad=0.0)))
    ticks.append(at(2, 50.0))  # it is gone: the last look counts
    assert len(watch(criterion, ticks)) == count


# All together


def test_events_stand_in_the_leaderboards_order() -> None:
    criteria = CriteriaSet(straight(), speed_limit_mps=50 / 3.6)
    late = ScenarioTimeout()
    late.run_out()
    criteria.add(late)
    for tick in range(99):
        first = tick == 0
        criteria.tick(
            at(
                tick,
                tick + 0.5,
                speed_mps=1.0,
                background_speed_mps=[9.0],
                lane=lane(9.0),
                contacts=contact() if first else (),
                red_light_crossed=1 if first else None,
                stop_sign=SIGN if tick < 3 else None,
            )
        )
    criteria.terminate()
    found = [event.type.value for events in criteria.events() for event in events]
    assert list(dict.fromkeys(found)) == [
        "ROUTE_COMPLETION",
        "OUTSIDE_ROUTE_LANES_INFRACTION",
        "COLLISION_VEHICLE",
        "TRAFFIC_LIGHT_INFRACTION",
        "STOP_INFRACTION",
        "MIN_SPEED_INFRACTION",
        "SCENARIO_TIMEOUT",
    ]
