"""The assets `driving_clips` and `clip_dynamics`."""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from resources.connections import Connections
from resources.jobs import JobLauncher
from scalediff_assets.driving_clips.dynamics import clip_dynamics_tables, long_tail_picture
from scalediff_assets.driving_clips.pictures import manifest_sheet
from scalediff_assets.driving_clips.sources import hours_between, player_sources
from scalediff_assets.driving_clips.tables import FOLDER, ClipSetError, clip_tables, read_manifest
from scalediff_assets.hours import column_schema, sample
from scalediff_assets.partitions import CLIP_SETS
from scalediff_assets.video_schemas import (
    CLIP_SET_TABLE,
    DRIVING_CLIPS,
    DYNAMICS,
    ClipDynamics,
    DrivingClips,
    DrivingClipsOf,
)
from scalediff_contract.clip_manifests import CutClipsResult, CutClipsSpec
from scalediff_contract.kitti import kitti_sources
from scalediff_contract.video_models import VIDEO_PRESETS, VideoPresetName

OWNERS = ("team:simulation",)
GROUP = "video_models"
_SO_FAR = dg.AllPartitionMapping()


class ClipSetConfig(dg.Config):
    """What a set of clips is cut from."""

    first_day: str = Field(default="", description="First day of arrival, 2026-02-01; empty: from the start.")
    last_day: str = Field(default="", description="Last day of arrival; empty: until now.")
    kitti_dir: str | None = Field(
        default=None, description="Local copy of KITTI's raw data: its six named sequences join the set."
    )
    players: bool = Field(default=True, description="Cut the players' passing segments.")
    preset: str = Field(default="demo", description=f"Whose clip size: {', '.join(VIDEO_PRESETS)}.")
    val_share: float = Field(default=0.25, gt=0, lt=1, description="Share of blocks held out.")
    detector_url: str | None = Field(
        default=None, description="EgoBlur's folder; needed for pictures of 256 rows and more."
    )
    seed: int = Field(default=0, description="Of which blocks are held out.")


@dg.asset(
    partitions_def=CLIP_SETS,
    deps=[
        dg.AssetDep(name, partition_mapping=_SO_FAR)
        for name in ("raw_sessions", "segments", "quality_scores")
    ],
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    group_name=GROUP,
    kinds={"opencv", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(CLIP_SET_TABLE, DRIVING_CLIPS)},
)
def driving_clips(
    context: dg.AssetExecutionContext, config: ClipSetConfig, connections: Connections, jobs: JobLauncher
) -> dg.Output[dict[str, DrivingClips]]:
    """Clips to learn from: cut from players' passing segments, and from KITTI where a copy is given.

    Pictures are taken at 10 Hz by their time; a stretch of time is in one split whole, with a guard
    between. What a session staged is its clips' category. A partition is a named set, which one
    training run or one month of watching reads.
    """
    name = context.partition_key
    spec = _cut_spec(name, config, connections)
    result = jobs.run(context, spec)
    assert isinstance(result, CutClipsResult)  # noqa: S101 -- of a CutClipsSpec
    manifest = read_manifest(connections, name)
    tables = clip_tables(name, spec.output_url, manifest, result)
    report: dict[str, Any] = {
        "clips": sum(result.clips.values()),
        **{f"clips_{split}": count for split, count in result.clips.items()},
        "privacy": result.privacy,
        "manifest": dg.MetadataValue.path(f"{spec.output_url}/{result.manifest_key}"),
        "contact_sheet": manifest_sheet(connections, name, manifest),
        "sources": sample(tables.clips.group_by("category", "origin", "split").len().sort("category")),
    }
    context.add_asset_metadata(report, partition_key=name)
    context.log.info("cut set=%s clips=%d skipped=%d", name, len(manifest.clips), len(result.skipped))
    # A step that started a job over Pipes must return an event.
    return dg.Output({name: tables})


def _cut_spec(name: str, config: ClipSetConfig, connections: Connections) -> CutClipsSpec:
    """The job's spec.

    Raises:
        ClipSetError: For an unknown preset, or where there is nothing to cut.
    """
    if config.preset not in VIDEO_PRESETS:
        raise ClipSetError(name, f"preset is {config.preset!r}", f"choose one of {', '.join(VIDEO_PRESETS)}")
    preset: VideoPresetName = config.preset
    hours = hours_between(connections, config.first_day, config.last_day) if config.players else []
    sources = player_sources(connections, hours)
    sources += kitti_sources(Path(config.kitti_dir)) if config.kitti_dir else []
    if not sources:
        mend = "run the hours up to quality_scores first (`scalediff demo --fast`), or name kitti_dir"
        raise ClipSetError(name, "there is no passing segment and no KITTI sequence", mend)
    return CutClipsSpec(
        name=name,
        sources=tuple(sources),
        clip=VIDEO_PRESETS[preset].spec,
        val_share=config.val_share,
        seed=config.seed,
        detector_url=config.detector_url,
        output_url=f"{connections.models().url}/{FOLDER}/{name}",
    )


@dg.asset(
    partitions_def=CLIP_SETS,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    group_name=GROUP,
    kinds={"opencv", "polars"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(DYNAMICS)},
)
def clip_dynamics(
    context: dg.AssetExecutionContext, connections: Connections, driving_clips: DrivingClipsOf
) -> dict[str, ClipDynamics]:
    """How much real clips move, by condition, and how long the tail of rare conditions is.

    A row is a condition of a set. Who judges generated clips looks here for what real is; a condition
    with few clips here is one that the model has hardly seen.
    """
    name = context.partition_key
    tables = clip_dynamics_tables(name, connections)
    clips = driving_clips[name].clips
    report = {
        "conditions": sample(tables.conditions, rows=30),
        "long_tail": long_tail_picture(clips, tables.conditions),
        "mean_change": float(tables.conditions["mean_change"].mean()),  # type: ignore[arg-type]
    }
    context.add_asset_metadata(report, partition_key=name)
    context.log.info("measured set=%s conditions=%d", name, tables.conditions.height)
    return {name: tables}
