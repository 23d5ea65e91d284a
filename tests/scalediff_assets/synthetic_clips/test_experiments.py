"""Experiments: fair arms, guardrails first, and a test over training seeds."""

from dataclasses import replace

import pytest

from scalediff_assets.synthetic_clips.experiments import (
    ArmResult,
    ExperimentDecision,
    ExperimentPolicy,
    NotComparableArmsError,
    decide,
)
from scoring.arms import arm_of
from scoring.frechet import FrechetDistance

POLICY = ExperimentPolicy.read()
FVD = FrechetDistance(value=200.0, low=None, high=None, n=1000, extractor="i3d-k400-400logits")
CONTROL = ArmResult(
    model_version="v2.3.1", map_by_seed=(0.400, 0.403, 0.397, 0.401), training_steps=2_000,
    training_clips=1_000, fvd=FVD, judged=1_000, rejected=100,
)  # fmt: skip
BETTER = replace(CONTROL, model_version="v2.4.0", map_by_seed=(0.420, 0.424, 0.418, 0.421))


def run(challenger: ArmResult, days: float = 7, control: ArmResult = CONTROL) -> ExperimentDecision:
    return decide(control, challenger, days=days, policy=POLICY)


def test_ten_percent_of_ten_thousand_jobs_go_to_the_challenger() -> None:
    ids = [f"gen-2026-0201-{number:06d}" for number in range(10_000)]
    arms = [arm_of(job_id, POLICY.challenger_share) for job_id in ids]
    assert 900 <= arms.count("challenger") <= 1_100
    assert arms == [arm_of(job_id, 0.1) for job_id in ids]


def test_a_larger_share_keeps_the_jobs_that_were_the_challengers() -> None:
    ids = [f"gen-2026-0201-{number:06d}" for number in range(2_000)]
    small, large = ({each for each in ids if arm_of(each, share) == "challenger"} for share in (0.1, 0.3))
    assert small < large
    assert not [each for each in ids if arm_of(each, 0.0) == "challenger"]
    assert all(arm_of(each, 1.0) == "challenger" for each in ids)


def test_a_significant_gain_of_over_a_point_promotes() -> None:
    decision = run(BETTER)
    assert decision.outcome == "promote"
    assert decision.gain == pytest.approx(0.0205)
    assert decision.p_value is not None and decision.p_value < 0.01
    assert decision.low is not None and decision.high is not None and 0.01 < decision.low < decision.high
    assert decision.policy_hash == POLICY.content_hash and len(decision.policy_hash) == 64


@pytest.mark.parametrize(
    ("maps", "says"),
    [
        ((0.401, 0.404, 0.398, 0.402), "not significant"),
        ((0.405, 0.408, 0.402, 0.406), "under the 1 point"),
        ((0.380, 0.384, 0.378, 0.381), "under the 1 point"),
        ((0.38, 0.46, 0.39, 0.45), "not significant"),
    ],
)
def test_a_gain_that_is_small_negative_or_luck_keeps_the_control(maps: tuple[float, ...], says: str) -> None:
    decision = run(replace(BETTER, map_by_seed=maps))
    assert decision.outcome == "keep"
    assert says in decision.reason


def test_guardrails_stop_whatever_the_gain_and_however_early() -> None:
    worse_fvd = run(replace(BETTER, fvd=replace(FVD, value=221.0)), days=1)
    assert worse_fvd.outcome == "stopped" and "10.5% over" in worse_fvd.reason
    assert run(replace(BETTER, fvd=replace(FVD, value=220.0))).outcome == "promote"
    refused = run(replace(BETTER, rejected=151))
    assert refused.outcome == "stopped" and "5.1 points over" in refused.reason
    assert run(replace(BETTER, rejected=150)).outcome == "promote"


@pytest.mark.parametrize(
    ("challenger", "days", "says"),
    [
        (BETTER, 6.9, "it ran 6.9 days"),
        (replace(BETTER, map_by_seed=(0.42, 0.42)), 7, "2 seeds"),
        (replace(BETTER, judged=300, rejected=200), 7, "300 judged clips"),
        (replace(BETTER, map_by_seed=()), 7, "0 seeds"),
        (replace(BETTER, fvd=None), 7, "FVD has 0 clips"),
    ],
)
def test_what_is_missing_leaves_it_open(challenger: ArmResult, days: float, says: str) -> None:
    decision = run(challenger, days)
    assert decision.outcome == "inconclusive"
    assert says in decision.reason


def test_an_indicative_fvd_neither_stops_nor_decides() -> None:
    few = replace(FVD, n=100)
    decision = run(replace(BETTER, fvd=replace(few, value=900.0)), control=replace(CONTROL, fvd=few))
    assert (decision.outcome, decision.fvd_rise) == ("inconclusive", None)


def test_unequal_arms_are_not_compared() -> None:
    with pytest.raises(NotComparableArmsError, match="training_clips are 1000 and 9000"):
        run(replace(BETTER, training_clips=9_000))
    with pytest.raises(NotComparableArmsError, match="training_steps"):
        run(replace(BETTER, training_steps=9_000))
    with pytest.raises(NotComparableArmsError, match="measure both at equal n"):
        run(replace(BETTER, fvd=replace(FVD, n=9_000)))


def test_the_test_over_seeds_agrees_with_scipys_welch_test() -> None:
    from scipy.stats import ttest_ind

    expected = ttest_ind(BETTER.map_by_seed, CONTROL.map_by_seed, equal_var=False)
    interval = expected.confidence_interval(0.95)
    decision = run(BETTER)
    assert decision.p_value == pytest.approx(float(expected.pvalue))
    assert (decision.low, decision.high) == pytest.approx((float(interval.low), float(interval.high)))


def test_equal_constants_are_no_gain() -> None:
    same = replace(CONTROL, map_by_seed=(0.4, 0.4, 0.4))
    decision = run(replace(same, model_version="v2.4.0"), control=same)
    assert (decision.outcome, decision.p_value) == ("keep", 1.0)
