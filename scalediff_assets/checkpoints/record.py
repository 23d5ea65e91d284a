"""What MLflow is told of a training run; made from what the job left, so it can be told at any time.

Everything here reads the run's folder in the store of models (`spec.json`, `result.json`, the spool,
the predictions, the checkpoint), never the Dagster run: where MLflow was away, `deliver` is called
again later and changes nothing that is there already.
"""

import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from resources.connections import Connections
from resources.object_store import ObjectMissingError, ObjectStore
from resources.tracking import DatasetInput, LoggedModel, Record, Tracking
from scalediff_assets.checkpoints import plots
from scalediff_assets.checkpoints.launch import FOLDER
from scalediff_assets.checkpoints.skill import skill, worse_than_rules
from scalediff_contract.driving import COMMANDS
from scalediff_contract.jobs import RESULT, SPEC, TrainResult, TrainSpec
from scalediff_contract.releases import ReleaseManifest

EXPERIMENT = "cilrs"
MODEL = "cilrs"
CHALLENGER = "challenger"
_REQUIREMENTS = ("torch==2.13.0", "safetensors", "numpy", "opencv-python-headless", "scalediff")


def training_key(training_run: str) -> str:
    """The key of the MLflow run of a training run."""
    return f"train/{training_run}"


def deliver_training(
    connections: Connections, tracking: Tracking, training_run: str, tags: dict[str, str]
) -> int:
    """Record a training run and register its checkpoint as the challenger.

    Args:
        connections: The store of models.
        tracking: MLflow.
        training_run: Which.
        tags: Facts of the Dagster run.

    Returns:
        The model's version in the registry.

    Raises:
        TrackingUnavailableError: MLflow does not answer; call again later.
    """
    spec, result = read_training(connections.models(), training_run)
    key = training_key(training_run)
    run_id = tracking.run_for(key, experiment=EXPERIMENT, name=training_run)
    with _record(connections, spec, result, tags) as record:
        model_uri = tracking.record(run_id, record)
    known = {version.run_id for version in tracking.versions(MODEL)}
    about = {"training_run": training_run, "preset": spec.preset, "release_hash": spec.release_hash}
    version = tracking.register(MODEL, model_uri=str(model_uri), run_id=run_id, tags=about)
    if run_id not in known and worse_than_rules(result.offline) is None:
        tracking.set_aliases(MODEL, {CHALLENGER: version})
    return version


def read_training(models: ObjectStore, training_run: str) -> tuple[TrainSpec, TrainResult]:
    """The spec and the result that the job left.

    Raises:
        ObjectMissingError: The training run has no result.
    """
    spec = SPEC.validate_json(models.get(f"{FOLDER}/{training_run}/spec.json"))
    result = RESULT.validate_json(models.get(f"{FOLDER}/{training_run}/result.json"))
    assert isinstance(spec, TrainSpec)  # noqa: S101 -- the folder holds trainings only
    assert isinstance(result, TrainResult)  # noqa: S101
    return spec, result


def offline_scores(result: TrainResult) -> Iterator[tuple[str, float]]:
    """Errors, and skill against both rules, as MLflow metrics."""
    for m in result.offline:
        slice_ = m.slice.replace("=", "/")
        yield f"offline/{m.control}/{slice_}/mae", m.mae
        for name, rule in (("median", m.mae_median), ("previous", m.mae_previous)):
            value = skill(m.mae, rule)
            if value is not None:
                yield f"offline/{m.control}/{slice_}/skill_vs_{name}", value


@contextmanager
def _record(
    connections: Connections, spec: TrainSpec, result: TrainResult, tags: dict[str, str]
) -> Iterator[Record]:
    models, prefix = connections.models(), f"{FOLDER}/{spec.training_run}"
    spool = [json.loads(line) for line in models.get(f"{prefix}/{result.spool}").splitlines() if line]
    predictions = pl.read_parquet(io.BytesIO(models.get(f"{prefix}/predictions.parquet")))
    release = ReleaseManifest.model_validate_json(connections.clean().get(spec.release_key))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        checkpoint = folder / "checkpoint"
        checkpoint.mkdir()
        for name in ("model.safetensors", "checkpoint.json"):
            (checkpoint / name).write_bytes(models.get(f"{prefix}/{result.checkpoint}/{name}"))
        pictures = {
            "curves.png": plots.curves(spool),
            "errors.png": plots.errors(result.offline),
            "scatter.png": plots.scatter(predictions),
        }
        for name, content in pictures.items():
            (folder / name).write_bytes(content)
        files = {"plots": [folder / name for name in pictures]}
        exported = _exported(models, f"{prefix}/model.pt2", folder)
        if exported is not None:
            files["model"] = [exported]
        yield Record(
            params=_params(spec, result),
            metrics=_summary(result) | dict(offline_scores(result)),
            tags=_tags(spec, result, release) | tags,
            files=files,
            texts={
                "config/spec.json": spec.model_dump_json(indent=1),
                "config/result.json": result.model_dump_json(indent=1),
                "dataset/manifest.json": release.model_dump_json(indent=1),
                "model_card.md": model_card(spec, result, release),
            },
            inputs=_inputs(spec, release),
            spool=spool,
            model=_model(checkpoint),
        )


def _exported(models: ObjectStore, key: str, folder: Path) -> Path | None:
    """The torch.export program, where the job made one."""
    try:
        content = models.get(key)
    except ObjectMissingError:
        return None
    (folder / "model.pt2").write_bytes(content)
    return folder / "model.pt2"


def _params(spec: TrainSpec, result: TrainResult) -> dict[str, Any]:
    architecture = {f"architecture.{k}": v for k, v in spec.architecture.model_dump().items()}
    recipe = {f"recipe.{k}": v for k, v in spec.recipe.model_dump().items()}
    chosen = {
        "preset": spec.preset,
        "pedals": spec.pedals,
        "look_every_s": spec.look_every_s,
        "release": Path(spec.release_key).parent.name,
    }
    return chosen | {"device": result.device} | architecture | recipe


def _summary(result: TrainResult) -> dict[str, float]:
    values = {
        "train/seconds": result.seconds,
        "train/samples_per_s_mean": result.samples_per_s,
        "train/data_wait_share_mean": result.data_wait_share,
        "frames/train": float(result.frames["train"]),
        "frames/val": float(result.frames["val"]),
    }
    return values | ({"train/final_loss": result.loss} if result.loss is not None else {})


def _tags(spec: TrainSpec, result: TrainResult, release: ReleaseManifest) -> dict[str, str]:
    return {
        "scalediff.training_run": spec.training_run,
        "scalediff.status": result.status,
        "scalediff.detail": result.detail,
        "scalediff.release_hash": spec.release_hash,
        "scalediff.weights_sha256": result.weights_sha256 or "",
        "scalediff.contributors": str(len({segment.wallet for segment in release.segments})),
    }


def _inputs(spec: TrainSpec, release: ReleaseManifest) -> list[DatasetInput]:
    found = []
    for split in ("train", "val"):
        own = [segment for segment in release.segments if segment.split == split]
        profile = {
            "segments": len(own),
            "frames": sum(segment.rows for segment in own),
            "sessions": len({segment.session_id for segment in own}),
            "players": len({segment.wallet for segment in own}),
            "frames_by_command_of_both_splits": release.frames_by_command,
        }
        found.append(
            DatasetInput(
                name=release.name,
                digest=release.content_hash,
                source=json.dumps({"uri": f"{spec.clean_url}/{spec.release_key}"}),
                profile=json.dumps(profile),
                context=split,
            )
        )
    return found


def _model(checkpoint: Path) -> LoggedModel:
    import numpy as np

    example = {
        "image": np.full((1, 256, 256, 3), 128, np.uint8),
        "speed_mps": np.array([5.0], np.float32),
        "command": np.array([4], np.int64),
    }
    numbers = ("float32", (-1,))
    return LoggedModel(
        name="model",
        loader_module="gpu_services.driving.pyfunc",
        data=checkpoint,
        inputs={"image": ("uint8", (-1, 256, 256, 3)), "speed_mps": numbers, "command": ("int64", (-1,))},
        outputs=dict.fromkeys(("steer", "throttle", "brake", "speed_mps"), numbers),
        example=example,
        requirements=_REQUIREMENTS,
    )


def model_card(spec: TrainSpec, result: TrainResult, release: ReleaseManifest) -> str:
    """The model card, as Markdown."""
    learnt, held_out = result.frames["train"], result.frames["val"]
    lines = [
        f"# {spec.training_run}",
        "",
        f"CILRS, preset `{spec.preset}`, trained on release `{release.name}` "
        f"({release.content_hash[:16]}): {learnt:,} frames, {held_out:,} held out "
        f"of other {release.split_by}s.",
        "",
        f"Sees one camera of {spec.camera.width_px}x{spec.camera.height_px} at {spec.camera.height_m} m, "
        f"and the navigation command ({', '.join(COMMANDS)}).",
        "",
        "| control | slice | frames | MAE | median's | frame before's |",
        "|---|---|---|---|---|---|",
    ]
    for m in result.offline:
        previous = "" if m.mae_previous is None else f"{m.mae_previous:.4f}"
        lines.append(f"| {m.control} | {m.slice} | {m.n} | {m.mae:.4f} | {m.mae_median:.4f} | {previous} |")
    lines += ["", "Errors on recorded frames do not predict driving; see the evaluation runs.", ""]
    return "\n".join(lines)
