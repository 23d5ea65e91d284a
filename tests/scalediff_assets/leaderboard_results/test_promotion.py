"""The promotion rule: paired, certain, safe, and never across backends."""

import polars as pl
import pytest

from scalediff_assets.leaderboard_results.promotion import (
    NotComparableError,
    PromotionPolicy,
    first_champion,
    next_champion,
    paired_gains,
)
from scalediff_assets.model_schemas import INFRACTIONS, ROUTE_RESULTS

POLICY = PromotionPolicy.read()


def drives(
    scores: list[float], *, agent: str = "a", backend: str = "minitown", **events: list[int]
) -> pl.DataFrame:
    rows = [
        {
            "agent": agent,
            "route_set": "minitown-12",
            "route_id": str(place),
            "repetition": 0,
            "backend": backend,
            "town": "minitown",
            "scenario": "none",
            "scenario_end": "none",
            "status": "Completed",
            "attempts": 1,
            "length_m": 500.0,
            "completion_percent": 100.0,
            "driving_score": score,
            "penalty": score / 100,
            "driving_score_2_0": score,
            "penalty_2_0": score / 100,
            "duration_game_s": 60.0,
            **{name: events.get(name, [0] * len(scores))[place] for name in INFRACTIONS},
        }
        for place, score in enumerate(scores)
    ]
    return ROUTE_RESULTS.frame(rows)


GOOD, BAD = [60.0 + k for k in range(12)], [40.0 + 2 * k for k in range(12)]


def test_a_clear_gain_is_promoted() -> None:
    decision = next_champion(drives(GOOD), drives(BAD), "old", POLICY)
    assert decision.promoted and decision.p_gain > 0.95 and decision.pairs == 12
    assert decision.gain == pytest.approx(14.5)


def test_a_gain_that_may_be_luck_is_not() -> None:
    wobbly = [score + (9 if k % 2 else -8) for k, score in enumerate(BAD)]
    decision = next_champion(drives(wobbly), drives(BAD), "old", POLICY)
    assert not decision.promoted and "0.95 needed" in decision.reason


@pytest.mark.parametrize("name", POLICY.safety)
def test_a_gain_that_costs_safety_is_not(name: str) -> None:
    once = pl.Series(name, [1] + [0] * 11, pl.Int32)
    unsafe = drives(GOOD).with_columns(once)
    decision = next_champion(unsafe, drives(BAD), "old", POLICY)
    assert not decision.promoted and name in decision.reason


def test_a_rate_counts_and_not_a_number_of_events() -> None:
    short = drives(BAD, red_light=[1] + [0] * 11).with_columns(completion_percent=pl.lit(20.0))
    assert next_champion(drives(GOOD, red_light=[2] + [0] * 11), short, "old", POLICY).promoted


def test_backends_routes_and_lengths_must_agree() -> None:
    with pytest.raises(NotComparableError, match="carla and minitown"):
        paired_gains(drives(GOOD), drives(GOOD, backend="carla"))
    with pytest.raises(NotComparableError, match="11 of 12 and 11"):
        paired_gains(drives(GOOD), drives(GOOD).head(11))
    with pytest.raises(NotComparableError, match="other lengths"):
        paired_gains(drives(GOOD), drives(GOOD).with_columns(length_m=pl.lit(900.0)))
    with pytest.raises(NotComparableError):
        paired_gains(drives([]), drives([]))


def test_the_first_champion_must_beat_noop_and_random() -> None:
    simple = {"noop": drives([0.0] * 12), "random": drives([1.0] * 12)}
    assert first_champion(drives(GOOD), simple, POLICY).promoted
    strong = simple | {"random": drives(GOOD)}
    decision = first_champion(drives(GOOD), strong, POLICY)
    assert not decision.promoted and decision.against == "random"
    with pytest.raises(NotComparableError, match="no results of random"):
        first_champion(drives(GOOD), {"noop": simple["noop"]}, POLICY)
