"""What the generation line's sensors and schedules do, called directly; the service is the real app."""

import datetime as dt
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import uvicorn

from gpu_services.generation.service.access import make_token
from gpu_services.generation.service.app import create_app
from gpu_services.generation.service.starting import make_worker
from resources.generation import GenerationService
from resources.profiles import resources_for
from resources.settings import read_settings
from resources.tables import write_tables
from resources.tracking import ModelVersion, TrackingUnavailableError
from scalediff_assets import clip_sensors
from scalediff_assets.automation_tags import range_tags
from scalediff_assets.clip_schedules import cut_past_month, measure_experiments, plan_coming_week
from scalediff_assets.clip_schemas import DRIFT, Drift
from scalediff_assets.clip_sensors import (
    audit_orders,
    collect_clips,
    finetune_drifted,
    follow_production,
    order_plans,
    release_new_code,
    report_drift,
    split_bad_weeks,
    watch_generation,
)
from scalediff_assets.partitions import (
    CATEGORY_WEEKS,
    CLIP_SETS,
    SCENARIOS,
    category_week,
    week_of,
    week_range,
)
from scalediff_assets.retention import remove_expired
from scalediff_assets.synthetic_clips.lake import raw_keys
from scalediff_assets.synthetic_clips.orders import planned_jobs
from scalediff_assets.synthetic_clips.planning import plan_tables
from scalediff_assets.synthetic_clips.scenarios import PlanSettings
from scalediff_assets.synthetic_clips.windows import BatchWindows
from scalediff_assets.video_models.launch import VideoTrainingConfig
from scalediff_assets.video_models.registry import Staged, Stages, read_stages, write_stages
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.generation import Verdict
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import EvaluateVideoSpec
from scalediff_contract.video_models import VIDEO_PRESETS
from scalediff_contract.video_training import TrainVideoResult, TrainVideoSpec
from tests.gpu_services.generation_service.conftest import SECRET, FakeGenerator, config_in

WEEK = "2026-11-16"
MONDAY = dt.datetime(2026, 11, 16, 12, tzinfo=dt.UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with a folder: schedules ask for it by reference."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    return resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[GenerationService]:
    """The service's real API on a port; `work` makes what is ordered."""
    config = config_in(tmp_path)
    server = uvicorn.Server(uvicorn.Config(create_app(config), port=0, log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            token = make_token(SECRET, "graph", ("admin",), now_ms=config.now_ms(), days=1)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield GenerationService(url=url, token=token, patience_s=0.5)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def away() -> GenerationService:
    """A service that does not run."""
    return GenerationService(url="http://127.0.0.1:9", patience_s=0.1)


@pytest.fixture
def work(tmp_path: Path) -> Callable[[], None]:
    def run() -> None:
        config = config_in(tmp_path)
        config = replace(config, worker=replace(config.worker, batch=64))
        url = f"{config.models_url}/one"
        worker = make_worker(config, worker_id="w", load=lambda _url: FakeGenerator(), model_url=url)
        worker.run(until_empty=True)

    return run


def plan(resources: dict[str, Any], *, jobs: int = 23) -> Any:
    """A week's plan in the lake; its orders."""
    settings = PlanSettings(jobs=jobs, num_inference_steps=2)
    keys = [category_week(category, WEEK) for category in SCENARIOS.get_partition_keys()]
    made = plan_tables(keys, settings)
    for key, tables in made.items():
        write_tables(resources["connections"].lake(), "scenario_plans", key, tables)
    return made


def sensor(
    function: Any, instance: dg.DagsterInstance, cursor: str | None = None, **resources: Any
) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
    found = function(context)
    assert isinstance(found, dg.SensorResult)
    return found


def materialised(instance: dg.DagsterInstance, asset: str, partition: str, **metadata: Any) -> None:
    event = dg.AssetMaterialization(asset_key=asset, partition=partition, metadata=metadata)
    instance.report_runless_asset_event(event)


def opened(monkeypatch: pytest.MonkeyPatch, *, is_open: bool) -> None:
    every_day = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours = {"from_hour": 0, "to_hour": 24} if is_open else {"from_hour": 3, "to_hour": 4}
    windows = BatchWindows.model_validate(
        {"version": "t", "time_zone": "UTC", "windows": [{"days": every_day, **hours}]}
    )
    monkeypatch.setattr(clip_sensors, "load_windows", lambda: windows)


def test_a_plan_is_ordered_once_when_a_window_is_open(
    instance: dg.DagsterInstance, generation: GenerationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    week = week_of(dt.datetime.now(dt.UTC))
    materialised(instance, "scenario_plans", category_week("dust_storm", week))
    materialised(instance, "scenario_plans", category_week("tire_debris", week))
    opened(monkeypatch, is_open=True)
    found = sensor(order_plans, instance, generation=generation)
    (request,) = found.run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == f"dust_storm|{week}"
    assert request.tags["dagster/asset_partition_range_end"] == f"cargo_spill|{week}"
    assert not sensor(order_plans, instance, found.cursor, generation=generation).run_requests


def test_outside_the_windows_and_without_a_service_nothing_is_ordered(
    instance: dg.DagsterInstance,
    generation: GenerationService,
    away: GenerationService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    materialised(instance, "scenario_plans", category_week("dust_storm", week_of(dt.datetime.now(dt.UTC))))
    hour = dt.datetime.now(dt.UTC).hour
    if hour != 3:
        opened(monkeypatch, is_open=False)
        closed = sensor(order_plans, instance, generation=generation)
        assert not closed.run_requests and "opens at" in str(closed.skip_reason)
    opened(monkeypatch, is_open=True)
    assert "does not answer" in str(sensor(order_plans, instance, generation=away).skip_reason)


def test_a_partition_is_collected_when_its_last_job_has_ended(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService, work: Any
) -> None:
    made = plan(resources, jobs=46)
    given = {"connections": resources["connections"], "generation": generation}
    keys = [category_week("dust_storm", WEEK), category_week("tire_debris", WEEK)]
    first, second = (planned_jobs(made[key].orders) for key in keys)
    assert len(first) > 1
    generation.order([*first[:-1], *second])
    work()
    found = sensor(collect_clips, instance, **given)
    assert [request.partition_key for request in found.run_requests or []] == [keys[1]]
    generation.order(first)
    work()
    again = sensor(collect_clips, instance, found.cursor, **given)
    assert [request.partition_key for request in again.run_requests or []] == [keys[0]]
    assert not sensor(collect_clips, instance, again.cursor, **given).run_requests


def test_orders_and_their_ends_are_audited_once(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService, work: Any
) -> None:
    orders = planned_jobs(plan(resources)[category_week("dust_storm", WEEK)].orders)
    (job,) = generation.order(orders)
    work()
    given = {"connections": resources["connections"], "generation": generation}
    sensor(audit_orders, instance, **given)
    sensor(audit_orders, instance, **given)
    log = resources["connections"].audit_log()
    events = [entry.event for entry in log.entries(subject=job.job_id)]
    assert [(event.action, event.actor) for event in events] == [("request", "graph"), ("generate", "graph")]
    generation.halt("a person had doubts")
    generation.resume()
    sensor(audit_orders, instance, **given)
    acts = [entry.event for entry in log.entries(subject="generation service")]
    assert [(act.action, act.actor) for act in acts] == [("halt", "graph"), ("resume", "graph")]
    assert acts[0].detail == {"reason": "a person had doubts"}
    assert log.verify() == 4


def test_too_many_refused_clips_halt_the_intake_and_are_audited(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService, work: Any
) -> None:
    orders = [each for tables in plan(resources).values() for each in planned_jobs(tables.orders)]
    jobs = generation.order(orders)
    work()
    for number, job in enumerate(jobs):
        generation.judge(job.job_id, Verdict(passed=number % 3 > 0, policy_hash="0" * 64))
    given = {"connections": resources["connections"], "generation": generation}
    found = sensor(watch_generation, instance, **given)
    assert "RejectionHalt" in str(found.skip_reason)
    assert "RejectionHalt" in str(generation.state().halted)
    actions = [entry.event.action for entry in resources["connections"].audit_log().entries()]
    assert actions == ["halt"]
    again = sensor(watch_generation, instance, found.cursor, **given)
    assert len(json.loads(str(again.cursor))["samples"]["rejection_rate_24h"]) == 2


def test_a_service_that_is_away_is_a_sentence(
    instance: dg.DagsterInstance, resources: dict[str, Any], away: GenerationService
) -> None:
    given = {"connections": resources["connections"], "generation": away}
    for function in (collect_clips, audit_orders):
        assert "does not answer" in str(sensor(function, instance, **given).skip_reason)
    assert "no answer" in str(sensor(watch_generation, instance, **given).skip_reason)
    context = dg.build_sensor_context(
        instance=instance, resources={**given, "tracking": resources["tracking"]}
    )
    assert "does not answer" in str(follow_production(context))


def reacted(function: Any, instance: dg.DagsterInstance) -> Any:
    """What an asset sensor makes of the newest materialisation."""
    (found,) = function(dg.build_sensor_context(instance=instance))
    return found


def test_a_months_clips_lead_to_its_drift_report(instance: dg.DagsterInstance) -> None:
    materialised(instance, "driving_clips", "demo")
    assert isinstance(reacted(report_drift, instance), dg.SkipReason)
    materialised(instance, "driving_clips", "month-2026-10")
    assert reacted(report_drift, instance).partition_key == "2026-10-01"


def alarmed(connections: Any, *, alarm: bool) -> None:
    """A month's drift report."""
    row = {name: 1.0 for name in DRIFT.schema} | {
        "month": "2026-10-01", "month_clips": "month-2026-10", "reference_clips": "r", "extractor": "e",
        "n": 20, "alarm": alarm, "categories_compared": 1, "too_few": "",
    }  # fmt: skip
    write_tables(connections.lake(), "drift_reports", "2026-10-01", Drift(months=DRIFT.frame([row])))


@pytest.mark.parametrize("alarm", [True, False])
def test_an_alarm_fine_tunes_attention_over_time(
    instance: dg.DagsterInstance, resources: dict[str, Any], alarm: bool
) -> None:
    connections = resources["connections"]
    alarmed(connections, alarm=alarm)
    write_stages(connections, Stages(production=Staged(version="v1.2.0", training_run="base", url="u")))
    materialised(instance, "drift_reports", "2026-10-01")
    found = sensor(finetune_drifted, instance, connections=connections)
    if not alarm:
        assert not found.run_requests
        return
    (request,) = found.run_requests or []
    assert request.partition_key == "finetune-2026-10"
    form = request.run_config["ops"]["video_models"]["ops"]["full_training"]["config"]
    assert form == {"clip_set": "month-2026-10", "initial": "base", "base": "v1.2.0", "trainable": "temporal"}
    assert not sensor(finetune_drifted, instance, found.cursor, connections=connections).run_requests


def trained(connections: Any, training_run: str, code: str | None, **form: Any) -> Staged:
    """What a training run leaves in the store of models; it becomes production."""
    note: dict[str, Any] = {"version": "v1.2.0", "base": None}
    if code is not None:
        note |= {"code": code, "form": VideoTrainingConfig(**form).model_dump()}
    clips = ClipsPlace(url="clips/set", key="manifest.json", content_hash="0" * 64)
    made = VIDEO_PRESETS["proto64"]
    training = TrainVideoSpec(
        training_run=training_run, version="v1.2.0", architecture=made.architecture, recipe=made.recipe,
        clips=clips, output_url="u", tracking=TrackingTarget(uri="m"),
    )  # fmt: skip
    result = TrainVideoResult(
        status="finished", version="v1.2.0", checkpoint="step_1", step=1, weights_sha256="0", parameters=1,
        trained_parameters=1, seconds=1.0, steps_per_s=1.0, resumed_from_step=0, device="cpu",
        clips={"train": 1}, loss=0.1, val_loss=None, spool="metrics.jsonl",
    )  # fmt: skip
    measured = EvaluateVideoSpec(
        checkpoint_url="u", clips=clips, n=64, seeds=(0, 1), output_url="u", tracking=TrackingTarget(uri="m")
    )
    for name, content in (
        ("version.json", json.dumps(note)),
        ("spec.json", training.model_dump_json()),
        ("result.json", result.model_dump_json()),
        ("evaluation/spec.json", measured.model_dump_json()),
    ):
        connections.models().put(f"video_models/{training_run}/{name}", content.encode())
    staged = Staged(version="v1.2.0", training_run=training_run, url="u")
    write_stages(connections, Stages(production=staged))
    return staged


def committed(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(clip_sensors, "generation_code_version", lambda: code)


def test_new_code_releases_production_s_model_anew_from_the_top_and_only_once(
    instance: dg.DagsterInstance, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = resources["connections"]
    trained(connections, "base", "git:aaa", clip_set="kitti", preset="proto64", seed=3, steps=900)
    committed(monkeypatch, "git:aaa")
    still = sensor(release_new_code, instance, connections=connections)
    assert not still.run_requests and "has begun under git:aaa" in str(still.skip_reason)
    committed(monkeypatch, "git:bbb")
    found = sensor(release_new_code, instance, still.cursor, connections=connections)
    (request,) = found.run_requests or []
    assert (request.partition_key, request.run_key) == ("code-bbb", "code:git:bbb")
    assert [each.partition_keys for each in found.dynamic_partitions_requests or []] == [["code-bbb"]]
    steps = request.run_config["ops"]["video_models"]["ops"]
    assert "unit_tests" not in steps, "they are run"
    assert steps["small_training"]["config"] == {"clip_set": "kitti"}
    assert steps["full_training"]["config"] == {
        "clip_set": "kitti", "preset": "proto64", "seed": 3, "steps": 900, "trainable": "all",
        "change": "retrain",
    }  # fmt: skip
    measured = request.run_config["ops"]["video_evaluations"]["config"]
    assert (measured["n"], measured["seeds"]) == (64, [0, 1])
    again = sensor(release_new_code, instance, found.cursor, connections=connections)
    assert not again.run_requests and "still git:bbb" in str(again.skip_reason)


def test_what_the_new_code_asks_for_is_a_form_that_the_job_takes(
    instance: dg.DagsterInstance, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scalediff_assets.definitions import defs

    trained(resources["connections"], "base", "git:aaa", preset="proto64")
    committed(monkeypatch, "git:bbb")
    found = sensor(release_new_code, instance, connections=resources["connections"])
    (request,) = found.run_requests or []
    assert dg.validate_run_config(defs.resolve_job_def("model_release"), request.run_config)


def test_code_that_somebody_trained_under_by_hand_is_not_released_again(
    instance: dg.DagsterInstance, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = resources["connections"]
    trained(connections, "by-hand", "git:bbb")
    trained(connections, "base", "git:aaa")
    committed(monkeypatch, "git:bbb")
    assert not sensor(release_new_code, instance, "git:aaa", connections=connections).run_requests


def test_without_a_production_model_or_its_form_nothing_is_launched_and_the_reason_is_given(
    instance: dg.DagsterInstance, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = resources["connections"]
    committed(monkeypatch, "git:aaa")
    found = sensor(release_new_code, instance, connections=connections)
    assert not found.run_requests and "no production model" in str(found.skip_reason)
    trained(connections, "old", None)
    first = sensor(release_new_code, instance, connections=connections)
    assert not first.run_requests and "what comes after git:aaa is new" in str(first.skip_reason)
    committed(monkeypatch, "git:bbb")
    second = sensor(release_new_code, instance, first.cursor, connections=connections)
    assert not second.run_requests and "launch model_release by hand once" in str(second.skip_reason)


def test_a_fine_tuned_model_is_renewed_from_the_training_that_it_came_from(
    instance: dg.DagsterInstance, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = resources["connections"]
    trained(connections, "base", "git:aaa", clip_set="kitti", preset="proto64")
    trained(connections, "tuned", "git:aaa", clip_set="month-2026-10", trainable="temporal", initial="base")
    committed(monkeypatch, "git:bbb")
    (request,) = sensor(release_new_code, instance, connections=connections).run_requests or []
    form = request.run_config["ops"]["video_models"]["ops"]["full_training"]["config"]
    assert (form["clip_set"], form["trainable"]) == ("kitti", "all")
    assert "initial" not in form


def test_another_architecture_is_another_major_number(
    instance: dg.DagsterInstance, resources: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(resources["connections"], "base", "git:aaa", preset="proto64")
    wider = VIDEO_PRESETS["proto64"].model_copy(update={"architecture": VIDEO_PRESETS["tiny"].architecture})
    monkeypatch.setitem(VIDEO_PRESETS, "proto64", wider)
    committed(monkeypatch, "git:bbb")
    (request,) = sensor(release_new_code, instance, connections=resources["connections"]).run_requests or []
    form = request.run_config["ops"]["video_models"]["ops"]["full_training"]["config"]
    assert form["change"] == "architecture"


def test_fine_tuning_keeps_production_s_preset(
    instance: dg.DagsterInstance, resources: dict[str, Any]
) -> None:
    connections = resources["connections"]
    alarmed(connections, alarm=True)
    trained(connections, "base", "git:aaa", preset="proto64")
    materialised(instance, "drift_reports", "2026-10-01")
    (request,) = sensor(finetune_drifted, instance, connections=connections).run_requests or []
    form = request.run_config["ops"]["video_models"]["ops"]["full_training"]["config"]
    assert (form["preset"], form["clip_set"]) == ("proto64", "month-2026-10")


@dataclass
class FakeRegistry:
    """MLflow's registry in memory, as `Tracking` shows it; `aliases_of` a version's number."""

    aliases_of: dict[int, tuple[str, ...]]
    away: bool = False

    def versions(self, name: str) -> list[ModelVersion]:
        if self.away:
            raise TrackingUnavailableError("MLflow does not answer")
        return [
            ModelVersion(
                name=name, version=number, run_id=f"m{number}", aliases=aliases,
                tags={"semver": f"v1.{number}.0", "training_run": f"run-{number}"},
            )
            for number, aliases in self.aliases_of.items()
        ]  # fmt: skip


def followed(instance: dg.DagsterInstance, **resources: Any) -> str:
    """What the sensor says that it did."""
    found = follow_production(dg.build_sensor_context(instance=instance, resources=resources))
    assert isinstance(found, dg.SkipReason)
    return str(found.skip_message)


def test_the_service_follows_an_alias_that_somebody_moved(
    instance: dg.DagsterInstance, generation: GenerationService, tmp_path: Path
) -> None:
    config = config_in(tmp_path)
    at = {"SCALEDIFF_HOME": str(tmp_path), "SCALEDIFF_MODELS_URL": config.models_url}
    connections = resources_for(read_settings(at))["connections"]
    for number in (1, 2):
        connections.models().put(f"video_models/run-{number}/latest.json", b'{"folder": "step_1"}')
    models = {f"run-{n}": FakeGenerator(version=f"v1.{n}.0") for n in (1, 2)}
    worker = make_worker(
        config, worker_id="w", load=lambda url: models[url.split("/")[-2]],
        model_url=f"{config.models_url}/video_models/run-1/step_1",
    )  # fmt: skip
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        while not worker.ready:
            time.sleep(0.01)
        registry = FakeRegistry({1: ("production",), 2: ("candidate",)})
        given = {"connections": connections, "tracking": registry, "generation": generation}
        assert followed(instance, **given) == "the service holds v1.1.0"
        registry.aliases_of = {1: (), 2: ("production",)}
        assert followed(instance, **given).startswith("the service was told v1.2.0: 1 workers in")
        assert [each.model_version for each in generation.state().workers] == ["v1.2.0"]
        assert followed(instance, **given) == "the service holds v1.2.0"
    finally:
        worker.drain()
        thread.join()
    stages = read_stages(connections)
    assert stages.production is not None and stages.previous is not None
    assert (stages.production.version, stages.previous.version) == ("v1.2.0", "v1.1.0")
    told = [entry.event for entry in connections.audit_log().entries(subject="v1.2.0")]
    assert [(event.action, event.actor, event.detail["before"]) for event in told] == [
        ("promote", "mlflow alias", "v1.1.0")
    ]


def test_without_a_production_version_or_mlflow_the_service_keeps_what_it_has(
    instance: dg.DagsterInstance, resources: dict[str, Any], generation: GenerationService
) -> None:
    given = {"connections": resources["connections"], "generation": generation}
    registry = FakeRegistry({1: ("candidate",)})
    assert followed(instance, **given, tracking=registry) == "no version is production"
    registry.away = True
    assert followed(instance, **given, tracking=registry) == "MLflow does not answer"
    assert read_stages(resources["connections"]).production is None


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
