"""The sensors over time: late and corrected uploads, spent budgets, failed runs.

What a single tick of each sensor requests is in `tests/scalediff_assets/test_sensors.py`.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import read_settings
from resources.upload_queue import EventFeed, ObjectEvent, partition_key
from scalediff_assets.automation import (
    changed_days,
    rescore_recent_hours,
    split_bad_ranges,
)
from scalediff_assets.automation_tags import range_tags
from scalediff_assets.partitions import HOURLY
from scalediff_assets.raw_sessions import sensors
from scalediff_assets.raw_sessions.sensors import uploads
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle

HOUR_MS = 3_600_000
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Record = Callable[..., RecordedBundle]


class Clock:
    """A clock that stands where it was set."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def time_ns(self) -> int:
        return self.now_ms * 1_000_000


class EndlessFeed:
    """Always has one more object."""

    def __init__(self) -> None:
        self.delivered = 0

    def receive(self, max_events: int, deadline_s: float) -> list[ObjectEvent]:
        time.sleep(0.01)
        self.delivered += 1
        key = f"wallet/notes-{self.delivered}.txt"
        hour = "2026-02-01-09:00"
        return [
            ObjectEvent(
                key=key, logical_key=key, size_bytes=1, etag="e", event_ms=1, hour=hour, receipt=""
            )
        ]  # fmt: skip

    def acknowledge(self, events: Sequence[ObjectEvent]) -> None:
        pass


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def clock(platform: Any, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The sensor's clock: half an hour after the platform's last closed hour ended."""
    made = Clock(platform.hour_ms + HOUR_MS + HOUR_MS // 2)
    monkeypatch.setattr(sensors, "time", made)
    return made


@dataclass(kw_only=True)
class Daemon:
    """Ticks the sensor as Dagster's daemon does: each tick gets the cursor of the one before."""

    connections: Connections
    instance: dg.DagsterInstance
    cursor: str | None = None

    def __call__(self) -> dg.SensorResult:
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"connections": self.connections}
        ) as context:
            result = uploads(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result


@pytest.fixture
def tick(platform: Any, clock: Clock) -> Daemon:
    return Daemon(connections=platform.connections, instance=platform.instance)


def requested(result: dg.SensorResult) -> dict[str | None, str | None]:
    """Run key to partition key of the requested runs."""
    return {request.run_key: request.partition_key for request in result.run_requests or []}


def small(recorded: Record, seed: int) -> RecordedBundle:
    return recorded(seed, layout="legacy", video=False, duration_s=2.0)


def test_the_open_hour_waits_until_it_has_closed(
    platform: Any, clock: Clock, tick: Daemon, recorded: Record
) -> None:
    platform.upload(small(recorded, 1), hours_ago=-1)
    first = tick()
    assert requested(first) == {}
    assert first.skip_reason is not None
    open_hour = partition_key(clock.now_ms)
    clock.now_ms += HOUR_MS
    assert requested(tick()) == {f"{open_hour}:1": open_hour}


def test_each_closed_hour_is_requested_once_with_its_version(
    platform: Any, tick: Daemon, recorded: Record
) -> None:
    platform.upload(small(recorded, 1), small(recorded, 2))
    platform.upload(small(recorded, 3), hours_ago=2)
    earlier = partition_key(platform.hour_ms - 2 * HOUR_MS)
    assert requested(tick()) == {f"{platform.hour}:2": platform.hour, f"{earlier}:1": earlier}
    assert requested(tick()) == {}


def test_a_late_bundle_opens_a_later_hour_and_never_a_requested_one(
    platform: Any, clock: Clock, tick: Daemon, recorded: Record
) -> None:
    late = small(recorded, 2)
    files = dict(late.objects("recorded"))
    (last_key,) = [key for key in files if key.endswith(BundleFile.META.value)]
    last = files.pop(last_key)
    platform.upload(small(recorded, 1))
    platform.put(files)
    assert requested(tick()) == {f"{platform.hour}:1": platform.hour}
    platform.put({last_key: last}, hours_ago=-1)
    arrival_hour = partition_key(clock.now_ms)
    assert requested(tick()) == {}
    clock.now_ms += HOUR_MS
    assert requested(tick()) == {f"{arrival_hour}:1": arrival_hour}
    (bundle,) = platform.connections.catalog().bundles_of(late.session_id)
    assert bundle.hour == arrival_hour


@pytest.mark.slow
def test_a_corrected_upload_of_a_rejected_session_requests_a_later_hour(
    platform: Any, clock: Clock, tick: Daemon, recorded: Record
) -> None:
    whole = small(recorded, 1)
    objects = dict(whole.objects("recorded"))
    (video_key,) = [key for key in objects if key.endswith(BundleFile.VIDEO.value)]
    platform.put({**objects, video_key: b""})
    assert requested(tick()) == {f"{platform.hour}:1": platform.hour}
    platform.run()
    assert platform.sessions()[whole.session_id]["reason"] == "no_video"
    platform.put({video_key: objects[video_key] or b"corrected"}, hours_ago=-1)
    clock.now_ms += HOUR_MS
    arrival_hour = partition_key(clock.now_ms - HOUR_MS)
    assert requested(tick()) == {f"{arrival_hour}:1": arrival_hour}
    revisions = [bundle.revision for bundle in platform.connections.catalog().bundles_of(whole.session_id)]
    assert revisions == [1, 2]


def test_a_tick_ends_within_its_budget_however_much_arrives(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = EndlessFeed()

    class Flooded(Connections):
        """Connections whose feed never ends."""

        def feed(self) -> EventFeed:
            return feed

    made: Connections = resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))["connections"]
    flooded = Flooded(**made.model_dump())
    monkeypatch.setattr(sensors, "TICK_BUDGET_S", 0.3)
    Daemon(connections=flooded, instance=instance)()
    states = flooded.catalog().object_states()
    assert states == {"unrecognised": feed.delivered}
    assert feed.delivered > 0


def test_what_a_spent_budget_left_in_the_feed_comes_with_the_next_tick(
    platform: Any, tick: Daemon, recorded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.upload(small(recorded, 1))
    with monkeypatch.context() as patch:
        patch.setattr(sensors, "TICK_BUDGET_S", 0.0)
        assert requested(tick()) == {}
    assert platform.connections.catalog().object_states() == {}
    assert requested(tick()) == {f"{platform.hour}:1": platform.hour}


def judge(instance: dg.DagsterInstance, asset: str, *hours: str) -> None:
    for hour in hours:
        instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=hour))


def tick_days(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    result = changed_days(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_day_is_packed_again_when_an_hour_has_new_verdicts(instance: dg.DagsterInstance) -> None:
    judge(instance, "quality_scores", "2026-02-01-09:00")
    first = tick_days(instance)
    judge(instance, "quality_scores", "2026-02-01-09:00")
    second = tick_days(instance, first.cursor)
    assert list(requested(second).values()) == ["2026-02-01"]
    assert requested(second).keys().isdisjoint(requested(first))


@pytest.mark.slow
def test_rescoring_is_skipped_where_the_last_week_has_no_segments(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as kept:
        judge(kept, "segments", "2026-02-01-00:00")
        now = dt.datetime(2026, 2, 10, 3, 30, tzinfo=dt.UTC)
        context = dg.build_schedule_context(instance=kept, scheduled_execution_time=now)
        data = rescore_recent_hours.evaluate_tick(context)
    assert not data.run_requests
    assert "168" in (data.skip_message or "")


@dg.asset(partitions_def=HOURLY, backfill_policy=dg.BackfillPolicy.single_run())
def made_hourly() -> None:
    """An asset that is always made."""


@dg.asset(partitions_def=HOURLY, backfill_policy=dg.BackfillPolicy.single_run())
def breaking_hourly() -> None:
    """An asset whose code is broken."""
    raise RuntimeError("broken code")


@dg.asset_check(asset=made_hourly, blocking=True, partitions_def=HOURLY)
def never_holds() -> dg.AssetCheckResult:
    """A check that always fails."""
    return dg.AssetCheckResult(passed=False)


FIRST, LAST = "2026-02-01-09:00", "2026-02-01-11:00"


def after_failure(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, **how: Any
) -> list[dg.RunRequest | dg.SkipReason]:
    """Run the asset, with its check, and tick the sensor on the run's failure."""
    assets: list[Any] = [asset, never_holds] if asset is made_hourly else [asset]
    result = dg.materialize(assets, instance=instance, raise_on_error=False, run_config=QUIET, **how)
    assert not result.success
    context = dg.build_run_status_sensor_context(
        sensor_name=split_bad_ranges.name,
        dagster_event=result.get_run_failure_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    ).for_run_failure()
    return list(split_bad_ranges(context))  # type: ignore[arg-type]


def test_a_range_that_a_check_stopped_is_launched_again_hour_by_hour(instance: dg.DagsterInstance) -> None:
    found = after_failure(instance, made_hourly, tags=range_tags(FIRST, LAST))
    requests = [item for item in found if isinstance(item, dg.RunRequest)]
    assert [r.partition_key for r in requests] == [FIRST, "2026-02-01-10:00", LAST]
    assert {r.job_name for r in requests} == {"process_hours"}
    assert len({r.run_key for r in requests}) == len(found) == 3


def test_one_bad_hour_is_not_launched_again(instance: dg.DagsterInstance) -> None:
    (found,) = after_failure(instance, made_hourly, partition_key=FIRST)
    assert isinstance(found, dg.SkipReason)
    (found,) = after_failure(instance, made_hourly, tags=range_tags(FIRST, FIRST))
    assert isinstance(found, dg.SkipReason)


def test_a_range_that_broken_code_stopped_is_not_split(instance: dg.DagsterInstance) -> None:
    (found,) = after_failure(instance, breaking_hourly, tags=range_tags(FIRST, LAST))
    assert isinstance(found, dg.SkipReason)
