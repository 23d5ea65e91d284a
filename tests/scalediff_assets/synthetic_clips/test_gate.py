"""Verdict rows from stored measures, and the rates that alarm."""

import pytest

from scalediff_assets.clip_schemas import GATED_CLIPS
from scalediff_assets.synthetic_clips.gate import gate_rates, judge_sidecars, privacy_of
from scalediff_assets.synthetic_clips.provenance import SidecarError
from scoring.gate import RejectionState, load_gate_policy, read_gate_policy
from scoring.privacy import PrivacyState
from tests.scalediff_assets.synthetic_clips.conftest import MakeSidecar

POLICY = load_gate_policy()


def test_the_second_judgement_is_the_workers_own(sidecar: MakeSidecar) -> None:
    clips = [sidecar(1), sidecar(2, motion=0.0), sidecar(3, flicker=0.3, tcs_flow=0.5)]
    rows = judge_sidecars(clips, POLICY)
    assert rows.schema == GATED_CLIPS.schema
    for clip, row in zip(clips, rows.iter_rows(named=True), strict=True):
        assert row["passed"] is clip.verdict["passed"]
        assert row["reasons"] == list(clip.verdict["reasons"])
        assert row["policy_hash"] == clip.verdict["policy_hash"]
    assert rows["reasons"].to_list() == [[], ["static"], ["incoherent", "flicker"]]


def test_every_row_says_that_it_is_synthetic_and_what_was_not_applied(sidecar: MakeSidecar) -> None:
    row = judge_sidecars([sidecar(1)], POLICY).row(0, named=True)
    assert (row["origin"], row["privacy"]) == ("synthetic", "not_applicable")
    assert row["not_applied"] == ["clip_score", "privacy", "copy"]
    compared = judge_sidecars([sidecar(1), sidecar(2)], POLICY, copies=frozenset({f"{2:032x}"}))
    assert compared["reasons"].to_list() == [[], ["memorised"]]


def test_a_new_policy_judges_again_without_a_video(sidecar: MakeSidecar) -> None:
    strict = read_gate_policy(POLICY.model_dump_json().replace('"motion":0.002', '"motion":0.05'))
    rows = judge_sidecars([sidecar(1)], strict)
    assert rows["reasons"].to_list() == [["static"]]
    assert rows["policy_hash"].item() == strict.policy_hash != POLICY.policy_hash


def test_a_missing_measure_is_an_error_not_a_zero(sidecar: MakeSidecar) -> None:
    clip = sidecar(1)
    without = clip.model_copy(update={"scores": {k: v for k, v in clip.scores.items() if k != "motion"}})
    with pytest.raises(SidecarError, match="has no motion; measure it again"):
        judge_sidecars([without], POLICY)


def test_a_verdict_without_a_look_for_faces_is_unchecked_and_refused(sidecar: MakeSidecar) -> None:
    blind = sidecar(1).model_copy(update={"verdict": {}})
    assert privacy_of(blind).state is PrivacyState.UNCHECKED
    assert judge_sidecars([blind], POLICY)["reasons"].to_list() == [["privacy_unchecked"]]


@pytest.mark.parametrize(
    ("rejected", "state"), [(15, RejectionState.OK), (16, RejectionState.ALARM), (21, RejectionState.HALT)]
)
def test_rates_alarm_over_15_and_halt_over_20_percent(
    sidecar: MakeSidecar, rejected: int, state: RejectionState
) -> None:
    clips = [sidecar(k, motion=0.0 if k < rejected else 0.02) for k in range(100)]
    rates = gate_rates(judge_sidecars(clips, POLICY), POLICY)
    assert (rates.overall, rates.n, rates.rejected) == (state, 100, rejected)


def test_a_bad_category_is_named_and_a_small_one_says_nothing(sidecar: MakeSidecar) -> None:
    clips = [sidecar(k) for k in range(60)]
    clips += [sidecar(100 + k, category="dense_fog", motion=0.0 if k < 10 else 0.02) for k in range(20)]
    clips += [sidecar(200 + k, category="sun_glare", motion=0.0) for k in range(2)]
    rates = gate_rates(judge_sidecars(clips, POLICY), POLICY)
    assert {each.category: each.state for each in rates.categories} == {
        "dense_fog": RejectionState.HALT,
        "dust_storm": RejectionState.OK,
        "sun_glare": RejectionState.TOO_FEW,
    }
    assert rates.overall is RejectionState.OK


def test_no_clips_have_no_rate() -> None:
    assert gate_rates(judge_sidecars([], POLICY), POLICY).overall is RejectionState.TOO_FEW
