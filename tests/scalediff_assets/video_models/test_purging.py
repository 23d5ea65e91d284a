"""Purging versions: what is in use or in its 30 days stays, of the others weights and registry version go."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import read_settings
from resources.tables import write_tables
from resources.tracking import ModelNotFoundError, ModelVersion, TrackingUnavailableError
from scalediff_assets import model_cli
from scalediff_assets.clip_schemas import EXPERIMENTS, AbExperiment
from scalediff_assets.video_models.launch import VideoTrainingConfig, _version
from scalediff_assets.video_models.purging import carry_out, plan_overdue, plan_purge
from scalediff_assets.video_models.registry import Staged, Stages, _tell, write_stages
from scalediff_assets.video_models.versions import RetentionError, VersionError, retain_until_ms

DAY_MS = 86_400_000
LEFT_MS = 1_000 * DAY_MS
LATER_MS = LEFT_MS + 31 * DAY_MS


@dataclass
class FakeRegistry:
    """MLflow's registry in memory, as `Tracking` shows it."""

    held: list[ModelVersion] = field(default_factory=list)
    away: bool = False

    def versions(self, name: str) -> list[ModelVersion]:
        return [each for each in self.held if each.name == name]

    def delete_version(self, name: str, version: int) -> None:
        if self.away:
            raise TrackingUnavailableError("MLflow does not answer")
        self.held = [each for each in self.held if (each.name, each.version) != (name, version)]


@dataclass
class Models:
    """A registry and a store of models with what trainings left."""

    connections: Connections
    registry: Any

    def add(self, number: int, *, aliases: tuple[str, ...] = (), left_ms: int | None = None) -> None:
        run, version = f"run-{number}", f"v1.{number}.0"
        tags = {"semver": version, "training_run": run}
        tags |= {} if left_ms is None else {"retain_until_ms": str(retain_until_ms(left_ms))}
        made = ModelVersion(name="video_models", version=number, run_id=run, tags=tags, aliases=aliases)
        self.registry.held.append(made)
        note = json.dumps({"version": version, "base": None}).encode()
        for key, content in (
            ("version.json", note),
            ("spec.json", b"{}"),
            ("latest.json", b'{"folder": "step_00000010"}'),
            ("step_00000010/model.safetensors", b"weights"),
            ("evaluation/report.json", b"{}"),
        ):
            self.connections.models().put(f"video_models/{run}/{key}", content)

    def keys(self, number: int) -> set[str]:
        start = f"video_models/run-{number}/"
        return {info.key.removeprefix(start) for info in self.connections.models().list(start)}

    def purge(self, version: str, now_ms: int = LATER_MS) -> None:
        planned = plan_purge(self.connections, self.registry, version, now_ms=now_ms)
        carry_out(planned, self.connections, self.registry, actor="ops", now_ms=now_ms)


@pytest.fixture
def models(tmp_path: Path) -> Models:
    connections = resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))["connections"]
    return Models(connections=connections, registry=FakeRegistry())


def test_weights_and_registry_version_go_and_what_explains_clips_stays(models: Models) -> None:
    models.add(0, left_ms=LEFT_MS)
    models.add(1, aliases=("production",))
    models.purge("v1.0.0")
    assert models.keys(0) == {"version.json", "spec.json", "evaluation/report.json"}
    assert "step_00000010/model.safetensors" in models.keys(1)
    assert [each.version for each in models.registry.held] == [1]
    (entry,) = models.connections.audit_log().entries(subject="v1.0.0")
    assert (entry.event.action, entry.event.actor) == ("delete", "ops")
    assert entry.event.detail["training_run"] == "run-0"
    assert models.connections.audit_log().verify() == 1


def test_within_30_days_it_stays_whole(models: Models) -> None:
    models.add(0, left_ms=LEFT_MS)
    before = models.keys(0)
    with pytest.raises(RetentionError, match=r"v1\.0\.0 left production: .* for 1\.0 more of 30 days"):
        models.purge("v1.0.0", LEFT_MS + 29 * DAY_MS)
    assert models.keys(0) == before
    assert models.connections.audit_log().head()[0] == 0


@pytest.mark.parametrize("alias", ["production", "previous_production", "candidate"])
def test_what_an_alias_names_stays(models: Models, alias: str) -> None:
    models.add(0, aliases=(alias,), left_ms=LEFT_MS)
    with pytest.raises(RetentionError, match=f"is {alias}; move the alias"):
        models.purge("v1.0.0")


def test_what_the_service_holds_stays_where_mlflow_is_behind(models: Models) -> None:
    models.add(0, left_ms=LEFT_MS)
    models.add(1, left_ms=LEFT_MS)
    staged = [Staged(version=f"v1.{n}.0", training_run=f"run-{n}", url="u") for n in range(2)]
    write_stages(models.connections, Stages(production=staged[0], previous=staged[1]))
    for version, stage in (("v1.0.0", "production"), ("v1.1.0", "previous_production")):
        with pytest.raises(RetentionError, match=f"is {stage};"):
            models.purge(version)


def test_an_alias_that_was_moved_by_hand_starts_the_30_days_too(models: Models) -> None:
    models.add(0)
    models.add(1, aliases=("production",))
    now, before = (Staged(version=f"v1.{n}.0", training_run=f"run-{n}", url="u") for n in (1, 0))
    _tell(models.connections, "promote", now, before, "mlflow alias", "the alias was moved", LEFT_MS)
    with pytest.raises(RetentionError, match=r"kept for 10\.0 more"):
        models.purge("v1.0.0", LEFT_MS + 20 * DAY_MS)
    models.purge("v1.0.0")
    assert [each.version for each in models.registry.held] == [1]


def test_the_challenger_of_an_open_experiment_stays(models: Models) -> None:
    models.add(0)
    row: dict[str, Any] = dict.fromkeys(EXPERIMENTS.schema, 0) | {
        "video_model": "run-0", "challenger": "v1.0.0", "control": "v0.9.0", "outcome": "inconclusive",
        "reason": "too few clips", "extractor": None, "policy_hash": "0" * 64, "fvd_n": None,
    }  # fmt: skip
    write_tables(
        models.connections.lake(), "ab_experiments", "run-0", AbExperiment(decisions=EXPERIMENTS.frame([row]))
    )
    with pytest.raises(RetentionError, match="experiment that is not decided"):
        models.purge("v1.0.0")


def test_overdue_ones_go_without_a_name_and_those_never_used_only_by_name(models: Models) -> None:
    models.add(0, left_ms=LEFT_MS)
    models.add(1, left_ms=LATER_MS)
    models.add(2)
    due, kept = plan_overdue(models.connections, models.registry, now_ms=LATER_MS)
    assert [each.version for each in due] == ["v1.0.0"]
    assert ["v1.1.0" in kept[0], "name it to purge it" in kept[1]] == [True, True]
    assert plan_purge(models.connections, models.registry, "v1.2.0", now_ms=LATER_MS).training_run == "run-2"


def test_a_purge_that_was_cut_short_is_ended_by_the_next_and_told_once(models: Models) -> None:
    models.add(0, left_ms=LEFT_MS)
    models.registry.away = True
    with pytest.raises(TrackingUnavailableError):
        models.purge("v1.0.0")
    assert models.registry.held
    models.registry.away = False
    models.purge("v1.0.0", LATER_MS + DAY_MS)
    assert models.registry.held == []
    assert models.connections.audit_log().verify() == 1


def test_a_purged_number_is_not_given_to_other_weights(models: Models) -> None:
    models.add(0, left_ms=LEFT_MS)
    models.purge("v1.0.0")
    with pytest.raises(VersionError, match=r"run-0 \(v1\.0\.0\) was purged; train under a new name"):
        _version("run-0", VideoTrainingConfig(), models.connections, {"v1.0.0"})
    with pytest.raises(ModelNotFoundError, match=r"v1\.0\.0 is not registered; registered: none"):
        models.purge("v1.0.0")


def test_a_dry_run_deletes_nothing_and_the_command_says_what_it_did(
    models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCALEDIFF_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    found = {"connections": models.connections, "tracking": models.registry}
    monkeypatch.setattr(model_cli, "_resources", lambda _settings: found)
    models.add(0, left_ms=LEFT_MS)
    words = ["purge", "--home", str(tmp_path)]
    said = CliRunner().invoke(model_cli.app, [*words, "--dry-run"])
    assert "would purge v1.0.0 (run-0): 0.0 MB" in said.output
    assert models.registry.held and models.connections.audit_log().head()[0] == 0
    assert "purged v1.0.0" in CliRunner().invoke(model_cli.app, [*words, "v1.0.0"]).output
    assert models.registry.held == []
    assert "nothing is to be purged" in CliRunner().invoke(model_cli.app, words).output
    models.add(1, aliases=("production",))
    refused = CliRunner().invoke(model_cli.app, [*words, "v1.1.0"])
    assert isinstance(refused.exception, RetentionError)
