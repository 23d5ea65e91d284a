"""The asset `segments`."""

from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.compute import TaskFailure
from resources.connections import Connections
from resources.object_store import ObjectStore
from scalediff_assets.hours import OWNERS, SessionsConfig, column_schema, merged, only, verdict_counts
from scalediff_assets.outcomes import record_decodings
from scalediff_assets.partitions import HOURLY, HOURS_IN_BATCHES
from scalediff_assets.schemas import (
    DECODINGS,
    SEGMENTS,
    SIGNALS,
    AlignedSessions,
    AlignedSessionsHours,
    RawSessions,
    RawSessionsHours,
    Segments,
)

ASSET = "segments"


class SegmentsConfig(SessionsConfig):
    """Knobs of `segments`."""

    export_hz: float = Field(
        default=10.0, gt=0, description="Frames per second stored as JPEG; signals cover every frame."
    )


@dg.asset(
    partitions_def=HOURLY,
    backfill_policy=HOURS_IN_BATCHES,
    group_name="sessions",
    kinds={"ffmpeg", "opencv", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(DECODINGS, SEGMENTS, SIGNALS)},
)
def segments(
    context: dg.AssetExecutionContext,
    config: SegmentsConfig,
    connections: Connections,
    raw_sessions: RawSessionsHours,
    aligned_sessions: AlignedSessionsHours,
) -> dict[str, Segments]:
    """The one decode pass: pictures, raw signals and gap-free segments of about 5 s.

    Each video is decoded once, to 256x256. The pass measures every frame, stores about ten JPEGs a
    second in one Parquet shard per session, and cuts the gap-free runs into segments. Whatever
    comes later reads these tables and never the video. A partition is an hour of arrival.
    """
    made = {}
    for hour in context.partition_keys:
        made[hour] = _cut_hour(hour, raw_sessions[hour], aligned_sessions[hour], config, connections)
        context.add_asset_metadata(_report(made[hour], connections.lake()), partition_key=hour)
        context.log.info("cut hour=%s %s", hour, verdict_counts(made[hour].sessions))
    return made


def _cut_hour(
    hour: str, raw: RawSessions, aligned: AlignedSessions, config: SegmentsConfig, connections: Connections
) -> Segments:
    from scalediff_assets.segments.task import failed_decoding, segment_task

    valid = aligned.sessions.filter(pl.col("verdict") == "valid").select("session_id", "start_uncertainty_ms")
    sessions = only(
        raw.sessions.filter(pl.col("verdict") == "valid").join(valid, on="session_id"), config.session_ids
    )
    outcomes = connections.pool().map(
        segment_task, _tasks(sessions, aligned, config, connections), label=ASSET
    )
    fresh = Segments.concat(
        [
            failed_decoding(o.item.session["session_id"], o.reason, o.detail)
            if isinstance(o, TaskFailure)
            else o
            for o in outcomes
        ]
    )
    record_decodings(connections.catalog(), sessions, fresh)
    return merged(connections.lake(), ASSET, hour, config.session_ids, fresh)


def _tasks(
    sessions: pl.DataFrame, aligned: AlignedSessions, config: SegmentsConfig, connections: Connections
) -> list[Any]:
    from scalediff_assets.segments.decode import DecodeOptions
    from scalediff_assets.segments.task import SegmentTask

    raw, lake = connections.raw(), connections.lake()
    options = DecodeOptions(export_hz=config.export_hz)
    by_session = aligned.frames.partition_by("session_id", as_dict=True)
    return [
        SegmentTask(raw=raw, lake=lake, session=row, frames=by_session[(row["session_id"],)], options=options)
        for row in sessions.iter_rows(named=True)
    ]


def _report(tables: Segments, lake: ObjectStore) -> dict[str, Any]:
    from scalediff_assets.pictures import bars, contact_sheet

    report: dict[str, Any] = {
        "sessions": tables.sessions.height,
        "frames": int(tables.sessions["frames"].sum()),
        "exported_frames": int(tables.sessions["exported_frames"].sum()),
        "segments": tables.segments.height,
        "segments_idle": int(tables.segments["skip_reason"].is_not_null().sum()),
        "shard_bytes": int(tables.sessions["shard_bytes"].sum()),
        "shards": dg.MetadataValue.path(f"{lake.url}/frame_shards"),
    }
    if tables.sessions.height:
        report["verdicts"] = bars("sessions by verdict", verdict_counts(tables.sessions))
    jpegs = _sample_jpegs(tables, lake)
    if jpegs:
        report["contact_sheet"] = contact_sheet(jpegs)
    return report


def _sample_jpegs(tables: Segments, lake: ObjectStore) -> list[bytes]:
    """First, middle and last picture of the first shards of the hour."""
    from scalediff_assets.segments.shards import read_shard

    jpegs: list[bytes] = []
    for key in tables.sessions.drop_nulls("shard_key")["shard_key"].head(6):
        with lake.local_copy(key) as path:
            pictures = read_shard(path)["jpeg"]
        jpegs += [pictures[i] for i in (0, pictures.len() // 2, pictures.len() - 1)]
    return jpegs
