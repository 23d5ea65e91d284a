"""The asset `aligned_sessions`."""

from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.compute import TaskFailure
from resources.connections import Connections
from scalediff_assets.hours import OWNERS, SessionsConfig, column_schema, merged, only, verdict_counts
from scalediff_assets.outcomes import record_alignments
from scalediff_assets.partitions import HOURLY, HOURS_IN_BATCHES
from scalediff_assets.schemas import ALIGNMENTS, FRAMES, AlignedSessions, RawSessions, RawSessionsHours

ASSET = "aligned_sessions"


class AlignConfig(SessionsConfig):
    """Knobs of `aligned_sessions`."""

    content_refinement: bool = Field(
        default=False,
        description="Refine the start of legacy recordings by optical flow. Decodes their videos.",
    )


@dg.asset(
    partitions_def=HOURLY,
    backfill_policy=HOURS_IN_BATCHES,
    group_name="sessions",
    kinds={"polars", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(ALIGNMENTS, FRAMES)},
)
def aligned_sessions(
    context: dg.AssetExecutionContext,
    config: AlignConfig,
    connections: Connections,
    raw_sessions: RawSessionsHours,
) -> dict[str, AlignedSessions]:
    """Which frame shows which input.

    A row is one video frame with what the game knew when it was drawn: time, held keys, mouse,
    pose in CARLA's axes, speed from displacement, controls and the navigation command. Version 2
    recordings are joined by frame id, exactly; legacy recordings get the best estimate of their
    start with its uncertainty. The video is demuxed, not decoded. A partition is an hour of arrival.
    """
    made = {}
    for hour in context.partition_keys:
        made[hour] = _align_hour(hour, raw_sessions[hour], config, connections)
        context.add_asset_metadata(_report(made[hour]), partition_key=hour)
        context.log.info("aligned hour=%s %s", hour, verdict_counts(made[hour].sessions))
    return made


def _align_hour(
    hour: str, raw: RawSessions, config: AlignConfig, connections: Connections
) -> AlignedSessions:
    from scalediff_assets.aligned_sessions.task import AlignTask, align_task, failed_alignment

    valid = only(raw.sessions.filter(pl.col("verdict") == "valid"), config.session_ids)
    store = connections.raw()
    tasks = [
        AlignTask(raw=store, session=row, content_refinement=config.content_refinement)
        for row in valid.iter_rows(named=True)
    ]
    outcomes = connections.pool().map(align_task, tasks, label=ASSET)
    fresh = AlignedSessions.concat(
        [
            failed_alignment(o.item.session["session_id"], o.reason, o.detail)
            if isinstance(o, TaskFailure)
            else o
            for o in outcomes
        ]
    )
    record_alignments(connections.catalog(), valid, fresh)
    return merged(connections.lake(), ASSET, hour, config.session_ids, fresh)


def _report(tables: AlignedSessions) -> dict[str, Any]:
    from scalediff_assets.pictures import bars, paths

    sessions = tables.sessions
    report: dict[str, Any] = {
        "sessions": sessions.height,
        "valid": sessions.filter(pl.col("verdict") == "valid").height,
        "frames": tables.frames.height,
    }
    if sessions.height:
        report["verdicts"] = bars("sessions by verdict", verdict_counts(sessions))
        methods = sessions.drop_nulls("align_method").group_by("align_method").len().sort("align_method")
        report["methods"] = dict(methods.iter_rows())
    worst = sessions["start_uncertainty_ms"].max()
    if worst is not None:
        report["worst_start_uncertainty_ms"] = float(worst)  # type: ignore[arg-type]
    if tables.frames.height:
        report["paths"] = paths(tables.frames)
    return report
