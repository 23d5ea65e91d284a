"""The asset `dataset_releases`."""

import json
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.connections import Connections
from resources.object_store import ObjectExistsError
from resources.tables import read_tables, written_partitions
from scalediff_assets.dataset_releases.release import (
    ReleaseOptions,
    ReleaseRefusedError,
    make_release,
    sequence_of_days,
)
from scalediff_assets.hours import OWNERS, column_schema
from scalediff_assets.model_schemas import RELEASE_SEGMENTS, DatasetRelease
from scalediff_assets.partitions import RELEASES, day_of
from scalediff_assets.schemas import DATASET_INDEX, MANIFEST, CilrsDatasetDays, RawSessions
from scalediff_contract.releases import ReleaseManifest

FOLDER = "dataset_releases"


class ReleaseConfig(dg.Config):
    """What goes into the release."""

    days: list[str] = Field(
        default=["all"], description="Days: `2026-01-01`, `2026-01-01..2026-01-31`, or `all` packed ones."
    )
    policy: str = Field(default="", description="Only segments passed by this quality policy (hash prefix).")
    align_methods: list[str] = Field(default=[], description="Only segments aligned so; empty: any.")
    min_score: float = Field(default=0.0, ge=0, le=1, description="Least quality score.")
    val_share: float = Field(default=0.15, gt=0, lt=1, description="Most of the segments held out.")


@dg.asset(
    partitions_def=RELEASES,
    ins={"cilrs_datasets": dg.AssetIn(partition_mapping=dg.AllPartitionMapping())},
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    group_name="datasets",
    kinds={"parquet", "dataset"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(RELEASE_SEGMENTS)},
)
def dataset_releases(
    context: dg.AssetExecutionContext,
    config: ReleaseConfig,
    connections: Connections,
    cilrs_datasets: CilrsDatasetDays,
) -> dict[str, DatasetRelease]:
    """An immutable list of segments that models are trained on, split by player, with a dataset card.

    A row is a released segment, its side of the split, and where its frames lie. The partition is the
    release's name; one that exists can be made again only to the same content.
    """
    name = context.partition_key
    days = sequence_of_days(config.days, sorted(cilrs_datasets))
    index = pl.concat([DATASET_INDEX.empty().with_columns(day=pl.lit("")), *(
        cilrs_datasets[day].segments.with_columns(day=pl.lit(day)) for day in days
    )])  # fmt: skip
    options = ReleaseOptions(
        name=name,
        days=days,
        policy=config.policy,
        align_methods=tuple(config.align_methods),
        min_score=config.min_score,
        val_share=config.val_share,
    )
    manifest, table = make_release(index, _repeats(connections, days), options)
    scenarios = _scenarios(connections, days)
    _publish(connections, manifest, table.join(scenarios, on="session_id", how="left"))
    context.add_asset_metadata(_report(connections, manifest, table), partition_key=name)
    context.log.info("released name=%s segments=%d hash=%s", name, table.height, manifest.content_hash)
    return {name: DatasetRelease(segments=table)}


def read_release(connections: Connections, name: str) -> ReleaseManifest:
    """The manifest of a release.

    Raises:
        ObjectMissingError: There is no such release.
    """
    return ReleaseManifest.model_validate_json(connections.clean().get(manifest_key(name)))


def manifest_key(name: str) -> str:
    """Where a release's manifest lies in the clean store."""
    return f"{FOLDER}/{name}/manifest.json"


def _repeats(connections: Connections, days: tuple[str, ...]) -> dict[str, str]:
    """Segment -> the earlier one that it repeats, over all days of the release."""
    from scalediff_assets.quality_scores.duplicates import Fingerprints, find_duplicates
    from scalediff_assets.quality_scores.policy import load_policy

    found = connections.catalog().fingerprints(f"{days[0]}-00:00", f"{days[-1]}-23:00")
    rows = [(f.segment_id, f.session_id, f.completed_ms, f.hashes) for f in found]
    prints = Fingerprints.from_records(rows)
    matches = find_duplicates(prints, Fingerprints(), load_policy().duplicates)
    named = matches.filter(pl.col("duplicate_of").is_not_null()).sort("segment_id")
    return dict(named.select("segment_id", "duplicate_of").iter_rows())


def _scenarios(connections: Connections, days: tuple[str, ...]) -> pl.DataFrame:
    """The scenario of each session that arrived in the days."""
    lake = connections.lake()
    hours = [hour for hour in written_partitions(lake, "raw_sessions") if day_of(hour) in days]
    parts = [read_tables(lake, "raw_sessions", hour, RawSessions).sessions for hour in hours]
    sessions = pl.concat([MANIFEST.empty(), *parts]).select(
        "session_id", pl.col("scenario_id").alias("scenario")
    )
    return sessions.unique("session_id", keep="last").with_columns(pl.col("scenario").fill_null("none"))


def _publish(connections: Connections, manifest: ReleaseManifest, table: pl.DataFrame) -> None:
    """Card first, manifest last and once: a release that can be read is whole and never changes."""
    from scalediff_assets.dataset_releases.card import markdown, page, plots

    clean, name = connections.clean(), manifest.name
    content = manifest.model_dump_json(indent=1).encode()
    existing = clean.head(manifest_key(name))
    if existing is not None:
        _check_same(ReleaseManifest.model_validate_json(clean.get(manifest_key(name))), manifest)
        return
    clean.put(f"{FOLDER}/{name}/card.md", markdown(manifest, table).encode())
    clean.put(f"{FOLDER}/{name}/card.html", page(manifest, table, _thumbnails(connections, table)).encode())
    clean.put(f"{FOLDER}/{name}/card.png", plots(table))
    try:
        clean.put(manifest_key(name), content, if_absent=True)
    except ObjectExistsError:
        _check_same(ReleaseManifest.model_validate_json(clean.get(manifest_key(name))), manifest)


def _check_same(there: ReleaseManifest, wanted: ReleaseManifest) -> None:
    if there.content_hash != wanted.content_hash:
        problem = (
            f"it exists with hash {there.content_hash[:16]}, and this would be {wanted.content_hash[:16]}"
        )
        raise ReleaseRefusedError(wanted.name, problem, "releases never change: choose another name")


def _thumbnails(connections: Connections, table: pl.DataFrame) -> bytes:
    from scalediff_assets.cilrs_datasets.shards import sample_jpegs
    from scalediff_assets.pictures import contact_sheet_jpeg

    return contact_sheet_jpeg(sample_jpegs(table, connections.clean()))


def _report(connections: Connections, manifest: ReleaseManifest, table: pl.DataFrame) -> dict[str, Any]:
    from scalediff_assets.dataset_releases.card import facts, plots
    from scalediff_assets.pictures import markdown_picture

    clean = connections.clean()
    return {
        "dagster/data_version_hash": manifest.content_hash,
        "facts": dg.MetadataValue.md(
            "\n".join(f"- **{name}**: {value}" for name, value in facts(manifest, table))
        ),
        "counts": markdown_picture(plots(table), "image/png", "counts of the release"),
        "card": dg.MetadataValue.url(clean.link(f"{FOLDER}/{manifest.name}/card.html")),
        "near_duplicates": dg.MetadataValue.md(
            f"```json\n{json.dumps(manifest.near_duplicates, indent=1)[:2000]}\n```"
        ),
        "frames": int(table["rows"].sum()),
        "segments": table.height,
        "sessions": table["session_id"].n_unique(),
        "wallets": table["wallet"].n_unique(),
    }
