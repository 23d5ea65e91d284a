"""The verdict: every segment of an hour held against one policy, as one table computation.

Belongs here: joining the stored tables, the rules and the score. What is measured lies in
`picture.py`, `actions.py` and `duplicates.py`. No video is read, so that a new policy re-scores a
month in minutes: about 4 s of CPU for 1,000 sessions of 12 segments of 150 frames.

Errors: `MissingInputError(ValueError)`: a segment without its session, frames or signals; the
tables of the hour do not belong together.
"""

from collections.abc import Sequence

import polars as pl

from scalediff_assets.quality_scores.actions import action_measures, with_steps
from scalediff_assets.quality_scores.duplicates import Fingerprints, find_duplicates, fingerprint_segments
from scalediff_assets.quality_scores.picture import (
    PAIR_COLUMNS,
    PICTURE_DEFECTS,
    freeze_durations,
    pair_flag,
    pair_measures,
    pair_medians,
    picture_flags,
    picture_measures,
)
from scalediff_assets.quality_scores.policy import QualityPolicy, Rules, Weights
from scalediff_assets.schemas import VERDICTS

_NAMED_AT_MOST = 5


class MissingInputError(ValueError):
    """Segments whose session, frames or signals are not in the tables of the hour."""

    def __init__(self, segment_ids: Sequence[str], missing: str) -> None:
        self.segment_ids = tuple(segment_ids)
        self.missing = missing
        named = ", ".join(self.segment_ids[:_NAMED_AT_MOST])
        super().__init__(
            f"{len(self.segment_ids)} segments lack {missing}: {named}; "
            "run the upstream stages of the hour again"
        )


def judge(
    *,
    segments: pl.DataFrame,
    frames: pl.DataFrame,
    signals: pl.DataFrame,
    sessions: pl.DataFrame,
    policy: QualityPolicy,
    earlier: Fingerprints,
) -> pl.DataFrame:
    """Judge all segments of an hour under one policy.

    Args:
        segments: SEGMENTS; those with a `skip_reason` are not judged.
        frames: FRAMES of their sessions, whole, because steps look at the frame before.
        signals: SIGNALS; columns named `pair_*` (a comparison with a second video) are averaged
            per segment and held against the policy's `pair_rules`.
        sessions: `session_id, wallet, completed_ms, start_uncertainty_ms, confidence, contacts,
            scenario_result`, one row per session; other columns are ignored.
        policy: What is good enough.
        earlier: Fingerprints of what arrived before; may hold these segments and later ones, too.

    Returns:
        VERDICTS, sorted by segment.

    Raises:
        MissingInputError: If a segment's session, frames or signals are missing.
    """
    judged = segments.filter(pl.col("skip_reason").is_null())
    if not judged.height:
        return VERDICTS.empty()
    rows = _segment_frames(judged, frames, signals, policy)
    measured = _measure(rows, judged, sessions, policy)
    fresh = fingerprint_segments(rows, sessions, policy.duplicates.quality_min)
    matches = find_duplicates(fresh, earlier, policy.duplicates)
    measured = measured.join(matches, on="segment_id", how="left").with_columns(
        pl.col("duplicate_share").fill_null(0.0)
    )
    measured = measured.join(judged.select("segment_id", "origin"), on="segment_id")
    return VERDICTS.conform(measured.with_columns(_decide(measured, policy))).sort("segment_id")


def with_pairs(signals: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """SIGNALS with the `pair_*` columns of the recorded PAIRS; null for a frame without one.

    What a job painted afterwards says nothing of what the player saw.
    """
    recorded = pairs.filter(pl.col("origin") == "recorded")
    return signals.join(
        recorded.select("session_id", "frame_idx", *PAIR_COLUMNS),
        on=["session_id", "frame_idx"],
        how="left",
        maintain_order="left",
    )


def fingerprints_of(
    *, segments: pl.DataFrame, signals: pl.DataFrame, sessions: pl.DataFrame, policy: QualityPolicy
) -> Fingerprints:
    """The fingerprints of the judged segments, for the catalog; arguments as for `judge`."""
    judged = segments.filter(pl.col("skip_reason").is_null())
    return fingerprint_segments(_assign(signals, judged), sessions, policy.duplicates.quality_min)


def _assign(frames: pl.DataFrame, segments: pl.DataFrame) -> pl.DataFrame:
    """The rows that lie in a segment, with its id and first frame; intervals are half-open."""
    bounds = segments.select(
        "session_id", "segment_id", "first_frame_idx", "end_frame_idx", frame_idx=pl.col("first_frame_idx")
    ).sort("frame_idx")
    return (
        frames.sort("frame_idx")
        .join_asof(bounds, on="frame_idx", by="session_id", check_sortedness=False)
        .filter(pl.col("frame_idx") < pl.col("end_frame_idx"))
        .drop("end_frame_idx")
        .sort("session_id", "frame_idx")
    )


def _segment_frames(
    segments: pl.DataFrame, frames: pl.DataFrame, signals: pl.DataFrame, policy: QualityPolicy
) -> pl.DataFrame:
    """One row per frame of a segment with valid PTS: its columns, its signals and its flags."""
    unpaired = [pl.lit(None, pl.Float32).alias(name) for name in PAIR_COLUMNS if name not in signals.columns]
    session_p50 = pl.col("sharpness").median().over("session_id").alias("sharpness_session_p50")
    measured = signals.with_columns(unpaired).with_columns(session_p50, *pair_medians())
    rows = (
        _assign(with_steps(frames, policy.measures), segments)
        .filter(pl.col("pts_valid"))
        .join(
            measured.drop("pts_ms", "exported"),
            on=["session_id", "frame_idx"],
            how="left",
            maintain_order="left",
        )
    )
    _require(segments, rows, "frames with a valid time stamp")
    unmeasured = rows.filter(pl.col("sharpness").is_null())
    if unmeasured.height:
        raise MissingInputError(unmeasured["segment_id"].unique(maintain_order=True).to_list(), "signals")
    flags = [*picture_flags(policy.measures), pair_flag(policy.pairs)]
    return rows.with_columns(flags).with_columns(
        (~pl.any_horizontal(*PICTURE_DEFECTS, "teleport")).alias("is_ok")
    )


def _require(segments: pl.DataFrame, having: pl.DataFrame, missing: str) -> None:
    """Raise `MissingInputError` for the segments that `having` does not hold."""
    lacking = segments.join(having, on="segment_id", how="anti")
    if lacking.height:
        raise MissingInputError(lacking["segment_id"].sort().to_list(), missing)


def _measure(
    rows: pl.DataFrame, segments: pl.DataFrame, sessions: pl.DataFrame, policy: QualityPolicy
) -> pl.DataFrame:
    """One row per segment with every measured value but the duplicates."""
    pairs = [pl.col(name).mean() for name in policy.pair_rules if name in rows.columns]
    measured = (
        rows.group_by("segment_id", "session_id", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("frames"),
            pl.col("is_ok").mean().alias("frames_ok_share"),
            *picture_measures(),
            *action_measures(),
            *pair_measures(),
            *pairs,
        )
        .join(freeze_durations(rows), on="segment_id", how="left")
        .with_columns(pl.col("freeze_s").fill_null(0.0))
        .join(
            sessions.select(
                "session_id",
                "wallet",
                pl.col("start_uncertainty_ms").alias("alignment_uncertainty_ms"),
                pl.col("confidence").alias("alignment_confidence"),
                "contacts",
                "scenario_result",
            ),
            on="session_id",
        )
    )
    _require(segments, measured, "their session")
    return measured


def _decide(measured: pl.DataFrame, policy: QualityPolicy) -> list[pl.Expr]:
    """The policy columns: version, hash, passed, reasons, score."""
    fails = {**_rule_fails(policy.rules), **_pair_fails(measured, policy)}
    named = [pl.when(fail.fill_null(False)).then(pl.lit(name)) for name, fail in fails.items()]
    none = pl.lit(None, dtype=pl.String)  # so that a policy without rules gives an empty list
    reasons = pl.concat_list([none, *named]).list.drop_nulls()
    return [
        pl.lit(policy.version).alias("policy_version"),
        pl.lit(policy.policy_hash).alias("policy_hash"),
        reasons.alias("reasons"),
        (reasons.list.len() == 0).alias("passed"),
        _score(policy.weights),
    ]


def _rule_fails(rules: Rules) -> dict[str, pl.Expr]:
    """Rule name to `fails`, in the policy's order; null means not applicable."""
    limits = {
        "blur": ("blur_share", "share_max"),
        "artifact": ("artifact_share", "share_max"),
        "black": ("black_share", "share_max"),
        "low_entropy": ("low_entropy_share", "share_max"),
        "cut": ("cuts", "count_max"),
        "teleport": ("teleports", "count_max"),
        "pose_unknown": ("pose_share", "share_min"),
        "key_spam": ("spam_events", "count_max"),
        "opposing_keys": ("opposing_share", "share_max"),
        "uncaused_motion": ("uncaused_motion_share", "share_max"),
        "frames_ok": ("frames_ok_share", "share_min"),
        "contacts": ("contacts", "count_max"),
        "keys_uncertain": ("keys_uncertain_share", "share_max"),
        "hallucination": ("hallucinated_share", "share_max"),
    }
    special = _special_fails(rules)
    fails = {}
    for name in type(rules).model_fields:
        rule = getattr(rules, name)
        if rule is None:
            continue
        if name in special:
            fails[name] = special[name]
            continue
        column, limit = limits[name]
        value = getattr(rule, limit)
        fails[name] = pl.col(column) < value if limit == "share_min" else pl.col(column) > value
    return fails


def _special_fails(rules: Rules) -> dict[str, pl.Expr]:
    """The rules that are not one value against one limit."""
    fails = {}
    if rules.freeze:
        fails["freeze"] = pl.col("freeze_s") >= rules.freeze.still_max_s
    if rules.alignment:
        fails["alignment"] = (
            (pl.col("alignment_uncertainty_ms") > rules.alignment.uncertainty_max_ms)
            | (pl.col("alignment_confidence") < rules.alignment.confidence_min)
        ).fill_null(True)
    if rules.no_action:
        fails["no_action"] = (pl.col("key_events") < rules.no_action.key_events_min) & (
            pl.col("moving_share") < rules.no_action.moving_share_min
        )
    if rules.duplicate:
        fails["duplicate"] = pl.col("duplicate_of").is_not_null()
    if rules.scenario_result:
        fails["scenario_result"] = pl.col("scenario_result").is_in(list(rules.scenario_result.refused))
    return fails


def _pair_fails(measured: pl.DataFrame, policy: QualityPolicy) -> dict[str, pl.Expr]:
    """Rules on comparisons with a second video, for the columns that the signals have."""
    return {
        name: (pl.col(name) < (float("-inf") if limits.low is None else limits.low))
        | (pl.col(name) > (float("inf") if limits.high is None else limits.high))
        for name, limits in sorted(policy.pair_rules.items())
        if name in measured.columns
    }


def _score(weights: Weights) -> pl.Expr:
    """Weighted mean of the soft checks; an unknown value counts as 0, the worst."""
    checks = {
        "sharp": pl.col("sharp_share"),
        "clean": pl.col("frames_ok_share"),
        "aligned": pl.col("alignment_confidence"),
        "posed": pl.col("pose_share"),
        "moving": pl.col("moving_share"),
        "caused": (1.0 - pl.col("uncaused_motion_share")) * (1.0 - pl.col("opposing_share")),
        "original": 1.0 - pl.col("duplicate_share"),
    }
    given = weights.model_dump()
    total = sum(given.values())
    parts = [check.fill_null(0.0) * (given[name] / total) for name, check in checks.items()]
    return pl.sum_horizontal(parts).clip(0.0, 1.0).alias("score")
