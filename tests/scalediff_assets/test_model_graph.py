"""From a release to a champion through Dagster and real jobs, small; and MLflow coming back later."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from resources.jobs import JobFailedError
from resources.profiles import resources_for
from resources.settings import Settings
from resources.tables import write_tables
from scalediff_assets.home import use_home
from scalediff_assets.leaderboard_results.champion import CHAMPION, PREVIOUS, rollback
from scalediff_assets.leaderboard_results.listing import all_results
from scalediff_assets.model_schemas import RELEASE_SEGMENTS, DatasetRelease
from scalediff_contract.releases import ReleaseManifest
from world.minitown.routes import RouteSpec, load_route_set, routes_xml

# One home, made once: the tests stand on each other's training runs.
pytestmark = pytest.mark.slow
STEPS, BATCH = 80, 16


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A home with a small release, in which models are trained for a few steps."""
    from tests.gpu_services.driving.conftest import write_release

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("SCALEDIFF_HOME", str(folder))
        patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
        settings = use_home(folder)
        manifest = write_release(Path(settings.clean_url))
        lake = resources_for(settings)["connections"].lake()
        write_tables(lake, "dataset_releases", "r1", DatasetRelease(segments=_table(manifest)))
        yield settings


def _table(manifest: ReleaseManifest):  # type: ignore[no-untyped-def]
    rows = [
        {
            **segment.model_dump(),
            "release": manifest.name,
            "origin": "game",
            "duration_ms": 3_900,
            "policy_hash": "p",
            "align_method": "frame_id",
            "align_uncertainty_ms": 0.0,
            "score": 1.0,
            **{f"frames_{name}": 10 for name in ("left", "right", "straight", "follow")},
        }
        for segment in manifest.segments
    ]
    return RELEASE_SEGMENTS.frame([{c.name: row[c.name] for c in RELEASE_SEGMENTS.columns} for row in rows])


@pytest.fixture(scope="module")
def run(home: Settings):  # type: ignore[no-untyped-def]
    """`run(job, partition, configs)`: the job against this home."""
    import dagster as dg

    from scalediff_assets.automation import JOBS
    from scalediff_assets.checks import CHECKS
    from scalediff_assets.definitions import STAGES, WORKER_MODULES
    from scalediff_assets.home import instance

    resources = resources_for(home, worker_modules=WORKER_MODULES)

    def one(job_name: str, partition: str | None, configs: dict[str, dict[str, object]]) -> None:
        defs = dg.Definitions(
            assets=STAGES,
            asset_checks=CHECKS,
            jobs=JOBS,
            resources=resources,
            executor=dg.in_process_executor,
        )
        with instance(home) as dagster_instance:
            # In here: loading definitions asks the newest instance, and the last one is gone.
            job = defs.resolve_job_def(job_name)
            if partition and isinstance(job.partitions_def, dg.DynamicPartitionsDefinition):
                dagster_instance.add_dynamic_partitions(str(job.partitions_def.name), [partition])
            result = job.execute_in_process(
                partition_key=partition,
                instance=dagster_instance,
                raise_on_error=False,
                run_config={"ops": {asset: {"config": config} for asset, config in configs.items()}},
            )
        if not result.success:
            failures = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
            text = " ".join(str(e.cause or e) for e in failures if e is not None)
            raise JobFailedError(text)

    return one


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two short staged routes: their first quarters."""
    path = tmp_path_factory.mktemp("routes") / "two.xml"
    path.write_text(
        routes_xml([_first_quarter(r) for r in load_route_set("scenarios-11", subset="1-2").routes])
    )
    return str(path)


def _first_quarter(route: RouteSpec) -> RouteSpec:
    (x0_m, y0_m), (x1_m, y1_m) = route.waypoints_m[0], route.waypoints_m[-1]
    return replace(route, waypoints_m=((x0_m, y0_m), (x0_m + (x1_m - x0_m) / 4, y0_m + (y1_m - y0_m) / 4)))


@pytest.fixture(scope="module")
def driven(run, routes: str) -> None:  # type: ignore[no-untyped-def]
    """Two training runs, both driven, and the simple drivers."""
    evaluation = {"route_sets": [routes], "films": 1}
    for name, seed in (("a", 0), ("b", 1)):
        run(
            "train",
            name,
            {
                "checkpoints": {
                    "release": "r1",
                    "preset": "demo",
                    "steps": STEPS,
                    "batch": BATCH,
                    "seed": seed,
                }
            },
        )
        run("evaluate", name, {"leaderboard_results": evaluation})
    for name in ("noop", "random", "expert"):
        run("drive_simple_drivers", name, {"simple_drivers": {"route_sets": [routes], "films": 0}})


def test_a_model_that_learnt_nothing_stops_at_the_check(home, run) -> None:  # type: ignore[no-untyped-def]
    form = {"release": "r1", "preset": "demo", "steps": 1, "batch": 2}
    with pytest.raises(JobFailedError, match="checkpoints: skill"):
        run("train", "nothing", {"checkpoints": form})
    assert "challenger" not in resources_for(home)["tracking"].aliases("cilrs")


def test_everything_a_model_owner_looks_for_is_in_mlflow(home: Settings, driven: None) -> None:
    import mlflow

    tracking = resources_for(home)["tracking"]
    mlflow.set_tracking_uri(tracking.uri)  # a client of its own looks up logged models there all the same
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("cilrs")
    assert experiment is not None
    runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}
    trained, evaluated = runs["a"], runs["a on two"]
    params, metrics, tags = trained.data.params, trained.data.metrics, trained.data.tags
    assert (
        params["recipe.steps"] == str(STEPS)
        and params["preset"] == "demo"
        and params["architecture.width"] == "32"
    )
    assert trained.inputs is not None
    assert {i.dataset.name for i in trained.inputs.dataset_inputs} == {"r1"}
    for name in ("train/loss", "val/steer_mae", "offline/steer/all/mae", "offline/steer/all/skill_vs_median",
                 "offline/throttle/all/skill_vs_previous", "offline/steer/command/left/mae"):  # fmt: skip
        assert name in metrics, name
    assert any(name.startswith("offline/speed_mps/speed/") for name in metrics)
    assert any(
        name.startswith("closed_loop/") and name.endswith("driving_score/2.0/ci95_low") for name in metrics
    )
    assert tags["dagster.partition"] == "a" and tags["dagster.url"].endswith(tags["dagster.run_id"])
    assert evaluated.data.tags["mlflow.parentRunId"] == trained.info.run_id
    assert evaluated.data.tags["scalediff.backend"] == "minitown"
    for name in ("driving_score/2.1", "driving_score/2.0", "infractions/red_light/count", "success_share"):
        assert name in evaluated.data.metrics, name

    def artifacts(run_id: str) -> set[str]:
        return {
            file.path
            for folder in client.list_artifacts(run_id)
            for file in client.list_artifacts(run_id, folder.path)
        }

    of_training = artifacts(trained.info.run_id)
    assert {"plots/curves.png", "plots/errors.png", "plots/scatter.png", "model/model.pt2"} <= of_training
    found = artifacts(evaluated.info.run_id)
    assert {"results/results_2.0.json", "results/results_2.1.json", "plots/routes.png"} <= found
    assert {"routes/routes.csv", "routes/routes.parquet", "routes/scenario_by_end_status.csv"} <= found
    assert any(path.endswith(".mp4") for path in found)


def test_the_logged_model_has_a_signature_and_predicts(home: Settings, driven: None) -> None:
    import mlflow
    import numpy as np

    tracking = resources_for(home)["tracking"]
    mlflow.set_tracking_uri(tracking.uri)
    model = mlflow.pyfunc.load_model("models:/cilrs@challenger")
    assert model.metadata.signature is not None
    assert {column.name for column in model.metadata.signature.inputs} == {"image", "speed_mps", "command"}
    assert model.metadata.saved_input_example_info is not None
    said = model.predict(
        {
            "image": np.zeros((2, 256, 256, 3), np.uint8),
            "speed_mps": np.zeros(2, np.float32),
            "command": np.array([1, 4], np.int64),
        }
    )
    assert set(said) == {"steer", "throttle", "brake", "speed_mps"} and said["steer"].shape == (2,)


def test_the_tables_say_where_and_by_whom(home: Settings, driven: None) -> None:
    rows = all_results(resources_for(home)["connections"], scorer_version=None)
    assert set(rows["agent"]) == {"a", "b", "noop", "random", "expert"}
    assert set(rows["backend"]) == {"minitown"} and set(rows["scorer_version"]) == {"2.0", "2.1"}
    assert (rows["n_results"] == 2).all() and (rows["status"] == "Finished").all()
    expert = rows.filter(rows["agent"] == "expert")["driving_score"]
    assert (expert > 90).all()


def test_a_promotion_needs_a_gain_and_a_rollback_needs_one_command(home, driven, run) -> None:  # type: ignore[no-untyped-def]
    from scalediff_assets.leaderboard_results.champion import crown, holder

    tracking = resources_for(home)["tracking"]
    versions = [v for v in tracking.versions("cilrs") if v.tags["training_run"] != "nothing"]
    assert [v.tags["training_run"] for v in versions] == ["a", "b"]
    assert holder(versions, "challenger") == versions[1]
    crown(tracking, versions[0], None)
    run("promote", None, {"champions": {"challenger": "b"}})
    from resources.tables import read_tables
    from scalediff_assets.model_schemas import Champions

    decision = read_tables(resources_for(home)["connections"].lake(), "champions", "all", Champions).decisions
    row = decision.filter(decision["challenger"] == "b").row(0, named=True)
    assert row["champion"] == "a" and row["pairs"] == 2 and row["backend"] == "minitown"
    assert row["promoted"] == (row["p_gain"] >= 0.95 and "rose" not in row["reason"])
    crown(tracking, versions[1], versions[0])
    assert tracking.aliases("cilrs")[CHAMPION] == versions[1].version
    now, before = rollback(tracking)
    assert (now.version, before.version) == (versions[0].version, versions[1].version)
    aliases = tracking.aliases("cilrs")
    assert (aliases[CHAMPION], aliases[PREVIOUS]) == (versions[0].version, versions[1].version)


def test_a_form_that_cannot_be_is_refused_in_one_sentence(home: Settings, run) -> None:  # type: ignore[no-untyped-def]
    for form, says in (
        ({"release": "none"}, "there is no release 'none'"),
        ({"release": "r1", "preset": "best"}, "preset is 'best'"),
        ({"release": "r1", "preset": "demo", "lr": -1.0}, "lr is -1.0"),
        ({"release": "r1", "initial_weights": "nobody"}, "there is no training run 'nobody'"),
    ):
        with pytest.raises(JobFailedError, match=says):
            run("train", "refused", {"checkpoints": form})


def test_what_mlflow_missed_is_told_when_it_is_back(
    home: Settings, driven: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    from resources.tracking import Tracking
    from scalediff_assets.checkpoints.record import deliver_training
    from scalediff_assets.tracking_outbox import deliver_or_owe, deliver_owed, owed

    connections = resources_for(home)["connections"]
    away = Tracking(uri="http://127.0.0.1:9", artifacts_url="x", dagster_url="y")
    assert (
        deliver_or_owe("training", "a", deliver_training, connections, away, {"dagster.run_id": "r"}) is None
    )
    assert owed(connections) == [("training", "a")]
    back = Tracking(
        uri=f"sqlite:///{home.home}/back/mlflow.db", artifacts_url=str(home.home / "back"), dagster_url="y"
    )
    assert deliver_owed({"training": deliver_training}, connections, back) == (1, 0)
    assert owed(connections) == []
    client = MlflowClient(tracking_uri=back.uri)
    run = client.get_run(back.run_for("train/a", experiment="cilrs", name="a"))
    assert "train/loss" in run.data.metrics and run.data.tags["dagster.run_id"] == "r"
    assert back.aliases("cilrs") == {"challenger": 1}


def test_releases_can_be_listed_and_shown(home: Settings) -> None:
    from scalediff_assets.cli import app

    listed = CliRunner().invoke(app, ["release", "list", "--home", str(home.home)])
    assert listed.exit_code == 0 and "r1" in listed.stdout
