"""What drift, new code and moved aliases start; sensors are called directly, the service is the real app."""

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from gpu_services.generation.service.starting import make_worker
from resources.generation import GenerationService
from resources.profiles import resources_for
from resources.settings import read_settings
from resources.tables import write_tables
from resources.tracking import ModelVersion, TrackingUnavailableError
from scalediff_assets import clip_sensors
from scalediff_assets.clip_schemas import DRIFT, Drift
from scalediff_assets.clip_sensors import (
    finetune_drifted,
    follow_production,
    release_new_code,
    report_drift,
)
from scalediff_assets.video_models.launch import VideoTrainingConfig
from scalediff_assets.video_models.registry import Staged, Stages, read_stages, write_stages
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import EvaluateVideoSpec
from scalediff_contract.video_models import VIDEO_PRESETS
from scalediff_contract.video_training import TrainVideoResult, TrainVideoSpec
from tests.gpu_services.generation_service.conftest import FakeGenerator, config_in
from tests.scalediff_assets.generation_automation.conftest import materialised, sensor


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
