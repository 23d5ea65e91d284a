"""The criteria: against scenario_runner's own outputs, and each rule by hand."""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.leaderboard import Event, ScoringInputError, differences
from world.minitown.criteria import (
    Contact,
    CriteriaSet,
    DenseRoute,
    DenseRouteError,
    Ending,
    Observation,
    Verdict,
)
from world.minitown.criteria.actor_blocked import ActorBlocked
from world.minitown.criteria.criterion import Criterion
from world.minitown.criteria.minimum_speed import MinimumSpeed
from world.minitown.criteria.replay import dense_route, load_replays, replay

CASES = Path(__file__).parents[2] / ".." / "shared" / "oracles" / "criteria_cases.json"
TICK_S = 0.05
LIMIT_MPS = 50 / 3.6
CONTACT = [Contact(actor_id=5, type_id="vehicle.audi.tt", kind="vehicle", x_m=0.0, y_m=0.0)]


def at(tick: int, x_m: float = 0.0, y_m: float = 0.0, speed_mps: float = 10.0, **more: Any) -> Observation:
    return Observation(tick=tick, t_s=TICK_S * tick, x_m=x_m, y_m=y_m, speed_mps=speed_mps, **more)


def straight(length_m: float = 100.0, step_m: float = 1.0) -> DenseRoute:
    return dense_route([[0.0, 0.0], [length_m, 0.0]], step_m)


def watch(criterion: Criterion, ticks: Iterable[Observation]) -> list[Event]:
    for seen in ticks:
        criterion.tick(seen)
    criterion.terminate()
    return criterion.events


def drive(
    route: DenseRoute, places: Sequence[tuple[float, float]], *, speed_mps: float = 10.0, **more: Any
) -> CriteriaSet:
    """Feed places, one per tick, to a whole set until it ends."""
    criteria = CriteriaSet(route, speed_limit_mps=LIMIT_MPS)
    for tick, (x_m, y_m) in enumerate(places):
        criteria.tick(at(tick, x_m, y_m, speed_mps, **more))
    criteria.terminate()
    return criteria


def test_every_genuine_case_is_judged_the_same_to_the_last_digit() -> None:
    if not CASES.exists():
        pytest.skip(f"no genuine cases at {CASES}")
    cases = load_replays(CASES)
    assert len(cases) >= 7
    for case in cases:
        ours = replay(case)
        assert not [str(found) for found in differences(ours, case.expected)], case.name
        assert json.dumps(ours) == json.dumps(case.expected), case.name


# Route completion


def test_the_route_ends_in_the_tick_after_its_end_was_reached() -> None:
    criteria = drive(straight(), [(0.5 * tick, 0.0) for tick in range(300)])
    assert criteria.ended_by == (Ending(name="route_completion", verdict=Verdict.SUCCESS),)
    assert criteria.route_completion.completed == 100
    assert criteria.events()[0][0].message == "Agent has completed 100 of the route"


def test_passing_the_end_14_m_aside_is_complete_but_does_not_end_the_route() -> None:
    places = [(0.5 * tick, 14.0) for tick in range(210)]
    criteria = drive(straight(), places)
    assert not criteria.ended
    assert criteria.route_completion.completed == 100.0
    assert isinstance(criteria.route_completion.completed, float)
    assert criteria.route_completion.verdict is Verdict.FAILURE


def test_a_car_of_more_than_three_points_a_tick_outruns_its_own_progress() -> None:
    criteria = drive(straight(200.0), [(3.5 * tick, 0.0) for tick in range(58)])
    assert criteria.route_completion.completed < 90.0


def test_99_percent_far_from_the_last_point_is_not_the_end() -> None:
    criteria = drive(straight(2000.0), [(tick * 1.0, 0.0) for tick in range(1988)])
    assert criteria.route_completion.completed == 99.3
    assert not criteria.ended


def test_a_car_that_never_starts_has_completed_nothing() -> None:
    criteria = drive(straight(), [(-1.0, 0.0)] * 3, speed_mps=0.0)
    assert criteria.route_completion.completed == 0
    assert criteria.events()[0][0].message == "Agent has completed 0 of the route"


def test_driving_back_takes_no_completion_away() -> None:
    forth = [(1.0 * tick, 0.0) for tick in range(51)]
    criteria = drive(straight(), [*forth, *reversed(forth)])
    assert criteria.route_completion.completed == 49.0


@pytest.mark.parametrize("corners", [[[0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [math.nan, 1.0]]])
def test_a_route_without_length_is_refused(corners: list[list[float]]) -> None:
    with pytest.raises(DenseRouteError, match=r"length above 0|not finite"):
        DenseRoute.of([x for x, _ in corners], [y for _, y in corners], [0.0] * len(corners))


def test_speed_limits_must_fit_the_route() -> None:
    route = straight()
    with pytest.raises(DenseRouteError, match=r"must be 101, one per point"):
        CriteriaSet(route, speed_limit_mps=[10.0])
    with pytest.raises(DenseRouteError, match=r"must be above 0"):
        CriteriaSet(route, speed_limit_mps=0.0)


# Minimum speed


@pytest.mark.parametrize(("speed_mps", "slow"), [(4.5, 4), (9.0, 0), (20.0, 0)])
def test_four_checkpoints_compare_with_the_traffic(speed_mps: float, slow: int) -> None:
    criteria = drive(
        straight(),
        [(tick / 20 * speed_mps, 0.0) for tick in range(600)],
        speed_mps=speed_mps,
        background_speed_mps=[8.0, 10.0],
    )
    assert len(criteria.minimum_speed.values) == 4
    assert criteria.minimum_speed.mean == round(speed_mps / 9.0 * 100, 2)
    assert len(criteria.minimum_speed.events) == slow


@pytest.mark.parametrize("others", [[], [0.0, 0.0]])
def test_without_moving_traffic_no_speed_is_too_low(others: list[float]) -> None:
    slow = MinimumSpeed(straight())
    ticks = (at(tick, 0.05 * tick, speed_mps=1.0, background_speed_mps=others) for tick in range(2000))
    assert watch(slow, ticks) == []
    assert slow.values == [100] * 4


def test_the_last_checkpoint_needs_95_percent_of_the_route_and_counts_once() -> None:
    for share, count in ((0.94, 3), (0.97, 4)):
        slow = MinimumSpeed(straight())
        ticks = [
            at(tick, 0.5 * tick, background_speed_mps=[20.0]) for tick in range(int(100 * share / 0.5) + 1)
        ]
        watch(slow, ticks)
        slow.terminate()
        assert len(slow.values) == len(slow.events) == count


# In route, blocked, time-out


def test_30_m_from_the_route_ends_it_at_once() -> None:
    places = [(0.0, 29.9), (0.0, 30.0)]
    criteria = drive(straight(), places)
    assert criteria.ended_by == (Ending(name="in_route", verdict=Verdict.FAILURE),)
    assert criteria.in_route.events[0].message == "Agent deviated from the route at (x=0.0, y=30.0, z=0.0)"


def test_16_m_aside_may_last_for_30_percent_of_the_route() -> None:
    criteria = drive(straight(), [(0.5 * tick, 16.0) for tick in range(200)])
    assert criteria.ended_by == (Ending(name="in_route", verdict=Verdict.FAILURE),)
    assert criteria.route_completion.completed == pytest.approx(30.0, abs=1.0)
    assert not drive(straight(), [(0.5 * tick, 14.9) for tick in range(200)]).in_route.events


def test_standing_for_more_than_180_s_is_blocked() -> None:
    blocked = ActorBlocked()
    verdicts = [blocked.tick(at(tick, speed_mps=0.09)) for tick in range(3610)]
    first = next(tick for tick, verdict in enumerate(verdicts) if verdict is Verdict.FAILURE)
    assert first * TICK_S == pytest.approx(180.1)
    assert blocked.events[0].message == "Agent got blocked at (x=0.0, y=0.0, z=0.0)"


def test_a_short_movement_starts_the_three_minutes_again() -> None:
    ticks = (at(tick, speed_mps=0.1 if tick == 3000 else 0.0) for tick in range(6000))
    assert watch(ActorBlocked(), ticks) == []


def test_time_runs_out_after_300_s_and_what_a_tenth_of_the_limit_needs() -> None:
    criteria = drive(straight(), [(10.5, 0.0)] * 8000)
    assert criteria.ended_by == (Ending(name="route_timeout", verdict=Verdict.SUCCESS),)
    assert criteria.timed_out
    assert criteria.route_timeout.limit_s == pytest.approx(300.0 + 10.0 / (LIMIT_MPS / 10))


def test_the_speed_limit_may_change_along_the_route() -> None:
    route = straight()
    limits = [5.0] * 50 + [10.0] * 51
    criteria = CriteriaSet(route, speed_limit_mps=limits)
    for tick in range(150):
        criteria.tick(at(tick, min(tick * 1.0, 98.5)))
    assert criteria.route_timeout.limit_s == pytest.approx(300 + 49 / 0.5 + 49 / 1.0)


# All together


def test_what_happens_after_the_end_is_not_judged() -> None:
    criteria = drive(straight(), [(0.5 * tick, 0.0) for tick in range(300)])
    before = criteria.events()
    criteria.tick(at(300, 150.0, contacts=CONTACT))
    criteria.terminate()
    assert criteria.events() == before


@given(
    st.lists(
        st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 2, st.floats(0.0, 100.0)), max_size=20
    )
)
def test_no_place_at_all_breaks_the_criteria(ticks: list[tuple[float, float, float]]) -> None:
    criteria = CriteriaSet(straight(), speed_limit_mps=LIMIT_MPS)
    for tick, (x_m, y_m, speed_mps) in enumerate(ticks):
        criteria.tick(at(tick, x_m, y_m, speed_mps, contacts=CONTACT))
    criteria.terminate()
    assert 0 <= criteria.route_completion.completed <= 100


@given(st.floats(-math.pi, math.pi), st.floats(-3000.0, 3000.0), st.floats(-3000.0, 3000.0))
def test_completion_does_not_depend_on_place_and_direction(yaw_rad: float, x_m: float, y_m: float) -> None:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    route = DenseRoute.of(
        [x_m + metre * cos for metre in range(51)], [y_m + metre * sin for metre in range(51)], [yaw_rad] * 51
    )
    places = [(x_m + 0.73 * tick * cos, y_m + 0.73 * tick * sin) for tick in range(40)]
    criteria = drive(route, places)
    assert criteria.route_completion.completed == pytest.approx(56.0, abs=0.02)


GOOD: dict[str, Any] = {
    "name": "c",
    "points": [[0, 0], [9, 0]],
    "step": 1.0,
    "trajectory": [[0, 0, 1]],
    "background_speeds": [],
    "speed_limit_kmh": 50,
}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("points", [[0, 0]], r"points: 1 elements \(minimum 2\)"),
        ("points", [[3, 3], [3, 3]], r"points: 2 points, 0 m long"),
        ("step", 0, r"step: 0 \(must be above 0\)"),
        ("trajectory", [[0, 0]], r"trajectory\[0\]: 2 numbers \(must be 3\)"),
        ("trajectory", [[0, math.nan, 0]], r"trajectory\[0\]\[1\]: nan \(must be a finite number\)"),
        ("background_speeds", 3, r"background_speeds: 3 \(must be a list\)"),
        ("speed_limit_kmh", "fast", r"speed_limit_kmh: 'fast' \(must be a number\)"),
    ],
)
def test_a_wrong_case_names_file_and_field(tmp_path: Path, field: str, value: object, told: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [{**GOOD, field: value}]}))
    with pytest.raises(ScoringInputError, match=told) as refused:
        load_replays(file)
    assert str(refused.value).startswith(f"{file}: $.cases[0].")


def test_a_drive_that_nothing_ends_has_no_end(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([{**GOOD, "trajectory": []}]))
    verdict = replay(load_replays(file)[0])
    assert verdict["end"] is None
    assert (verdict["route_completed"], verdict["timeout_value"]) == (0, 300)
