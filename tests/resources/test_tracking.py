"""MLflow: runs found by key, records that can be told twice, aliases, and an MLflow that is away."""

from pathlib import Path

import pytest

from resources.tracking import DatasetInput, Record, Tracking, TrackingUnavailableError


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    folder = tmp_path_factory.mktemp("mlflow")
    return Tracking(
        uri=f"sqlite:///{folder}/deep/mlflow.db",
        artifacts_url=str(folder / "artifacts"),
        dagster_url="http://d",
    )


RECORD = Record(
    params={"lr": 0.001, "long": "x" * 9_000},
    metrics={"driving_score": 55.0},
    tags={"scalediff.backend": "minitown"},
    texts={"config/spec.json": "{}"},
    inputs=[DatasetInput(name="r1", digest="ab" * 32, source="{}", profile="{}", context="train")],
    spool=[{"step": 10, "ms": 1_700_000_000_000, "metrics": {"train/loss": 0.5}}],
)


@pytest.mark.slow
def test_a_record_that_is_told_twice_is_there_once(tracking: Tracking, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    (tmp_path / "plot.png").write_bytes(b"png")
    run = tracking.run_for("train/a", experiment="cilrs", name="a")
    for _ in range(2):
        assert tracking.run_for("train/a", experiment="cilrs", name="a") == run
        record = Record(**{**RECORD.__dict__, "files": {"plots": [tmp_path / "plot.png"]}})
        tracking.record(run, record)
    client = MlflowClient(tracking_uri=tracking.uri)
    found = client.get_run(run)
    assert found.data.params["lr"] == "0.001" and len(found.data.params["long"]) <= 6_000
    assert found.data.metrics["driving_score"] == 55.0
    assert [(m.step, m.value) for m in client.get_metric_history(run, "train/loss")] == [(10, 0.5)]
    assert found.inputs is not None
    assert [(i.dataset.name, i.dataset.digest) for i in found.inputs.dataset_inputs] == [
        ("r1", ("ab" * 32)[:36])
    ]
    assert {file.path for file in client.list_artifacts(run)} == {"config", "plots"}
    assert found.info.status == "FINISHED"


@pytest.mark.slow
def test_versions_and_aliases_move(tracking: Tracking) -> None:
    runs = [tracking.run_for(f"train/m{k}", experiment="cilrs", name=f"m{k}") for k in range(2)]
    numbers = [
        tracking.register("cilrs", model_uri=f"runs:/{run}/model", run_id=run, tags={"training_run": f"m{k}"})
        for k, run in enumerate(runs)
    ]
    assert tracking.register("cilrs", model_uri="runs:/x", run_id=runs[0], tags={}) == numbers[0]
    tracking.set_aliases("cilrs", {"champion": numbers[0], "challenger": numbers[1]})
    assert tracking.aliases("cilrs") == {"champion": numbers[0], "challenger": numbers[1]}
    tracking.set_aliases("cilrs", {"champion": numbers[1], "previous": numbers[0], "challenger": None})
    assert tracking.aliases("cilrs") == {"champion": numbers[1], "previous": numbers[0]}
    assert [v.tags["training_run"] for v in tracking.versions("cilrs")] == ["m0", "m1"]


@pytest.mark.slow
def test_an_mlflow_that_is_away_is_one_clear_error() -> None:
    away = Tracking(uri="http://127.0.0.1:9", artifacts_url="x", dagster_url="y")
    with pytest.raises(TrackingUnavailableError, match="does not answer"):
        away.run_for("train/a", experiment="cilrs", name="a")
    with pytest.raises(TrackingUnavailableError, match="delivered later"):
        away.versions("cilrs")


@pytest.mark.slow
def test_a_deleted_version_is_gone_and_its_run_stays(tracking: Tracking) -> None:
    run = tracking.run_for("train/gone", experiment="cilrs", name="gone")
    number = tracking.register("going", model_uri="runs:/x", run_id=run, tags={})
    for _ in range(2):
        tracking.delete_version("going", number)
    assert tracking.versions("going") == []
    assert tracking.run_for("train/gone", experiment="cilrs", name="gone") == run
