"""Jobs, schedules and the sensors that react to runs; what reacts to arrivals is in raw_sessions.

- `process_hours`, `pack_days`, `rescore_hours`: the jobs that sensors and schedules launch.
- `repaint_hours`: geometry videos painted anew, from the launch form or `scalediff repaint`.
- `rescore_recent_hours`: every night the last hours get their verdicts under the current policy.
- `changed_days`: a closed day whose verdicts changed is packed again.
- `unpaid_days`: such a day is paid out again, by `pay_days`; what changed is a correcting entry.
- `split_bad_ranges`: a run over several hours that a blocking check stopped is launched again hour
  by hour, so that a bad hour stops itself alone.
- `train`, `evaluate`, `drive_simple_drivers`, `promote`: the jobs of model owners, from the launch form
  or the command line; GPU work is in jobs of its own, for a run has one executor.
- the generation line: `clip_jobs.py`, `clip_schedules.py`, `clip_sensors.py`.
- `deliver_to_mlflow`: what MLflow was owed while it was away.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from resources.connections import Connections
from resources.tracking import Tracking
from scalediff_assets.automation_tags import range_tags
from scalediff_assets.checkpoints.assets import KIND as TRAINING
from scalediff_assets.checkpoints.record import deliver_training
from scalediff_assets.clip_jobs import CLIP_JOBS
from scalediff_assets.clip_schedules import CLIP_SCHEDULES
from scalediff_assets.clip_sensors import CLIP_SENSORS
from scalediff_assets.failed_checks import check_failed
from scalediff_assets.generation_speed import KIND as VIDEO_SPEED
from scalediff_assets.generation_speed import deliver_speed
from scalediff_assets.leaderboard_results.assets import KIND as RESULTS
from scalediff_assets.leaderboard_results.record import deliver_results
from scalediff_assets.partitions import HOURLY, day_of
from scalediff_assets.tracking_outbox import Deliver, deliver_owed, owed
from scalediff_assets.video_models.record import deliver_model
from scalediff_assets.video_models.releasing import KIND as VIDEO_MODEL

DELIVERERS: dict[str, Deliver] = {
    TRAINING: deliver_training,
    RESULTS: deliver_results,
    VIDEO_MODEL: deliver_model,
    VIDEO_SPEED: deliver_speed,
}

RESCORE_HOURS = 7 * 24
HOURLY_ASSETS = ("raw_sessions", "aligned_sessions", "segments", "paired_clips", "quality_scores")

process_hours = dg.define_asset_job(
    "process_hours",
    selection=dg.AssetSelection.assets(*HOURLY_ASSETS),
    description="Everything from the uploads of an hour to its verdicts.",
)
pack_days = dg.define_asset_job(
    "pack_days",
    selection=dg.AssetSelection.assets("cilrs_datasets"),
    description="The passing segments of a day as a dataset.",
)
pay_days = dg.define_asset_job(
    "pay_days",
    selection=dg.AssetSelection.assets("payouts"),
    description="What a day's verdicts are worth, into the ledger, and its payment.",
)
rescore_hours = dg.define_asset_job(
    "rescore_hours",
    selection=dg.AssetSelection.assets("quality_scores"),
    description="New verdicts from stored signals; reads no video.",
)
repaint_hours = dg.define_asset_job(
    "repaint_hours",
    selection=dg.AssetSelection.assets("repainted_sessions", "paired_clips"),
    description="Recorded geometry videos painted anew with the prompts of the launch form, and paired.",
)

make_release = dg.define_asset_job(
    "make_release",
    selection=dg.AssetSelection.assets("dataset_releases"),
    description="An immutable release of packed days.",
)
train = dg.define_asset_job(
    "train",
    selection=dg.AssetSelection.assets("checkpoints"),
    description="A training run: a release and a preset become a checkpoint.",
)
evaluate = dg.define_asset_job(
    "evaluate",
    selection=dg.AssetSelection.assets("leaderboard_results"),
    description="A checkpoint driven in closed loop.",
)
drive_simple_drivers = dg.define_asset_job(
    "drive_simple_drivers",
    selection=dg.AssetSelection.assets("simple_drivers"),
    description="Noop, random and the expert: the scale of every score.",
)
promote = dg.define_asset_job(
    "promote",
    selection=dg.AssetSelection.assets("champions"),
    description="The challenger against the champion.",
)


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells MLflow what it was owed while it did not answer.",
)
def deliver_to_mlflow(connections: Connections, tracking: Tracking) -> dg.SkipReason:
    """No run is launched: what is told was materialised already."""
    if not owed(connections):
        return dg.SkipReason("nothing is owed")
    delivered, left = deliver_owed(DELIVERERS, connections, tracking)
    return dg.SkipReason(f"delivered {delivered}, still owed {left}")


@dg.schedule(
    job=rescore_hours,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"Re-scores the decoded hours among the last {RESCORE_HOURS} under the current policy.",
)
def rescore_recent_hours(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each contiguous stretch of hours that have segments."""
    recent = HOURLY.get_partition_keys(current_time=context.scheduled_execution_time)[-RESCORE_HOURS:]
    decoded = context.instance.get_materialized_partitions(dg.AssetKey("segments"))
    stretches = contiguous(recent, decoded)
    if not stretches:
        yield dg.SkipReason(f"none of the last {RESCORE_HOURS} hours has segments")
    stamp = context.scheduled_execution_time.strftime("%Y-%m-%dT%H:%M")
    for first, last in stretches:
        yield dg.RunRequest(run_key=f"{stamp}:{first}", tags=range_tags(first, last))


def contiguous(keys: Sequence[str], present: set[str]) -> list[tuple[str, str]]:
    """The stretches (first, last) of `keys` in which every key is present."""
    runs = [list(run) for is_present, run in groupby(keys, key=present.__contains__) if is_present]
    return [(run[0], run[-1]) for run in runs]


@dg.sensor(
    job=pack_days,
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Packs a closed day again when one of its hours has new verdicts.",
)
def changed_days(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """A run for each closed day with new verdicts."""
    return closed_days_with_news(context)


@dg.sensor(
    job=pay_days,
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Pays a closed day out, and again when one of its hours has new verdicts.",
)
def unpaid_days(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """A run for each closed day with new verdicts."""
    return closed_days_with_news(context)


def closed_days_with_news(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Read the materialisations of `quality_scores` after the cursor, by day."""
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey("quality_scores"), after_storage_id=int(context.cursor or 0)
        ),
        limit=1000,
        ascending=True,
    ).records
    today = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d")
    newest = {day_of(r.partition_key): r.storage_id for r in records if r.partition_key}
    requests = [
        dg.RunRequest(run_key=f"{day}:{storage_id}", partition_key=day)
        for day, storage_id in sorted(newest.items())
        if day < today
    ]
    # Verdicts of the open day are read again until the day is closed; their run keys are not repeated.
    waiting = [r.storage_id for r in records if r.partition_key and day_of(r.partition_key) >= today]
    newest_read = records[-1].storage_id if records else int(context.cursor or 0)
    cursor = str(min([newest_read, *(storage_id - 1 for storage_id in waiting)]))
    return dg.SensorResult(run_requests=requests, cursor=cursor)


@dg.run_failure_sensor(
    request_jobs=[process_hours],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Launches a range that a blocking check stopped again, hour by hour.",
)
def split_bad_ranges(context: dg.RunFailureSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Only ranges are split, and only where a check failed: other failures are retried as they are."""
    run = context.dagster_run
    first = run.tags.get(ASSET_PARTITION_RANGE_START_TAG)
    last = run.tags.get(ASSET_PARTITION_RANGE_END_TAG)
    if first is None or last is None or first == last:
        yield dg.SkipReason("the run covers one hour")
        return
    if not check_failed(context.instance, run.run_id):
        yield dg.SkipReason("no check failed")
        return
    for hour in HOURLY.get_partition_keys_in_range(dg.PartitionKeyRange(first, last)):
        yield dg.RunRequest(
            run_key=f"{run.run_id}:{hour}",
            job_name=process_hours.name,
            partition_key=hour,
            asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
            tags={"scalediff/split_from": run.run_id},
        )


JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
    process_hours,
    pack_days,
    pay_days,
    rescore_hours,
    repaint_hours,
    make_release,
    train,
    evaluate,
    drive_simple_drivers,
    promote,
    *CLIP_JOBS,
]
SCHEDULES = [rescore_recent_hours, *CLIP_SCHEDULES]
SENSORS = [changed_days, unpaid_days, split_bad_ranges, deliver_to_mlflow, *CLIP_SENSORS]
