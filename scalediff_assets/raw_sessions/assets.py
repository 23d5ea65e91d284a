"""The asset `raw_sessions`."""

import datetime as dt
from typing import Any

import dagster as dg
import polars as pl

from resources.compute import TaskFailure
from resources.connections import Connections
from scalediff_assets.hours import OWNERS, SessionsConfig, column_schema, merged, sample, verdict_counts
from scalediff_assets.outcomes import record_manifest
from scalediff_assets.partitions import HOURLY, HOURS_IN_BATCHES
from scalediff_assets.schemas import MANIFEST, RawSessions

ASSET = "raw_sessions"


@dg.asset(
    partitions_def=HOURLY,
    backfill_policy=HOURS_IN_BATCHES,
    group_name="sessions",
    kinds={"s3", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(MANIFEST)},
    freshness_policy=dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(hours=3), warn_window=dt.timedelta(hours=2)
    ),
)
def raw_sessions(
    context: dg.AssetExecutionContext, config: SessionsConfig, connections: Connections
) -> dict[str, RawSessions]:
    """The manifest: what arrived complete in the hour, and whether it can be used.

    A row is a bundle that became complete in the hour, with its object keys, sizes and hashes, and
    a verdict: valid, or rejected with a reason. Incomplete bundles wait in the catalog and are
    quarantined, visibly, after 30 minutes. A partition is an hour of arrival; late data lands in a
    later hour.
    """
    made = {}
    for hour in context.partition_keys:
        made[hour] = _judge_hour(hour, config, connections)
        context.add_asset_metadata(_report(hour, made[hour], connections), partition_key=hour)
        context.log.info("manifest hour=%s %s", hour, verdict_counts(made[hour].sessions))
    return made


def _judge_hour(hour: str, config: SessionsConfig, connections: Connections) -> RawSessions:
    from scalediff_assets.raw_sessions.task import bundle_task, failed_row, task_of

    raw = connections.raw()
    # A session that was re-opened within its hour counts with its newest revision.
    newest = {(b.wallet, b.session_id): b for b in connections.catalog().bundles(hour)}
    chosen = [b for b in newest.values() if not config.session_ids or b.session_id in config.session_ids]
    outcomes = connections.pool().map(bundle_task, [task_of(raw, b) for b in chosen], label=ASSET)
    rows = [failed_row(o.item, o.reason, o.detail) if isinstance(o, TaskFailure) else o for o in outcomes]
    fresh = RawSessions.concat([RawSessions(sessions=MANIFEST.frame(rows))])
    record_manifest(connections.catalog(), fresh)
    return merged(connections.lake(), ASSET, hour, config.session_ids, fresh)


def _report(hour: str, tables: RawSessions, connections: Connections) -> dict[str, Any]:
    from scalediff_assets.pictures import bars

    sessions = tables.sessions
    quarantined = connections.catalog().quarantined(hour)
    report: dict[str, Any] = {
        "sessions": sessions.height,
        "valid": sessions.filter(pl.col("verdict") == "valid").height,
        "quarantined": quarantined.height,
        "bytes": int(sessions["total_bytes"].sum()),
        "objects": dg.MetadataValue.path(connections.raw().url),
    }
    if sessions.height:
        report["verdicts"] = bars("bundles by verdict", verdict_counts(sessions))
        report["sample"] = sample(
            sessions.select("session_id", "verdict", "reason", "total_bytes", "video_key")
        )
    if quarantined.height:
        report["quarantined_sessions"] = sample(quarantined.select("session_id", "reason", "detail"))
    return report
