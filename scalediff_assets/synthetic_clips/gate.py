"""Verdict rows: every clip of a partition under one policy, from stored measures; no video is read.

The rules are in `scoring.gate`. Here are the table, the second judgement of what the worker stored
(a new policy judges a month again in seconds), and the rates by category that alarm and halt.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from scalediff_assets.clip_schemas import GATED_CLIPS
from scalediff_assets.synthetic_clips.provenance import Sidecar, SidecarError
from scoring.clips import ClipMeasures
from scoring.gate import (
    ClipVerdict,
    GatePolicy,
    Outcome,
    RejectionState,
    SemanticScore,
    judge_clip,
    rejection_state,
)
from scoring.privacy import PrivacyCheck, PrivacyState


@dataclass(frozen=True, kw_only=True)
class CategoryRate:
    """How a category fares.

    Attributes:
        category: Which.
        n: Clips judged.
        rejected: Of these.
        state: What that rate means.
    """

    category: str
    n: int
    rejected: int
    state: RejectionState


@dataclass(frozen=True, kw_only=True)
class GateRates:
    """All clips of a window and each category.

    Attributes:
        overall: What the rate over all categories means: it alarms and halts.
        n: Clips judged.
        rejected: Of these.
        categories: By name; those over the limits are worth a look, but halt nothing alone.
    """

    overall: RejectionState
    n: int
    rejected: int
    categories: tuple[CategoryRate, ...]


def judge_sidecars(
    sidecars: Iterable[Sidecar], policy: GatePolicy, *, copies: frozenset[str] | None = None
) -> pl.DataFrame:
    """GATED_CLIPS of clips, from the measures that lie beside them.

    Args:
        sidecars: Of the clips.
        policy: What is good enough.
        copies: Content keys of memorised clips; None where nobody compared.

    Raises:
        SidecarError: Where a measure is missing; it is not made up.
    """
    rows = [_row(sidecar, policy, copies) for sidecar in sidecars]
    return GATED_CLIPS.frame(rows).sort("content_key")


def gate_rates(verdicts: pl.DataFrame, policy: GatePolicy) -> GateRates:
    """Rates of refused clips over all and by category."""
    groups = (
        verdicts.group_by("category")
        .agg(pl.len().alias("n"), (~pl.col("passed")).sum().alias("rejected"))
        .sort("category")
    )
    categories = tuple(
        CategoryRate(
            category=row["category"],
            n=row["n"],
            rejected=row["rejected"],
            state=rejection_state(row["n"], row["rejected"], policy.rejection),
        )
        for row in groups.iter_rows(named=True)
    )
    n, rejected = verdicts.height, sum(each.rejected for each in categories)
    state = rejection_state(n, rejected, policy.rejection)
    return GateRates(overall=state, n=n, rejected=rejected, categories=categories)


def measures_of(sidecar: Sidecar) -> ClipMeasures:
    """The measures that lie beside a clip.

    Raises:
        SidecarError: Where one is missing.
    """
    scores, spec = sidecar.scores, sidecar.spec
    try:
        return ClipMeasures(
            frames=int(spec["frames"]),
            height_px=int(spec["height_px"]),
            width_px=int(spec["width_px"]),
            tcs=scores["temporal_coherence"],
            tcs_flow=scores["tcs_flow"],
            tcs_flow_worst=scores["tcs_flow_worst"],
            motion=scores["motion"],
            flicker=scores["flicker"],
            colour_drift=scores["colour_drift"],
            sharpness=scores["sharpness"],
            flow_share=scores["flow_share"],
        )
    except KeyError as error:
        raise SidecarError(
            f"clip {sidecar.content_key} has no {error.args[0]}; measure it again with today's worker"
        ) from error


def privacy_of(sidecar: Sidecar) -> PrivacyCheck:
    """What the worker's look for faces and plates came to; unchecked where its verdict has none."""
    rule = next((each for each in sidecar.verdict.get("rules", ()) if each["rule"] == "privacy"), None)
    if rule is None:
        return PrivacyCheck(
            state=PrivacyState.UNCHECKED, detector=None, found=0, why="the worker did not look"
        )
    state = {
        Outcome.PASSED: PrivacyState.CLEAR,
        Outcome.FAILED: PrivacyState.UNCHECKED if rule["value"] is None else PrivacyState.FOUND,
        Outcome.NOT_APPLICABLE: PrivacyState.NOT_APPLICABLE,
    }[Outcome(rule["outcome"])]
    return PrivacyCheck(state=state, detector=None, found=int(rule["value"] or 0), why=rule["why"])


def _row(sidecar: Sidecar, policy: GatePolicy, copies: frozenset[str] | None) -> dict[str, object]:
    measures, privacy, score = measures_of(sidecar), privacy_of(sidecar), _score(sidecar)
    is_copy = None if copies is None else sidecar.content_key in copies
    verdict = judge_clip(measures, policy, privacy=privacy, clip_score=score, is_copy=is_copy)
    taken = {name: value for name, value in measures.as_row().items() if name in GATED_CLIPS.schema}
    return {
        "content_key": sidecar.content_key,
        "job_id": sidecar.job_id,
        "category": sidecar.category,
        "prompt": sidecar.prompt,
        "origin": sidecar.origin,
        "model_version": sidecar.model_version,
        **_decision(verdict),
        **taken,
        "clip_score": score.value if score else None,
        "clip_extractor": score.extractor if score else None,
        "privacy": privacy.state.value,
        "frames_sha256": sidecar.frames_sha256,
    }


def _decision(verdict: ClipVerdict) -> dict[str, object]:
    return {
        "passed": verdict.passed,
        "reasons": list(verdict.reasons),
        "not_applied": [each.rule for each in verdict.rules if each.outcome is Outcome.NOT_APPLICABLE],
        "policy_version": verdict.policy_version,
        "policy_hash": verdict.policy_hash,
        "calibration": verdict.calibration,
    }


def _score(sidecar: Sidecar) -> SemanticScore | None:
    value, extractor = sidecar.scores.get("clip_score"), sidecar.tags.get("clip_extractor")
    if value is None or extractor is None:
        return None
    return SemanticScore(extractor=extractor, value=value)
