"""The gate: limits that mean something, verdicts that say why, rates that alarm."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring.clips import Clip, ClipMeasures, measure_clip, memorisation
from scoring.frechet import FeatureSet, frechet_distance, normalised_distance
from scoring.gate import (
    ExtractorUnknownError,
    GatePolicy,
    GatePolicyError,
    Outcome,
    RejectionState,
    SemanticScore,
    calibrate,
    check_cohort,
    judge_clip,
    load_gate_policy,
    read_gate_policy,
    rejection_state,
)
from scoring.gate.policy import POLICY_PATH, limits_for
from scoring.privacy import PrivacyCheck, PrivacyState
from tests.clip_world import drifting, driven_clips, flickering, shuffled, static

TOO_LOW = PrivacyCheck(state=PrivacyState.NOT_APPLICABLE, detector=None, found=0, why="resolution")
GOOD = ClipMeasures(
    frames=8, height_px=64, width_px=64, tcs=0.99, tcs_flow=0.98, tcs_flow_worst=0.97,
    motion=0.02, flicker=0.05, colour_drift=0.02, sharpness=70.0, flow_share=0.01,
)  # fmt: skip
POLICY = load_gate_policy()


@pytest.fixture(scope="module")
def real() -> list[Clip]:
    """Clips of a drive that the packaged limits were not measured on."""
    return driven_clips(201, seconds=10)


def refused(clips: list[Clip], policy: GatePolicy = POLICY) -> list[tuple[str, ...]]:
    return [judge_clip(measure_clip(clip), policy, privacy=TOO_LOW).reasons for clip in clips]


def test_the_policys_hash_is_of_its_content_not_its_spelling(tmp_path: Path) -> None:
    text = POLICY_PATH.read_text()
    (tmp_path / "same.toml").write_text("# another comment\n" + text.replace("0.01\n", "1e-2\n"))
    (tmp_path / "other.toml").write_text(text.replace("halt_over = 0.20", "halt_over = 0.21"))
    assert load_gate_policy(tmp_path / "same.toml").policy_hash == POLICY.policy_hash
    assert load_gate_policy(tmp_path / "other.toml").policy_hash != POLICY.policy_hash
    assert read_gate_policy(POLICY.model_dump_json()) == POLICY


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("halt_over = 0.20", "halt_over = 0.10", "halt_over 0.1 is under alarm_over 0.15"),
        ("halt_over = 0.20", "halt_over = 2.0", "rejection.halt_over"),
        ("[copies]", "[copy]", "copies"),
        ("n_min = 20", "n_min = twenty", "neither TOML nor JSON"),
    ],
)
def test_a_broken_policy_is_refused_with_its_field(old: str, new: str, says: str) -> None:
    with pytest.raises(GatePolicyError, match=says):
        read_gate_policy(POLICY_PATH.read_text().replace(old, new))


def test_a_missing_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GatePolicyError, match="cannot be read"):
        load_gate_policy(tmp_path / "none.toml")


def test_a_good_clip_passes_and_the_verdict_carries_the_policy() -> None:
    verdict = judge_clip(GOOD, POLICY, privacy=TOO_LOW)
    assert verdict.passed and not verdict.reasons
    assert (verdict.policy_version, verdict.policy_hash) == ("v1", POLICY.policy_hash)
    assert verdict.calibration == "minitown"
    assert judge_clip(GOOD, POLICY, privacy=TOO_LOW) == verdict


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tcs": 0.84}, "incoherent_raw"),
        ({"tcs_flow": 0.93}, "incoherent"),
        ({"tcs_flow_worst": 0.8}, "cut"),
        ({"motion": 0.001}, "static"),
        ({"flicker": 0.3}, "flicker"),
        ({"colour_drift": 0.14}, "colour_drift"),
        ({"sharpness": 30.0}, "blurred"),
    ],
)
def test_each_rule_refuses_with_its_reason(change: dict[str, Any], reason: str) -> None:
    verdict = judge_clip(replace(GOOD, **change), POLICY, privacy=TOO_LOW)
    assert verdict.reasons == (reason,)
    (failed,) = [rule for rule in verdict.rules if rule.outcome is Outcome.FAILED]
    assert (failed.limit is not None and "is under" in failed.why) or "is over" in failed.why


def test_of_two_limits_the_stricter_one_decides_and_both_are_kept() -> None:
    limit = limits_for(POLICY, frames=8, height_px=64, width_px=64)["tcs_flow"]
    assert (limit.stated, limit.calibrated, limit.enforced) == (0.85, 0.9351, 0.9351)


def test_clips_of_another_size_are_held_against_the_stated_limits_and_say_so() -> None:
    verdict = judge_clip(replace(GOOD, width_px=96, sharpness=1.0), POLICY, privacy=TOO_LOW)
    assert verdict.passed and verdict.calibration is None
    (sharp,) = [rule for rule in verdict.rules if rule.rule == "sharpness"]
    assert sharp.outcome is Outcome.NOT_APPLICABLE


def test_a_tiny_random_encoder_neither_passes_nor_refuses() -> None:
    score = SemanticScore(extractor="clip-tiny-random", value=0.001)
    verdict = judge_clip(GOOD, POLICY, privacy=TOO_LOW, clip_score=score)
    (rule,) = [rule for rule in verdict.rules if rule.rule == "clip_score"]
    assert (rule.outcome, rule.value, rule.limit) == (Outcome.NOT_APPLICABLE, 0.001, None)
    assert "clip-tiny-random" in rule.why and verdict.passed
    for ask in (POLICY.clip_score_for, POLICY.frechet_for):
        with pytest.raises(ExtractorUnknownError, match="limits of another extractor mean nothing"):
            ask("clip-tiny-random")


def test_the_production_encoder_is_held_against_its_limit() -> None:
    for value, reasons in ((0.29, ()), (0.27, ("off_prompt",))):
        score = SemanticScore(extractor="clip-vit-large-patch14", value=value)
        assert judge_clip(GOOD, POLICY, privacy=TOO_LOW, clip_score=score).reasons == reasons


def test_a_face_a_missing_detector_and_a_copy_refuse_a_clip() -> None:
    found = PrivacyCheck(state=PrivacyState.FOUND, detector="test", found=2, why="2 boxes")
    nobody = PrivacyCheck(state=PrivacyState.UNCHECKED, detector=None, found=0, why="no detector is set")
    assert judge_clip(GOOD, POLICY, privacy=found).reasons == ("identifiable",)
    assert judge_clip(GOOD, POLICY, privacy=nobody).reasons == ("privacy_unchecked",)
    assert judge_clip(GOOD, POLICY, privacy=TOO_LOW, is_copy=True).reasons == ("memorised",)
    assert judge_clip(GOOD, POLICY, privacy=TOO_LOW, is_copy=False).passed


def test_planted_defects_are_all_found_and_real_clips_pass(real: list[Clip]) -> None:
    assert len(real) >= 20
    assert not any(refused(real))
    assert all("flicker" in reasons or "cut" in reasons for reasons in refused([flickering(c) for c in real]))
    assert all("static" in reasons for reasons in refused([static(clip) for clip in real]))
    assert all("colour_drift" in reasons for reasons in refused([drifting(clip) for clip in real]))
    # The frames of one straight road may well follow each other.
    assert np.mean([bool(reasons) for reasons in refused(shuffled(real, 0))]) > 0.8


def test_the_stated_coherence_floor_alone_lets_incoherent_clips_pass(real: list[Clip]) -> None:
    incoherent = shuffled(real, 0)
    assert np.mean([measure_clip(clip).tcs > 0.85 for clip in incoherent]) > 0.5


@pytest.mark.slow
def test_of_several_hundred_unseen_real_clips_at_least_99_percent_pass() -> None:
    clips = [clip for seed in range(301, 305) for clip in driven_clips(seed, seconds=25)]
    assert len(clips) > 150
    assert np.mean([not reasons for reasons in refused(clips)]) >= 0.99


def test_calibration_refuses_at_most_its_share_and_makes_a_new_policy() -> None:
    rng = np.random.default_rng(0)
    clips = [
        replace(GOOD, frames=4, tcs_flow=0.95 + 0.04 * x, motion=0.02 + 0.01 * y, sharpness=60 + 10 * z)
        for x, y, z in rng.random((500, 3))
    ]
    made = calibrate(clips, POLICY, source="test-world")
    policy = POLICY.with_calibration(made.limits)
    assert made.passed_share >= 0.99
    assert policy.policy_hash != POLICY.policy_hash and policy.version == "v1+test-world"
    assert judge_clip(clips[0], policy, privacy=TOO_LOW).calibration == "test-world"
    assert made.percentile_1["tcs_flow"] > made.limits.limits["tcs_flow"]
    assert policy.with_calibration(made.limits).calibrated == policy.calibrated


def test_too_few_or_mixed_clips_do_not_calibrate() -> None:
    with pytest.raises(ValueError, match="5 clips of 1 sizes; calibrate on at least 30"):
        calibrate([GOOD] * 5, POLICY, source="x1")
    with pytest.raises(ValueError, match="2 sizes"):
        calibrate([GOOD] * 30 + [replace(GOOD, frames=4)], POLICY, source="x1")


@pytest.mark.parametrize(
    ("n", "rejected", "state"),
    [
        (19, 19, RejectionState.TOO_FEW),
        (100, 0, RejectionState.OK),
        (100, 15, RejectionState.OK),
        (100, 16, RejectionState.ALARM),
        (100, 20, RejectionState.ALARM),
        (100, 21, RejectionState.HALT),
    ],
)
def test_rejection_alarms_over_15_and_halts_over_20_percent(
    n: int, rejected: int, state: RejectionState
) -> None:
    assert rejection_state(n, rejected, POLICY.rejection) is state
    assert check_cohort(POLICY, n=n, rejected=rejected).passed is (state is not RejectionState.HALT)


def test_more_refused_than_judged_is_an_error() -> None:
    with pytest.raises(ValueError, match="6 refused of 5 judged"):
        rejection_state(5, 6, POLICY.rejection)


def distances(n: int, extractor: str, shift: float) -> tuple[FeatureSet, FeatureSet, FeatureSet]:
    rng = np.random.default_rng(1)
    real, near, far = (rng.normal(move, 1, (n, 3)) for move in (0.0, shift, 30.0))
    return tuple(FeatureSet(extractor=extractor, values=v) for v in (real, near, far))  # type: ignore[return-value]


def test_a_cohort_is_judged_only_with_enough_clips_and_a_known_extractor() -> None:
    rules = {}
    for name, n, extractor, shift in (
        ("good", 300, "i3d-k400-400logits", 1.0),
        ("bad", 300, "i3d-k400-400logits", 20.0),
        ("few", 30, "i3d-k400-400logits", 20.0),
        ("unknown", 300, "random-tiny", 20.0),
    ):
        real, near, _ = distances(n, extractor, shift)
        check = check_cohort(POLICY, n=300, rejected=0, distance=frechet_distance(real, near))
        rules[name] = (check.passed, check.rules[0].outcome)
    assert rules == {
        "good": (True, Outcome.PASSED),
        "bad": (False, Outcome.FAILED),
        "few": (True, Outcome.NOT_APPLICABLE),
        "unknown": (True, Outcome.NOT_APPLICABLE),
    }


def test_random_features_are_held_against_ratios_only() -> None:
    real, _, noise = distances(600, "random3d-v1", 0.0)
    for generated, passed in ((real, True), (noise, False)):
        distance = normalised_distance(real, generated, noise)
        check = check_cohort(POLICY, n=600, rejected=0, distance=distance)
        outcomes = {rule.rule: rule.outcome for rule in check.rules}
        assert outcomes["fvd"] is Outcome.NOT_APPLICABLE
        assert check.passed is passed is (outcomes["fvd_of_noise"] is Outcome.PASSED)


def test_a_cohort_of_copies_fails() -> None:
    rng = np.random.default_rng(2)
    training = rng.normal(size=(100, 8))
    copied = np.concatenate([training[:3] + 1e-4, rng.normal(size=(97, 8)) + 2])
    check = check_cohort(
        POLICY, n=100, rejected=0, copies=memorisation(copied, training, extractor="random3d-v1")
    )
    assert not check.passed
    assert "0.03 is over 0.01" in check.rules[1].why
