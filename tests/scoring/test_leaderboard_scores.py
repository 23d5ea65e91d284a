"""The penalty rules, against upstream's own outputs and against what a penalty must be."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.leaderboard import (
    Event,
    EventType,
    Failure,
    RouteRun,
    ScorerVersion,
    ScoringInputError,
    differences,
    load_cases,
    make_record,
    score_case,
    score_penalty,
)

CASES = Path(__file__).parents[2] / ".." / "shared" / "oracles" / "leaderboard_cases.json"
VERSIONS = list(ScorerVersion)
COUNTED = [
    EventType.COLLISION_PEDESTRIAN,
    EventType.COLLISION_VEHICLE,
    EventType.COLLISION_STATIC,
    EventType.TRAFFIC_LIGHT_INFRACTION,
    EventType.STOP_INFRACTION,
    EventType.SCENARIO_TIMEOUT,
    EventType.YIELD_TO_EMERGENCY_VEHICLE,
]
UNCOUNTED = [
    EventType.NORMAL_DRIVING,
    EventType.ROUTE_COMPLETED,
    EventType.WRONG_WAY_INFRACTION,
    EventType.ON_SIDEWALK_INFRACTION,
    EventType.OUTSIDE_LANE_INFRACTION,
]
percentages = st.floats(min_value=0.0, max_value=100.0)
events = st.one_of(
    st.builds(Event, type=st.sampled_from([*COUNTED, *UNCOUNTED]), message=st.just("it happened")),
    st.builds(Event, type=st.just(EventType.MIN_SPEED_INFRACTION), percentage=percentages),
    st.builds(Event, type=st.just(EventType.OUTSIDE_ROUTE_LANES_INFRACTION), percentage=percentages),
)


def completion(percentage: float) -> Event:
    return Event(type=EventType.ROUTE_COMPLETION, percentage=percentage)


def route(*criteria: Event, completed: float = 100, **more: Any) -> RouteRun:
    return RouteRun(
        route_id="RouteScenario_0_rep0",
        index=0,
        route_length_m=800.0,
        criteria=[[completion(completed)], *([event] for event in criteria)],
        **more,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_genuine_case_is_equal_to_the_last_byte(version: ScorerVersion) -> None:
    if not CASES.exists():
        pytest.skip(f"no genuine cases at {CASES}")
    cases = load_cases(CASES)
    assert len(cases) >= 20
    for case in cases:
        ours, genuine = score_case(case, version), case.expected_for(version)
        assert not [str(found) for found in differences(json.loads(json.dumps(ours)), genuine)], case.name
        assert json.dumps(ours) == json.dumps(genuine), case.name


@pytest.mark.parametrize(
    ("version", "left"), [("2.0", 0.002863), ("2.1", 0.117647), ("bench2drive", 0.002863)]
)
def test_two_of_each_counted_infraction_leave_what_the_rules_say(version: str, left: float) -> None:
    twice = [Event(type=kind) for kind in COUNTED for _ in range(2)]
    assert score_penalty(twice, ScorerVersion(version)) == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", UNCOUNTED)
def test_events_without_a_rule_change_nothing(kind: EventType, version: ScorerVersion) -> None:
    record = make_record(route(Event(type=kind, message="seen")), version)
    assert record["status"] == "Perfect"
    assert record["num_infractions"] == 0


def test_faster_than_the_traffic_raises_the_score_but_not_in_bench2drive() -> None:
    fast = [Event(type=EventType.MIN_SPEED_INFRACTION, percentage=150.0)]
    assert score_penalty(fast, ScorerVersion.V2_0) == pytest.approx(1.15)
    assert score_penalty(fast, ScorerVersion.V2_1) == pytest.approx(1.25)
    assert score_penalty(fast, ScorerVersion.BENCH2DRIVE) == 1.0


def test_more_than_all_of_the_route_outside_the_lanes_is_no_negative_score() -> None:
    far_out = Event(type=EventType.OUTSIDE_ROUTE_LANES_INFRACTION, percentage=130.0, distance_m=9.0)
    record = make_record(route(far_out, completed=50.0), ScorerVersion.V2_0)
    assert record["scores"] == {"score_route": 50.0, "score_penalty": -0.3, "score_composed": 0.0}


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (route(), "Perfect"),
        (route(Event(type=EventType.MIN_SPEED_INFRACTION, percentage=99.0)), "Completed"),
        (route(failure=Failure.SIMULATION), "Perfect"),
        (route(completed=99.99), "Failed"),
        (route(completed=40.0, failure=Failure.AGENT_RUNTIME), "Failed - Agent crashed"),
        (route(completed=40.0, failure=Failure.AGENT_INIT), "Failed - Agent couldn't be set up"),
        (route(completed=40.0, failure=Failure.SENSORS), "Failed - Agent's sensors were invalid"),
        (route(completed=40.0, timeout=True), "Failed - Agent timed out"),
        (route(completed=40.0, timeout=True, failure=Failure.AGENT_RUNTIME), "Failed - Agent timed out"),
        (
            route(Event(type=EventType.VEHICLE_BLOCKED), completed=1.0, timeout=True),
            "Failed - Agent got blocked",
        ),
        (
            route(
                Event(type=EventType.VEHICLE_BLOCKED), Event(type=EventType.ROUTE_DEVIATION), completed=1.0
            ),
            "Failed - Agent deviated from the route",
        ),
    ],
)
def test_the_status_names_the_last_reason_for_an_early_end(run: RouteRun, status: str) -> None:
    assert {make_record(run, version)["status"] for version in VERSIONS} == {status}


def test_a_route_that_was_never_set_up_counts_nothing_and_has_no_length() -> None:
    run = route(completed=40.0, timeout=True, registered=False, failure=Failure.SIMULATION)
    record = make_record(run, ScorerVersion.V2_1)
    assert record["scores"] == {"score_route": 0.0, "score_penalty": 1.0, "score_composed": 0.0}
    assert record["num_infractions"] == 0
    assert record["meta"]["route_length"] == 0
    assert record["status"] == "Failed - Simulation crashed"


def test_the_length_is_that_of_single_precision_coordinates() -> None:
    # In doubles it is 25642.945.
    points = [[-8763.0, 6074.4, 0], [-4331.6, -4782.0, 0], [8921.6, -535.3, 0]]
    assert RouteRun(route_id="r", index=0, criteria=[], route_points=points).length_m == 25642.944
    assert RouteRun(route_id="r", index=0, criteria=[], route_points=[[5, 5, 5]]).length_m == 0.0


@given(st.lists(events, max_size=12), events, st.sampled_from(VERSIONS), st.integers(0, 12))
def test_one_more_infraction_never_raises_the_penalty(
    before: list[Event], added: Event, version: ScorerVersion, at: int
) -> None:
    after = [*before[:at], added, *before[at:]]
    assert score_penalty(after, version) <= score_penalty(before, version)


@given(st.lists(events, max_size=8).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_events_does_not_matter(orders: tuple[list[Event], list[Event]]) -> None:
    for version in VERSIONS:
        first, second = (score_penalty(order, version) for order in orders)
        assert first == pytest.approx(second, abs=1e-12)


@given(st.lists(events, max_size=8), percentages)
def test_bench2drive_differs_from_2_0_only_in_the_minimum_speed(found: list[Event], completed: float) -> None:
    slow_apart = [event for event in found if event.type is not EventType.MIN_SPEED_INFRACTION]
    run = route(*slow_apart, completed=completed)
    ours, theirs = make_record(run, ScorerVersion.BENCH2DRIVE), make_record(run, ScorerVersion.V2_0)
    assert ours["scores"] == theirs["scores"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_never_becomes_a_score(value: float) -> None:
    with pytest.raises(ScoringInputError, match=r"ROUTE_COMPLETION.percentage: (nan|inf)"):
        completion(value)
    with pytest.raises(ScoringInputError, match="duration_game_s"):
        route(duration_game_s=value)


def test_an_event_without_its_percentage_is_refused() -> None:
    with pytest.raises(ScoringInputError, match=r"MIN_SPEED_INFRACTION\.percentage: missing"):
        Event(type=EventType.MIN_SPEED_INFRACTION)
