"""The per-condition audit on a model's clips: the worst category is named, and stops the model."""

import pytest

from scalediff_assets.video_models.tables import audit_problem
from scalediff_assets.video_schemas import CONDITIONS, EVALUATION_TABLE, VideoEvaluation
from scoring.clips import measure_clip, per_condition_quality_audit
from scoring.gate import load_gate_policy
from tests.clip_world import driven_clips, shuffled


@pytest.fixture(scope="module")
def clips() -> list:  # type: ignore[type-arg]
    return driven_clips(3, seconds=8.0)


def evaluation(groups: dict) -> VideoEvaluation:  # type: ignore[type-arg]
    """The tables of an evaluation whose model makes these clips."""
    audit = per_condition_quality_audit({name: map(measure_clip, group) for name, group in groups.items()})
    policy = load_gate_policy()
    report = {name: 1 for name in EVALUATION_TABLE.schema} | {
        "video_model": "m", "version": "v1.0.0", "weights_sha256": "w", "manifest_hash": "h", "guidance": 1.0,
        "device": "cpu", "worst": audit.worst, "best": audit.best, "gap": audit.gap, "report_url": "u",
        "coherence_min": policy.audit.coherence_min, "gap_max": policy.audit.gap_max, "policy_hash": "p",
    }  # fmt: skip
    rows = [
        {"video_model": "m", "condition": row.condition, "n": row.n, "coherence": row.coherence,
         "sharpness": row.sharpness, "motion": row.motion}
        for row in audit.conditions
    ]  # fmt: skip
    return VideoEvaluation(reports=EVALUATION_TABLE.frame([report]), conditions=CONDITIONS.frame(rows))


def test_a_planted_bad_category_is_named_as_the_worst(clips: list) -> None:  # type: ignore[type-arg]
    half = len(clips) // 2
    groups = {"cut_in": clips[:half], "dust_storm": shuffled(clips, 1), "heavy_rain": clips[half:]}
    problem = audit_problem(evaluation(groups))
    assert problem is not None
    assert "worst condition dust_storm" in problem
    assert "train on more clips of it" in problem


def test_a_model_that_is_good_at_everything_passes(clips: list) -> None:  # type: ignore[type-arg]
    half = len(clips) // 2
    assert audit_problem(evaluation({"cut_in": clips[:half], "heavy_rain": clips[half:]})) is None
