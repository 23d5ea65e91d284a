"""Weeks that a check stopped, and what the calendar starts."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any

import dagster as dg

from scalediff_assets.automation_tags import range_tags
from scalediff_assets.clip_schedules import cut_past_month, measure_experiments, plan_coming_week
from scalediff_assets.clip_sensors import (
    split_bad_weeks,
)
from scalediff_assets.partitions import (
    CATEGORY_WEEKS,
    CLIP_SETS,
    SCENARIOS,
    category_week,
    week_range,
)
from scalediff_assets.retention import remove_expired
from scalediff_assets.synthetic_clips.lake import raw_keys
from tests.scalediff_assets.generation_automation.conftest import WEEK, materialised

MONDAY = dt.datetime(2026, 11, 16, 12, tzinfo=dt.UTC)


@dg.asset(partitions_def=CATEGORY_WEEKS, backfill_policy=dg.BackfillPolicy.single_run())
def clips_of_weeks() -> None:
    """An asset that is always made."""


@dg.asset(partitions_def=CATEGORY_WEEKS, backfill_policy=dg.BackfillPolicy.single_run())
def breaking_of_weeks() -> None:
    """An asset whose code is broken."""
    raise RuntimeError("broken code")


@dg.asset_check(asset=clips_of_weeks, blocking=True)
def never_holds() -> dg.AssetCheckResult:
    """A check that always fails."""
    return dg.AssetCheckResult(passed=False)


def split(instance: dg.DagsterInstance, made: dg.AssetsDefinition, **how: Any) -> list[Any]:
    """What the failure of a run of `make_clips` leads to."""
    job = dg.define_asset_job("make_clips", selection=dg.AssetSelection.assets(made.key))
    checks = [never_holds] if made is clips_of_weeks else []
    defs = dg.Definitions(assets=[made], asset_checks=checks, jobs=[job])
    result = defs.resolve_job_def("make_clips").execute_in_process(
        instance=instance, raise_on_error=False, **how
    )
    assert not result.success
    context = dg.build_run_status_sensor_context(
        sensor_name=split_bad_weeks.name, dagster_event=result.get_run_failure_event(),
        dagster_instance=instance, dagster_run=result.dagster_run,
    ).for_run_failure()  # fmt: skip
    return list(split_bad_weeks(context))  # type: ignore[arg-type]


def test_a_week_that_a_check_stopped_is_taken_again_category_by_category(
    instance: dg.DagsterInstance,
) -> None:
    found = split(instance, clips_of_weeks, tags=range_tags(*week_range(WEEK)))
    wanted = [category_week(category, WEEK) for category in SCENARIOS.get_partition_keys()]
    assert [request.partition_key for request in found] == wanted
    assert len({request.run_key for request in found}) == 23
    assert {request.job_name for request in found} == {"make_clips"}


def test_a_category_that_was_stopped_alone_is_not_taken_again(instance: dg.DagsterInstance) -> None:
    (found,) = split(instance, clips_of_weeks, partition_key=category_week("dust_storm", WEEK))
    assert "several categories" in str(found.skip_message)


def test_a_week_that_broken_code_stopped_is_not_split(instance: dg.DagsterInstance) -> None:
    (found,) = split(instance, breaking_of_weeks, tags=range_tags(*week_range(WEEK)))
    assert found.skip_message == "no check failed"


def scheduled(function: Any, instance: dg.DagsterInstance, at: dt.datetime) -> list[Any]:
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=at)
    found = function(context)
    return [found] if isinstance(found, dg.RunRequest) else list(found)


def test_the_coming_week_is_planned_in_one_run(instance: dg.DagsterInstance) -> None:
    (request,) = scheduled(plan_coming_week, instance, MONDAY + dt.timedelta(days=4))
    assert request.tags["dagster/asset_partition_range_start"] == "dust_storm|2026-11-23"


def test_the_past_month_is_cut_on_the_first(lasting: dg.DagsterInstance) -> None:
    (request,) = scheduled(cut_past_month, lasting, dt.datetime(2026, 3, 1, 4, 30, tzinfo=dt.UTC))
    assert request.partition_key == "month-2026-02"
    assert lasting.get_dynamic_partitions(str(CLIP_SETS.name)) == ["month-2026-02"]
    form = request.run_config["ops"]["driving_clips"]["config"]
    assert form == {"first_day": "2026-02-01", "last_day": "2026-02-28"}


def test_experiments_that_are_not_decided_are_measured_daily(lasting: dg.DagsterInstance) -> None:
    materialised(lasting, "ab_experiments", "open", outcome="inconclusive")
    materialised(lasting, "ab_experiments", "done", outcome="keep")
    found = scheduled(measure_experiments, lasting, MONDAY)
    assert [request.partition_key for request in found] == ["open"]


def test_raw_clips_go_after_90_days_and_the_log_says_so(resources: dict[str, Any]) -> None:
    connections = resources["connections"]
    lake = connections.lake()
    old, new = raw_keys("a" * 32).clip, raw_keys("b" * 32).clip
    for key in (old, new, "synthetic/accepted/fog/c.mp4"):
        lake.put(key, b"film")
    long_ago_s = time.time() - 91 * 86_400
    for key in (old, "synthetic/accepted/fog/c.mp4"):
        os.utime(Path(connections.lake_url) / key, (long_ago_s, long_ago_s))
    context = dg.build_op_context(resources={"connections": connections})
    assert remove_expired(context) == 1
    assert [info.key for info in lake.list("synthetic/")] == ["synthetic/accepted/fog/c.mp4", new]
    (entry,) = connections.audit_log().entries()
    assert (entry.event.action, entry.event.subject) == ("delete", old)
