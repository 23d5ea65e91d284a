"""What the generation line reacts to: windows, ended jobs, alerts, drift, new code, promotions.

The service being away is a skip with a sentence, never a failure: it is asked again at the next tick.
"""

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Iterator

import dagster as dg

from resources.connections import Connections
from resources.generation import GenerationService, GenerationServiceError
from resources.tables import has_tables, read_tables
from resources.tracking import Tracking, TrackingUnavailableError
from scalediff_assets.automation_tags import range_of, range_tags
from scalediff_assets.clip_jobs import make_clips, model_release, order_clips, watch_drift
from scalediff_assets.clip_schemas import Drift, ScenarioPlan
from scalediff_assets.code_version import generation_code_version
from scalediff_assets.failed_checks import check_failed
from scalediff_assets.model_watch.months import MONTH_SET
from scalediff_assets.partitions import (
    SCENARIOS,
    VIDEO_MODELS,
    category_week,
    of_category_week,
    week_of,
    week_range,
)
from scalediff_assets.synthetic_clips.alert_samples import History, sampled
from scalediff_assets.synthetic_clips.alerts import evaluate, load_alert_rules
from scalediff_assets.synthetic_clips.orders import act_events, partitions_of, plan_events
from scalediff_assets.synthetic_clips.windows import load_windows
from scalediff_assets.video_models.registry import follow, read_stages
from scalediff_assets.video_models.renewal import form_of, knows_code, renewal_form, trained_under
from scalediff_contract.audit import AuditEvent

_RUNNING = dg.DefaultSensorStatus.RUNNING
_EVENTS = 1_000
_AWAY = "the generation service does not answer"


@dg.sensor(
    job=order_clips,
    minimum_interval_seconds=300,
    default_status=_RUNNING,
    description="Orders a planned week's clips when an off-peak window is open.",
)
def order_plans(context: dg.SensorEvaluationContext, generation: GenerationService) -> dg.SensorResult:
    """A run for this week and the next, where a plan stands that was not ordered yet."""
    now, windows = dt.datetime.now(dt.UTC), load_windows()
    if not windows.is_open(now):
        opens = windows.next_open(now).isoformat(timespec="minutes")
        return dg.SensorResult(skip_reason=f"the batch window opens at {opens}")
    if generation.health().status != "ok":
        return dg.SensorResult(skip_reason=_AWAY)
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey("scenario_plans"), after_storage_id=int(context.cursor or 0)
        ),
        limit=_EVENTS,
        ascending=True,
    ).records
    newest = {of_category_week(r.partition_key)[1]: r.storage_id for r in records if r.partition_key}
    this_week = week_of(now)
    requests = [
        dg.RunRequest(run_key=f"order:{week}:{storage_id}", tags=range_tags(*week_range(week)))
        for week, storage_id in sorted(newest.items())
        if week >= this_week
    ]
    cursor = str(records[-1].storage_id) if records else context.cursor
    return dg.SensorResult(run_requests=requests, cursor=cursor)


@dg.sensor(
    job=make_clips,
    minimum_interval_seconds=60,
    default_status=_RUNNING,
    description="Takes a partition's clips through gate and lake when all its jobs have ended.",
)
def collect_clips(
    context: dg.SensorEvaluationContext, connections: Connections, generation: GenerationService
) -> dg.SensorResult:
    """One run for each partition of which the last job ended since the cursor."""
    if generation.health().status != "ok":
        return dg.SensorResult(skip_reason=_AWAY)
    state = json.loads(context.cursor or '{"after": 0, "open": {}}')
    counts, after = Counter(state["open"]), int(state["after"])
    for job in generation.ended(after):
        after = max(after, job.settled_no or 0)
        counts.update(partitions_of([job]))
    whole = [
        key for key, count in sorted(counts.items()) if _planned(connections, key) in range(1, count + 1)
    ]
    requests = [dg.RunRequest(run_key=f"collect:{key}:{after}", partition_key=key) for key in whole]
    left = {key: count for key, count in counts.items() if key not in whole}
    return dg.SensorResult(run_requests=requests, cursor=json.dumps({"after": after, "open": left}))


def _planned(connections: Connections, key: str) -> int:
    lake = connections.lake()
    if not has_tables(lake, "scenario_plans", key):
        return 0
    return read_tables(lake, "scenario_plans", key, ScenarioPlan).orders.height


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=_RUNNING,
    description="Writes orders, their ends, halts and models of the service into the audit log.",
)
def audit_orders(
    context: dg.SensorEvaluationContext, connections: Connections, generation: GenerationService
) -> dg.SensorResult:
    """No run is launched: the log is the result; telling an event twice changes nothing."""
    if generation.health().status != "ok":
        return dg.SensorResult(skip_reason=_AWAY)
    state = json.loads(context.cursor or '{"jobs": 0, "acts": 0}')
    log, told = connections.audit_log(), 0
    for job in generation.ended(state["jobs"]):
        state["jobs"] = max(state["jobs"], job.settled_no or 0)
        told += len(log.append(plan_events([job])))
    for act in generation.acts(state["acts"]):
        state["acts"] = act.number
        told += len(log.append(act_events([act])))
    return dg.SensorResult(skip_reason=f"{told} events are new in the audit log", cursor=json.dumps(state))


@dg.sensor(
    minimum_interval_seconds=300,
    default_status=_RUNNING,
    description="Evaluates the alert rules; one that says so halts the service's intake.",
)
def watch_generation(
    context: dg.SensorEvaluationContext, connections: Connections, generation: GenerationService
) -> dg.SensorResult:
    """Values are kept in the cursor, for rules that need them to last."""
    now_ms = time.time_ns() // 1_000_000
    history = History.read(context.cursor)
    try:
        history = sampled(history, connections, generation, now_ms=now_ms)
    except GenerationServiceError as error:
        return dg.SensorResult(skip_reason=str(error), cursor=history.write())
    report = evaluate(load_alert_rules(), history.samples, now_ms=now_ms)
    for alert in report.firing:
        context.log.warning("alert %s: %s", alert, alert.rule.summary)
    halted = generation.state().halted
    if report.halts and halted is None:
        reason = "; ".join(map(str, report.halts))
        generation.halt(reason)
        connections.audit_log().append([_halt_event(reason, now_ms)])
    said = f"{len(report.firing)} alerts: {'; '.join(map(str, report.firing)) or 'none'}; "
    said += f"no data for {', '.join(report.unknown) or 'none'}"
    return dg.SensorResult(skip_reason=said, cursor=history.write())


def _halt_event(reason: str, now_ms: int) -> AuditEvent:
    return AuditEvent(
        event_id=f"halt/{now_ms}", at_ms=now_ms, actor="sensor watch_generation", action="halt",
        subject="intake", detail={"reason": reason},
    )  # fmt: skip


@dg.asset_sensor(
    asset_key=dg.AssetKey("driving_clips"),
    job=watch_drift,
    default_status=_RUNNING,
    description="Reports drift when a month's clips were cut.",
)
def report_drift(
    context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry
) -> dg.RunRequest | dg.SkipReason:
    """Only sets that are named after a month."""
    name = str(asset_event.dagster_event.partition if asset_event.dagster_event else "")
    if not name.startswith(MONTH_SET):
        return dg.SkipReason(f"set {name} is no month's")
    month = f"{name.removeprefix(MONTH_SET)}-01"
    return dg.RunRequest(run_key=f"drift:{month}:{context.cursor}", partition_key=month)


@dg.sensor(
    job=model_release,
    minimum_interval_seconds=120,
    default_status=_RUNNING,
    description="Fine-tunes attention over time on a month's clips when its drift report alarms.",
)
def finetune_drifted(context: dg.SensorEvaluationContext, connections: Connections) -> dg.SensorResult:
    """New data under unchanged code: it starts at the full training, from production's weights."""
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(
            asset_key=dg.AssetKey("drift_reports"), after_storage_id=int(context.cursor or 0)
        ),
        limit=_EVENTS,
        ascending=True,
    ).records
    months = sorted({record.partition_key for record in records if record.partition_key})
    requests = [found for month in months if (found := _finetune(connections, month)) is not None]
    names = [str(request.partition_key) for request in requests]
    return dg.SensorResult(
        run_requests=requests,
        dynamic_partitions_requests=[VIDEO_MODELS.build_add_request(names)] if names else [],
        cursor=str(records[-1].storage_id) if records else context.cursor,
    )


def _finetune(connections: Connections, month: str) -> dg.RunRequest | None:
    """The run that a month's report asks for; None without an alarm or a model to fine-tune."""
    row = read_tables(connections.lake(), "drift_reports", month, Drift).months.row(0, named=True)
    production = read_stages(connections).production
    if not row["alarm"] or production is None:
        return None
    before = form_of(connections, production.training_run) or {}
    form = {name: before[name] for name in ("preset",) if name in before} | {
        "clip_set": row["month_clips"],
        "initial": production.training_run,
        "base": production.version,
        "trainable": "temporal",
    }
    steps = {
        "unit_tests": {"skip": True},
        "small_training": {"skip": True, "clip_set": row["month_clips"]},
        "full_training": form,
    }
    ops = {name: {"config": config} for name, config in steps.items()}
    return dg.RunRequest(
        run_key=f"finetune:{month}:{row['fvd']:.6g}",
        partition_key=f"finetune-{month[:7]}",
        run_config={"ops": {"video_models": {"ops": ops}}},
    )


@dg.sensor(
    job=model_release,
    minimum_interval_seconds=300,
    # A commit that starts GPU days is somebody's decision: switch it on where models are released.
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Trains production's model from the top, once for each new version of the generation code.",
)
def release_new_code(context: dg.SensorEvaluationContext, connections: Connections) -> dg.SensorResult:
    """CI for models begins at its first step: unit tests, small training, and so on.

    The cursor is the newest code that was looked at. Code that a training run has begun under, by hand or by
    this sensor, is not new; nor is the first that is seen, where nobody noted what production came from.
    """
    code, production = generation_code_version(), read_stages(connections).production
    if code == context.cursor:
        return dg.SensorResult(skip_reason=f"the generation code is still {code}")
    if production is None:
        return dg.SensorResult(skip_reason="there is no production model to train anew", cursor=code)
    if knows_code(connections, code):
        return dg.SensorResult(skip_reason=f"a training run has begun under {code}", cursor=code)
    if context.cursor is None and trained_under(connections, production) is None:
        return dg.SensorResult(skip_reason=f"what comes after {code} is new", cursor=code)
    form = renewal_form(connections, production)
    if form is None:
        said = f"nobody noted how {production.version} was trained; launch model_release by hand once"
        return dg.SensorResult(skip_reason=said, cursor=code)
    name = f"code-{code.rpartition(':')[2]}"
    request = dg.RunRequest(run_key=f"code:{code}", partition_key=name, run_config={"ops": form})
    return dg.SensorResult(
        run_requests=[request],
        dynamic_partitions_requests=[VIDEO_MODELS.build_add_request([name])],
        cursor=code,
    )


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=_RUNNING,
    description="Brings the service to the version that the registry calls production.",
)
def follow_production(
    connections: Connections, tracking: Tracking, generation: GenerationService
) -> dg.SkipReason:
    """No run is launched: a switch takes less time than a run's start."""
    if generation.health().status != "ok":
        return dg.SkipReason(_AWAY)
    try:
        return dg.SkipReason(follow(connections, tracking, generation, now_ms=time.time_ns() // 1_000_000))
    except (TrackingUnavailableError, GenerationServiceError) as error:
        return dg.SkipReason(str(error))


@dg.run_failure_sensor(
    request_jobs=[make_clips],
    default_status=_RUNNING,
    description="Takes a week that a blocking check stopped again, category by category.",
)
def split_bad_weeks(context: dg.RunFailureSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """So that a bad category stops itself alone; only where a check failed, and of several partitions."""
    run = context.dagster_run
    covered = range_of(run.tags)
    if run.job_name != make_clips.name or covered is None:
        yield dg.SkipReason("not a run over several categories")
        return
    if not check_failed(context.instance, run.run_id):
        yield dg.SkipReason("no check failed")
        return
    for week in sorted({of_category_week(key)[1] for key in covered}):
        for category in SCENARIOS.get_partition_keys():
            key = category_week(category, week)
            yield dg.RunRequest(
                run_key=f"{run.run_id}:{key}", job_name=make_clips.name, partition_key=key,
                tags={"scalediff/split_from": run.run_id},
            )  # fmt: skip


CLIP_SENSORS = [
    order_plans,
    collect_clips,
    audit_orders,
    watch_generation,
    report_drift,
    finetune_drifted,
    release_new_code,
    follow_production,
    split_bad_weeks,
]
