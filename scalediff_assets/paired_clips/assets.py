"""The assets `repainted_sessions` and `paired_clips`."""

from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.compute import TaskFailure
from resources.connections import Connections
from resources.jobs import JobLauncher
from resources.object_store import ObjectStore
from scalediff_assets.hours import OWNERS, SessionsConfig, column_schema, merged, only, sample
from scalediff_assets.pair_schemas import (
    CLIPS,
    PAIRS,
    REPAINTED,
    PairedClips,
    RepaintedSessions,
    RepaintedSessionsHours,
)
from scalediff_assets.paired_clips.repaint import RepaintConfig, repaint_spec, repainted_tables
from scalediff_assets.partitions import HOURLY, HOURS_IN_BATCHES
from scalediff_assets.schemas import RawSessions, RawSessionsHours, Segments, SegmentsHours
from scalediff_contract.repaint import RepaintResult

ASSET = "paired_clips"
_SAMPLE_PAIRS = 6


class PairConfig(SessionsConfig):
    """Knobs of `paired_clips`."""

    repaint_hz: float = Field(
        default=10.0,
        gt=0,
        description="Pairs per second of a repainted video; a recorded one has those of `segments`.",
    )


@dg.asset(
    partitions_def=HOURLY,
    backfill_policy=HOURS_IN_BATCHES,
    pool="gpu",
    group_name="pairs",
    kinds={"pytorch", "opencv"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(REPAINTED)},
)
def repainted_sessions(
    context: dg.AssetExecutionContext,
    config: RepaintConfig,
    connections: Connections,
    jobs: JobLauncher,
    raw_sessions: RawSessionsHours,
    segments: SegmentsHours,
) -> dg.Output[dict[str, RepaintedSessions]]:
    """Recorded geometry videos painted anew with other prompts: weather, time of day.

    A row is a session and a prompt. Only sessions whose players recorded the video before painting
    can be painted; a job of `gpu_services` does it and leaves the videos in the lake. It runs when
    it is ordered, with prompts in the launch form; what is painted already is not painted again.
    A partition is the hour in which the sessions arrived.
    """
    lake = connections.lake()
    made = {}
    for hour in context.partition_keys:
        sessions = only(_cut_sessions(raw_sessions[hour], segments[hour]), config.session_ids)
        spec = repaint_spec(config, sessions, raw_url=connections.raw().url, lake_url=lake.url)
        result = jobs.run(context, spec) if spec else None
        assert result is None or isinstance(result, RepaintResult)  # noqa: S101 -- of a RepaintSpec
        fresh = repainted_tables(lake, sessions, result)
        made[hour] = merged(lake, "repainted_sessions", hour, config.session_ids, fresh)
        context.add_asset_metadata(_repaint_report(made[hour], result), partition_key=hour)
        context.log.info("repainted hour=%s videos=%d", hour, made[hour].videos.height)
    # A step that started a job over Pipes must return an event.
    return dg.Output(made)


@dg.asset(
    partitions_def=HOURLY,
    backfill_policy=HOURS_IN_BATCHES,
    group_name="pairs",
    kinds={"ffmpeg", "opencv", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(CLIPS, PAIRS)},
)
def paired_clips(
    context: dg.AssetExecutionContext,
    config: PairConfig,
    connections: Connections,
    raw_sessions: RawSessionsHours,
    segments: SegmentsHours,
    repainted_sessions: RepaintedSessionsHours,
) -> dict[str, PairedClips]:
    """Frames before and after painting, joined by frame id, with how alike their structure is.

    A row of `clips` is one painting of one session: what the player saw, or a repaint. A session
    whose client recorded only the painting is a row with the state `no_source`; a join that fails
    is a row with its reason. The pictures lie in one shard per clip. The signals of recorded pairs
    are what the quality policy judges hallucinations by. A partition is an hour of arrival.
    """
    made = {}
    for hour in context.partition_keys:
        repainted = repainted_sessions.get(hour) or RepaintedSessions()
        cut = _cut_sessions(raw_sessions[hour], segments[hour])
        made[hour] = _pair_hour(hour, cut, repainted, config, connections)
        context.add_asset_metadata(_report(made[hour], connections.lake()), partition_key=hour)
        context.log.info("paired hour=%s %s", hour, _states(made[hour].clips))
    return made


def _cut_sessions(raw: RawSessions, cut: Segments) -> pl.DataFrame:
    """MANIFEST rows of the sessions that have segments, with their frame shard's key."""
    valid = cut.sessions.filter(pl.col("verdict") == "valid").select("session_id", "shard_key")
    return raw.sessions.filter(pl.col("verdict") == "valid").join(valid, on="session_id")


def _pair_hour(
    hour: str,
    cut: pl.DataFrame,
    repainted: RepaintedSessions,
    config: PairConfig,
    connections: Connections,
) -> PairedClips:
    from scalediff_assets.paired_clips.task import PairTask, failed_pairing, pair_task

    painted = repainted.videos.drop_nulls("sidecar_key").group_by("session_id").agg(pl.col("sidecar_key"))
    sidecars = dict(painted.iter_rows())
    raw, lake = connections.raw(), connections.lake()
    tasks = [
        PairTask(
            raw=raw,
            lake=lake,
            session=row,
            sidecars=tuple(sorted(sidecars.get(row["session_id"], []))),
            repaint_hz=config.repaint_hz,
        )
        for row in only(cut, config.session_ids).iter_rows(named=True)
    ]
    # Nobody is woken for a session that has nothing to pair.
    idle = [pair_task(task) for task in tasks if task.session["source_video_key"] is None]
    busy = [task for task in tasks if task.session["source_video_key"] is not None]
    outcomes = connections.pool().map(pair_task, busy, label=ASSET)
    found = [
        failed_pairing(o.item.session, o.reason, o.detail) if isinstance(o, TaskFailure) else o
        for o in outcomes
    ]
    fresh = PairedClips.concat([*idle, *found])
    return merged(lake, ASSET, hour, config.session_ids, fresh)


def _states(clips: pl.DataFrame) -> dict[str, int]:
    """Clips by state, or by reason where there is one; most frequent first."""
    counted = clips.select(pl.coalesce("reason", "state").alias("state")).group_by("state").len()
    return dict(counted.sort(["len", "state"], descending=[True, False]).iter_rows())


def _repaint_report(tables: RepaintedSessions, result: RepaintResult | None) -> dict[str, Any]:
    videos = tables.videos
    report: dict[str, Any] = {
        "painted": int((videos["state"] == "painted").sum()),
        "failed": int((videos["state"] == "failed").sum()),
    }
    if result is not None:
        report |= {
            "backend": result.backend,
            "device": result.device,
            "frames": result.frames,
            "frames_per_s": result.frames / max(result.seconds, 1e-9),
            "reused": result.reused,
        }
    if videos.height:
        report["sample"] = sample(videos.select("session_id", "prompt", "backend", "state", "frames"))
    return report


def _report(tables: PairedClips, lake: ObjectStore) -> dict[str, Any]:
    from scalediff_assets.pictures import bars, contact_sheet, histograms

    clips, pairs = tables.clips, tables.pairs
    report: dict[str, Any] = {
        "clips": clips.height,
        "pairs": pairs.height,
        "no_source": int((clips["state"] == "no_source").sum()),
        "rejected": int((clips["state"] == "rejected").sum()),
        "shard_bytes": int(clips["shard_bytes"].sum()),
        "shards": dg.MetadataValue.path(f"{lake.url}/pair_shards"),
    }
    if clips.height:
        report["states"] = bars("clips by state", _states(clips))
    if pairs.height:
        names = ("pair_layout", "pair_lost", "pair_added")
        report["signals"] = histograms({name: pairs[name] for name in names}, {})
        report["geometry_over_painted"] = contact_sheet(_sample_pictures(clips, lake))
    return report


def _sample_pictures(clips: pl.DataFrame, lake: ObjectStore) -> list[bytes]:
    """Six pictures of the clip with the most pairs, then what was painted of each: one under the other."""
    from scalediff_assets.paired_clips.pairing import read_pairs

    paired = clips.drop_nulls("shard_key").sort("pairs", "clip_id", descending=[True, False])
    rows = read_pairs(lake.get(paired["shard_key"][0]))
    chosen = rows.gather_every(max(1, rows.height // _SAMPLE_PAIRS)).head(_SAMPLE_PAIRS)
    padding = [b""] * (_SAMPLE_PAIRS - chosen.height)
    return [*chosen["source_jpeg"], *padding, *chosen["painted_jpeg"], *padding]
