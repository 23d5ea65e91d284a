"""What sensors and schedules request, called directly on an ephemeral instance."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg

from scalediff_assets.automation import changed_days, contiguous, rescore_recent_hours
from scalediff_assets.automation_tags import range_tags
from scalediff_assets.partitions import HOURLY
from scalediff_assets.raw_sessions.sensors import uploads
from world.recorder import RecordedBundle


def tick(platform: Any, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=platform.instance, cursor=cursor, resources={"connections": platform.connections}
    )
    result = uploads(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_closed_hour_is_requested_until_a_tick_knows_that_it_was(
    platform: Any, recorded: Callable[..., RecordedBundle]
) -> None:
    platform.upload(recorded(1))
    first = tick(platform)
    assert [(r.run_key, r.partition_key) for r in first.run_requests or []] == [
        (f"{platform.hour}:1", platform.hour)
    ]
    # A crash before Dagster stored the tick: asked again, under the same run key.
    assert [r.run_key for r in tick(platform).run_requests or []] == [f"{platform.hour}:1"]
    after = tick(platform, first.cursor)
    assert not after.run_requests
    assert not tick(platform, after.cursor).run_requests


def test_the_open_hour_is_not_requested(platform: Any, recorded: Callable[..., RecordedBundle]) -> None:
    platform.upload(recorded(1), hours_ago=-1)
    assert not tick(platform).run_requests
    assert platform.connections.catalog().hour_versions()


def test_a_changed_closed_day_is_packed_once(platform: Any) -> None:
    def report(partition: str) -> None:
        event = dg.AssetMaterialization(asset_key="quality_scores", partition=partition)
        platform.instance.report_runless_asset_event(event)

    today = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
    for partition in ("2026-02-01-03:00", "2026-02-01-04:00", f"{today}-00:00"):
        report(partition)
    result: Any = changed_days(dg.build_sensor_context(instance=platform.instance))
    assert [r.partition_key for r in result.run_requests] == ["2026-02-01"]
    # What the open day already has is read again once that day is closed.
    newest = platform.instance.fetch_materializations(dg.AssetKey("quality_scores"), limit=1).records[0]
    assert int(result.cursor) < newest.storage_id
    again: Any = changed_days(dg.build_sensor_context(instance=platform.instance, cursor=result.cursor))
    assert not again.run_requests
    assert again.cursor == result.cursor


def test_rescoring_covers_the_decoded_hours_in_stretches(tmp_path: Path) -> None:
    now = dt.datetime(2026, 2, 3, 3, 30, tzinfo=dt.UTC)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for partition in ("2026-02-02-01:00", "2026-02-02-02:00", "2026-02-02-05:00", "2026-01-05-00:00"):
            event = dg.AssetMaterialization(asset_key="segments", partition=partition)
            instance.report_runless_asset_event(event)
        context = dg.build_schedule_context(instance=instance, scheduled_execution_time=now)
        evaluated: Any = rescore_recent_hours(context)
        requests = list(evaluated)
    assert [request.tags for request in requests] == [
        range_tags("2026-02-02-01:00", "2026-02-02-02:00"),
        range_tags("2026-02-02-05:00", "2026-02-02-05:00"),
    ]


def test_contiguous_stretches_hold_every_present_key_once() -> None:
    keys = HOURLY.get_partition_keys()[:12]
    present = {keys[i] for i in (0, 1, 2, 5, 7, 8, 11)}
    assert contiguous(keys, present) == [
        (keys[0], keys[2]), (keys[5], keys[5]), (keys[7], keys[8]), (keys[11], keys[11]),
    ]  # fmt: skip
