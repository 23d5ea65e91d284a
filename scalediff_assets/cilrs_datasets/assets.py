"""The asset `cilrs_datasets`."""

from typing import Any

import dagster as dg
import polars as pl

from resources.connections import Connections
from scalediff_assets.cilrs_datasets.layout import build_day, dataset_hash
from scalediff_assets.hours import OWNERS, column_schema, sample
from scalediff_assets.partitions import DAILY, ONE_DAY_PER_RUN
from scalediff_assets.schemas import (
    ALIGNMENTS,
    DATASET_INDEX,
    DECODINGS,
    VERDICTS,
    AlignedSessionsHours,
    CilrsDataset,
    QualityScoresHours,
    SegmentsHours,
)

# The open day has hours that do not exist yet.
_HOURS_SO_FAR = dg.AssetIn(
    partition_mapping=dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
)


@dg.asset(
    partitions_def=DAILY,
    ins=dict.fromkeys(("aligned_sessions", "segments", "quality_scores"), _HOURS_SO_FAR),
    backfill_policy=ONE_DAY_PER_RUN,
    group_name="datasets",
    kinds={"parquet", "dataset"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(DATASET_INDEX)},
)
def cilrs_datasets(
    context: dg.AssetExecutionContext,
    connections: Connections,
    aligned_sessions: AlignedSessionsHours,
    segments: SegmentsHours,
    quality_scores: QualityScoresHours,
) -> dict[str, CilrsDataset]:
    """The passing segments of a day as training shards in the clean store, with a content hash.

    A row is a passing segment and where its frames lie; the frames are whole segments in Parquet
    shards of about 2,000. The data version is the hash of the content. A partition is a day of
    arrival, made of the hours that were judged.
    """
    day = context.partition_key
    tables = _build(day, aligned_sessions, segments, quality_scores, connections)
    content_hash = dataset_hash(tables.segments)
    context.add_asset_metadata(_report(day, content_hash, tables, connections), partition_key=day)
    context.log.info("packed day=%s segments=%d hash=%s", day, tables.segments.height, content_hash)
    return {day: tables}


def _build(
    day: str,
    aligned: AlignedSessionsHours,
    cut: SegmentsHours,
    judged: QualityScoresHours,
    connections: Connections,
) -> CilrsDataset:
    from scalediff_assets.segments.shards import read_shard

    hours = [hour for hour in judged if hour in set(cut) and hour in set(aligned)]
    verdicts = pl.concat([VERDICTS.empty(), *(judged[hour].segments for hour in hours)])
    alignments = pl.concat([ALIGNMENTS.empty(), *(aligned[hour].sessions for hour in hours)])
    decodings = pl.concat([DECODINGS.empty(), *(cut[hour].sessions for hour in hours)])
    shard_keys = dict(decodings.drop_nulls("shard_key").select("session_id", "shard_key").iter_rows())
    lake = connections.lake()

    def read(session_id: str) -> pl.DataFrame:
        with lake.local_copy(shard_keys[session_id]) as path:
            return read_shard(path)

    return build_day(
        day=day, verdicts=verdicts, alignments=alignments, read_shard=read, put=connections.clean().put
    )


def _report(day: str, content_hash: str, tables: CilrsDataset, connections: Connections) -> dict[str, Any]:
    from scalediff_assets.cilrs_datasets.shards import sample_jpegs
    from scalediff_assets.pictures import bars, contact_sheet

    index = tables.segments
    report: dict[str, Any] = {
        "dagster/data_version_hash": content_hash,
        "dataset_hash": content_hash,
        "segments": index.height,
        "sessions": index["session_id"].n_unique(),
        "wallets": index["wallet"].n_unique(),
        "frames": int(index["rows"].sum()),
        "hours": float(index["duration_ms"].sum()) / 3_600_000,
        "manifest": dg.MetadataValue.path(f"{connections.clean().url}/cilrs_datasets/{day}/manifest.json"),
    }
    if index.height:
        commands = ("left", "right", "straight", "follow")
        counts = {name: int(index[f"frames_{name}"].sum()) for name in commands}
        report["commands"] = bars("frames by navigation command", counts)
        report["contact_sheet"] = contact_sheet(sample_jpegs(index, connections.clean()))
        report["sample"] = sample(index.select("segment_id", "rows", "align_method", "score"))
    return report
