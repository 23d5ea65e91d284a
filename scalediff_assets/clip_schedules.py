"""What the generation line does by the clock; see `clip_automation.py` for the table."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from scalediff_assets.automation_tags import range_tags
from scalediff_assets.clip_jobs import cut_clips, judge_release, plan_week
from scalediff_assets.model_watch.months import month_set
from scalediff_assets.partitions import CLIP_SETS, week_of, week_range
from scalediff_assets.retention import apply_retention

_RUNNING = dg.DefaultScheduleStatus.RUNNING


@dg.schedule(
    job=plan_week,
    cron_schedule="0 12 * * 5",
    default_status=_RUNNING,
    description="Plans the coming week on Friday noon, before the weekend's windows open.",
)
def plan_coming_week(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run over all categories of the coming week."""
    week = week_of(context.scheduled_execution_time + dt.timedelta(days=7))
    return dg.RunRequest(run_key=f"plan:{week}", tags=range_tags(*week_range(week)))


@dg.schedule(
    job=cut_clips,
    cron_schedule="30 4 1 * *",
    default_status=_RUNNING,
    description="Cuts the past month's clips on the 1st; their drift report follows.",
)
def cut_past_month(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """One run for the set of the past month."""
    last = context.scheduled_execution_time.date().replace(day=1) - dt.timedelta(days=1)
    first = last.replace(day=1)
    name = month_set(first.isoformat())
    context.instance.add_dynamic_partitions(str(CLIP_SETS.name), [name])
    form = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    return dg.RunRequest(
        run_key=f"cut:{name}",
        partition_key=name,
        run_config={"ops": {"driving_clips": {"config": form}}},
    )


@dg.schedule(
    job=judge_release,
    cron_schedule="0 6 * * *",
    default_status=_RUNNING,
    description="Measures the experiments that are not decided yet, every morning.",
)
def measure_experiments(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each challenger whose release is a candidate."""
    begun = undecided(context.instance)
    if not begun:
        yield dg.SkipReason("no experiment runs")
    stamp = context.scheduled_execution_time.strftime("%Y-%m-%d")
    for name in begun:
        yield dg.RunRequest(run_key=f"{stamp}:{name}", partition_key=name)


def undecided(instance: dg.DagsterInstance) -> list[str]:
    """Challengers whose newest experiment is inconclusive, by its materialisation's metadata."""
    key, found = dg.AssetKey("ab_experiments"), []
    for name in sorted(instance.get_materialized_partitions(key)):
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[name]), limit=1
        ).records
        event = records[0].asset_materialization if records else None
        if event is not None and str(getattr(event.metadata.get("outcome"), "value", "")) == "inconclusive":
            found.append(name)
    return found


apply_retention_daily = dg.ScheduleDefinition(
    name="apply_retention_daily",
    job=apply_retention,
    cron_schedule="45 2 * * *",
    default_status=_RUNNING,
    description="Raw clips of more than 90 days go, every night.",
)

CLIP_SCHEDULES = [plan_coming_week, cut_past_month, measure_experiments, apply_retention_daily]
