"""The asset `quality_scores`."""

from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.catalog import Catalog, Fingerprint
from resources.connections import Connections
from scalediff_assets.hours import OWNERS, SessionsConfig, column_schema, merged, only, sample
from scalediff_assets.outcomes import record_verdicts
from scalediff_assets.pair_schemas import PairedClips, PairedClipsHours
from scalediff_assets.partitions import HOURLY, HOURS_IN_BATCHES, hours_before
from scalediff_assets.quality_scores.duplicates import Fingerprints
from scalediff_assets.quality_scores.policy import QualityPolicy, load_policy
from scalediff_assets.schemas import (
    VERDICTS,
    AlignedSessions,
    AlignedSessionsHours,
    QualityScores,
    RawSessions,
    RawSessionsHours,
    Segments,
    SegmentsHours,
)

ASSET = "quality_scores"


class QualityConfig(SessionsConfig):
    """Knobs of `quality_scores`."""

    policy: str = Field(
        default="", description="Path of a quality policy file; empty: the policy that ships with the code."
    )


@dg.asset(
    partitions_def=HOURLY,
    backfill_policy=HOURS_IN_BATCHES,
    group_name="quality",
    kinds={"polars", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(VERDICTS)},
)
def quality_scores(
    context: dg.AssetExecutionContext,
    config: QualityConfig,
    connections: Connections,
    raw_sessions: RawSessionsHours,
    aligned_sessions: AlignedSessionsHours,
    segments: SegmentsHours,
    paired_clips: PairedClipsHours,
) -> dict[str, QualityScores]:
    """Each segment's scores and its verdict under one policy.

    A row is a segment: its measured values, pass or fail, and every rule that failed, under the
    policy whose hash it carries. Computed from stored signals alone, so that a month is re-scored
    in minutes; no video is read. The hallucination rule applies where the frames before painting
    were recorded, too. A partition is an hour of arrival.
    """
    policy = load_policy(config.policy or None)
    made = {}
    for hour in context.partition_keys:
        pairs = paired_clips.get(hour) or PairedClips()
        stages = (raw_sessions[hour], aligned_sessions[hour], segments[hour], pairs)
        made[hour] = _judge_hour(hour, *stages, policy, config, connections)
        context.add_asset_metadata(_report(made[hour], segments[hour], policy), partition_key=hour)
        verdicts = made[hour].segments
        context.log.info(
            "judged hour=%s segments=%d passed=%d", hour, verdicts.height, verdicts["passed"].sum()
        )
    return made


def _judge_hour(
    hour: str,
    raw: RawSessions,
    aligned: AlignedSessions,
    cut: Segments,
    paired: PairedClips,
    policy: QualityPolicy,
    config: QualityConfig,
    connections: Connections,
) -> QualityScores:
    from scalediff_assets.quality_scores.verdict import fingerprints_of, judge, with_pairs

    decoded = cut.sessions.filter(pl.col("verdict") == "valid").select("session_id")
    sessions = only(
        raw.sessions.filter(pl.col("verdict") == "valid")
        .join(decoded, on="session_id")
        .join(aligned.sessions.select("session_id", "start_uncertainty_ms", "confidence"), on="session_id"),
        config.session_ids,
    )
    chosen = only(cut.segments, config.session_ids)
    signals = only(cut.signals, config.session_ids)
    catalog = connections.catalog()
    own = fingerprints_of(segments=chosen, signals=signals, sessions=sessions, policy=policy)
    catalog.save_fingerprints(
        hour,
        sessions["session_id"].to_list(),
        [
            Fingerprint(segment_id=s, session_id=i, completed_ms=ms, hashes=packed)
            for s, i, ms, packed in own.records()
        ],
    )
    fresh = QualityScores(
        segments=judge(
            segments=chosen,
            frames=only(aligned.frames, config.session_ids),
            signals=with_pairs(signals, paired.pairs),
            sessions=sessions,
            policy=policy,
            earlier=_earlier(catalog, hour, policy),
        )
    )
    record_verdicts(catalog, sessions, fresh)
    return merged(connections.lake(), ASSET, hour, config.session_ids, fresh)


def _earlier(catalog: Catalog, hour: str, policy: QualityPolicy) -> Fingerprints:
    """Fingerprints of the policy's window up to the hour; `judge` looks only at earlier arrivals."""
    found = catalog.fingerprints(hours_before(hour, policy.duplicates.window_hours), hour)
    return Fingerprints.from_records((f.segment_id, f.session_id, f.completed_ms, f.hashes) for f in found)


def _report(tables: QualityScores, cut: Segments, policy: QualityPolicy) -> dict[str, Any]:
    from scalediff_assets.pictures import bars, histograms

    verdicts = tables.segments
    passed = int(verdicts["passed"].sum())
    report: dict[str, Any] = {
        "segments": verdicts.height,
        "passed": passed,
        "failed": verdicts.height - passed,
        "policy_version": policy.version,
        "policy_hash": policy.policy_hash,
    }
    if not verdicts.height:
        return report
    reasons = verdicts.explode("reasons").drop_nulls("reasons")
    counted = reasons.group_by("reasons").len().sort(["len", "reasons"], descending=[True, False])
    report["verdicts"] = bars("segments by verdict", {"passed": passed, **dict(counted.iter_rows())})
    names = [name for name in policy.signal_limits if name in cut.signals.columns]
    report["signals"] = histograms({name: cut.signals[name] for name in names}, policy.signal_limits)
    report["sample"] = sample(
        verdicts.select("segment_id", "passed", pl.col("reasons").list.join(", "), "score", "sharpness_p50")
    )
    return report
