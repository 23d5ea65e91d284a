"""The asset `checkpoints`."""

from typing import Any

import dagster as dg

from resources.connections import Connections
from resources.driving import DrivingPlaces
from resources.jobs import JobLauncher
from resources.tracking import Tracking, TrackingUnavailableError
from scalediff_assets.checkpoints.launch import FOLDER, TrainingConfig, train_spec
from scalediff_assets.checkpoints.record import EXPERIMENT, deliver_training, training_key
from scalediff_assets.checkpoints.skill import skill
from scalediff_assets.hours import column_schema
from scalediff_assets.model_schemas import CHECKPOINTS, OFFLINE_METRICS, Checkpoint
from scalediff_assets.partitions import TRAINING_RUNS
from scalediff_assets.tracking_outbox import deliver_or_owe
from scalediff_contract.jobs import TrackingTarget, TrainResult, TrainSpec

OWNERS = ("team:models",)
KIND = "training"


@dg.asset(
    partitions_def=TRAINING_RUNS,
    deps=[dg.AssetDep("dataset_releases", partition_mapping=dg.AllPartitionMapping())],
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    pool="gpu",
    group_name="models",
    kinds={"pytorch", "mlflow"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(CHECKPOINTS, OFFLINE_METRICS)},
)
def checkpoints(
    context: dg.AssetExecutionContext,
    config: TrainingConfig,
    connections: Connections,
    jobs: JobLauncher,
    driving: DrivingPlaces,
    tracking: Tracking,
) -> dg.Output[dict[str, Checkpoint]]:
    """A trained CILRS model: weights, errors on held-out players, and its MLflow run.

    The partition is the training run; its launch form names a release and a preset. A run that was
    killed goes on from its last checkpoint when the partition is run again. The model is registered
    as the challenger, unless it knows less than both rules that know nothing.
    """
    training_run = context.partition_key
    target = _target(tracking, training_run)
    spec = train_spec(training_run, config, connections, driving, target)
    result = jobs.run(context, spec)
    assert isinstance(result, TrainResult)  # noqa: S101 -- of a TrainSpec
    tags = dagster_tags(context, tracking, "checkpoints")
    version = deliver_or_owe(KIND, training_run, deliver_training, connections, tracking, tags)
    tables = checkpoint_tables(spec, result, config.release)
    report = _report(spec, result, connections) | mlflow_links(tracking, target, version)
    context.add_asset_metadata(report, partition_key=training_run)
    context.log.info("trained run=%s status=%s step=%d", training_run, result.status, result.step)
    # A step that started a job over Pipes must return an event.
    return dg.Output({training_run: tables})


def _target(tracking: Tracking, training_run: str) -> TrackingTarget:
    """The MLflow run that the job streams to; without one it writes its spool only."""
    try:
        run_id = tracking.run_for(training_key(training_run), experiment=EXPERIMENT, name=training_run)
    except TrackingUnavailableError:
        return TrackingTarget(uri=tracking.uri)
    return TrackingTarget(uri=tracking.uri, run_id=run_id)


def dagster_tags(context: dg.AssetExecutionContext, tracking: Tracking, asset: str) -> dict[str, str]:
    """Where in Dagster a thing was made."""
    return {
        "dagster.run_id": context.run.run_id,
        "dagster.asset": asset,
        "dagster.partition": context.partition_key,
        "dagster.url": f"{tracking.dagster_url}/runs/{context.run.run_id}",
    }


def mlflow_links(tracking: Tracking, target: TrackingTarget, version: object | None) -> dict[str, Any]:
    """Where in MLflow it can be seen, or that it is owed."""
    if version is None:
        return {"mlflow": "pending: MLflow did not answer; it is told as soon as it does"}
    links: dict[str, Any] = {"mlflow": "recorded", "mlflow_run_id": target.run_id or ""}
    if isinstance(version, int):
        links["model_version"] = version
    if tracking.uri.startswith("http"):
        links["mlflow_run"] = dg.MetadataValue.url(f"{tracking.uri}/#/experiments/0/runs/{target.run_id}")
    return links


def checkpoint_tables(spec: TrainSpec, result: TrainResult, release: str) -> Checkpoint:
    """The stage's tables."""
    run = {
        "training_run": spec.training_run,
        "preset": spec.preset,
        "release": release,
        "release_hash": spec.release_hash,
        "status": result.status,
        "detail": result.detail,
        "step": result.step,
        "seed": spec.recipe.seed,
        "folder_key": f"{FOLDER}/{spec.training_run}/{result.checkpoint}",
        "weights_sha256": result.weights_sha256,
        "seconds": result.seconds,
        "samples_per_s": result.samples_per_s,
        "data_wait_share": result.data_wait_share,
        "device": result.device,
        "train_frames": result.frames["train"],
        "val_frames": result.frames["val"],
        "loss": result.loss,
    }
    offline = [
        {
            "training_run": spec.training_run,
            "control": m.control,
            "slice": m.slice,
            "frames": m.n,
            "mae": m.mae,
            "mae_median": m.mae_median,
            "mae_previous": m.mae_previous,
            "skill_median": skill(m.mae, m.mae_median),
            "skill_previous": skill(m.mae, m.mae_previous),
        }
        for m in result.offline
    ]
    return Checkpoint(
        runs=CHECKPOINTS.frame([run]),
        offline=OFFLINE_METRICS.frame(offline).sort("training_run", "control", "slice"),
    )


def _report(spec: TrainSpec, result: TrainResult, connections: Connections) -> dict[str, Any]:
    import json

    from scalediff_assets.checkpoints import plots
    from scalediff_assets.pictures import markdown_picture

    spool = connections.models().get(f"{FOLDER}/{spec.training_run}/{result.spool}").splitlines()
    rows = [json.loads(line) for line in spool if line]
    return {
        "dagster/data_version_hash": result.weights_sha256,
        "status": f"{result.status} {result.detail}".strip(),
        "step": result.step,
        "device": result.device,
        "samples_per_s": result.samples_per_s,
        "data_wait_share": result.data_wait_share,
        "resumed_from_step": result.resumed_from_step,
        "curves": markdown_picture(plots.curves(rows), "image/png", "learning curves"),
        "errors": markdown_picture(plots.errors(result.offline), "image/png", "errors"),
        "release": spec.release_key,
    }
