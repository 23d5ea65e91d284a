"""What MLflow is told of a video model, made from what its jobs left, so that it can be told at any time.

A version is registered when it is whole: checkpoint, training configuration, evaluation report and the
100 clips of fixed seeds. Its number is the tag `semver`: aliases may hold no dots.
"""

import json
from collections.abc import Iterator
from typing import Any

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from resources.tracking import DatasetInput, Record, Tracking
from scalediff_assets.driving_clips.tables import read_manifest
from scalediff_assets.video_models.launch import FOLDER
from scalediff_assets.video_models.versions import SEMVER_TAG, Artefacts, require_whole
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.jobs import RESULT, SPEC
from scalediff_contract.video_evaluation import EvaluateVideoResult
from scalediff_contract.video_training import TrainVideoResult, TrainVideoSpec

EXPERIMENT = "video_models"
MODEL = "video_models"
RUN_TAG = "training_run"
_EVALUATION = "evaluation"


def model_key(training_run: str) -> str:
    """The key of the MLflow run of a training run."""
    return f"video/{training_run}"


def read_training(connections: Connections, training_run: str) -> tuple[TrainVideoSpec, TrainVideoResult]:
    """Spec and result that the training left.

    Raises:
        ObjectMissingError: The training run has no result.
    """
    models = connections.models()
    spec = SPEC.validate_json(models.get(f"{FOLDER}/{training_run}/spec.json"))
    result = RESULT.validate_json(models.get(f"{FOLDER}/{training_run}/result.json"))
    assert isinstance(spec, TrainVideoSpec)  # noqa: S101 -- the folder holds trainings only
    assert isinstance(result, TrainVideoResult)  # noqa: S101
    return spec, result


def read_evaluation(connections: Connections, training_run: str) -> EvaluateVideoResult:
    """The report that the evaluation left.

    Raises:
        ObjectMissingError: The training run was not evaluated.
    """
    content = connections.models().get(f"{FOLDER}/{training_run}/{_EVALUATION}/result.json")
    result = RESULT.validate_json(content)
    assert isinstance(result, EvaluateVideoResult)  # noqa: S101 -- the folder holds evaluations only
    return result


def artefacts_of(connections: Connections, training_run: str) -> Artefacts:
    """What a version consists of, as it lies in the store."""
    models, start = connections.models(), f"{FOLDER}/{training_run}"

    def there(key: str) -> str | None:
        return f"{models.url}/{key}" if models.head(key) is not None else None

    try:
        samples = json.loads(models.get(f"{start}/{_EVALUATION}/samples/index.json"))
    except ObjectMissingError:
        samples = []
    kept = {
        info.key.removeprefix(f"{start}/{_EVALUATION}/") for info in models.list(f"{start}/{_EVALUATION}/")
    }
    return Artefacts(
        checkpoint=there(f"{start}/latest.json"),
        train_config=there(f"{start}/spec.json"),
        evaluation=there(f"{start}/{_EVALUATION}/report.json"),
        sample_seeds=tuple(sample["seed"] for sample in samples if sample["key"] in kept),
    )


def deliver_model(
    connections: Connections, tracking: Tracking, training_run: str, tags: dict[str, str]
) -> int:
    """Record a whole model and register it; telling it twice changes nothing.

    Returns:
        Its number in the registry.

    Raises:
        ArtefactsMissingError: It is not whole.
        TrackingUnavailableError: MLflow does not answer; call again later.
    """
    spec, result = read_training(connections, training_run)
    require_whole(result.version, artefacts_of(connections, training_run))
    report = read_evaluation(connections, training_run)
    run_id = tracking.run_for(model_key(training_run), experiment=EXPERIMENT, name=training_run)
    tracking.record(run_id, _record(connections, spec, result, report, tags))
    about = {
        SEMVER_TAG: result.version,
        RUN_TAG: training_run,
        "manifest_hash": spec.clips.content_hash,
        "weights_sha256": result.weights_sha256 or "",
    }
    url = f"{spec.output_url}/{result.checkpoint}"
    return tracking.register(MODEL, model_uri=url, run_id=run_id, tags=about)


def _record(
    connections: Connections,
    spec: TrainVideoSpec,
    result: TrainVideoResult,
    report: EvaluateVideoResult,
    tags: dict[str, str],
) -> Record:
    models, start = connections.models(), f"{FOLDER}/{spec.training_run}"
    spool = [json.loads(line) for line in models.get(f"{start}/{result.spool}").splitlines() if line]
    card = models.get(f"{start}/{_EVALUATION}/model_card.md").decode()
    return Record(
        params=_params(spec, result),
        metrics=_metrics(result, report),
        tags={"scalediff.version": result.version, "scalediff.status": result.status, **tags},
        texts={
            "config/spec.json": spec.model_dump_json(indent=1),
            "config/result.json": result.model_dump_json(indent=1),
            "evaluation/report.json": report.model_dump_json(indent=1),
            "evaluation/model_card.md": card,
        },
        inputs=_inputs(connections, spec),
        spool=spool,
    )


def _params(spec: TrainVideoSpec, result: TrainVideoResult) -> dict[str, Any]:
    architecture = {f"architecture.{k}": v for k, v in spec.architecture.model_dump().items()}
    recipe = {f"recipe.{k}": v for k, v in spec.recipe.model_dump().items()}
    return {"version": result.version, "device": result.device} | architecture | recipe


def _metrics(result: TrainVideoResult, report: EvaluateVideoResult) -> dict[str, float]:
    values = {"train/seconds": result.seconds, "train/steps_per_s_mean": result.steps_per_s}
    for arm in report.arms:
        for figure in arm.frechet:
            name = f"eval/{arm.arm}/fvd/{figure.extractor}/n{figure.n}"
            values |= {name: figure.value, f"{name}/of_noise": figure.of_noise}
        values[f"eval/{arm.arm}/tcs_flow_error"] = arm.tcs_flow_error
        values[f"eval/{arm.arm}/memorised_share"] = arm.memorised_share
    values |= {f"latency/{stage}": seconds for stage, seconds in report.latency_s.items()}
    return values | {"eval/condition_gap": report.gap}


def _inputs(connections: Connections, spec: TrainVideoSpec) -> list[DatasetInput]:
    name = spec.clips.url.rpartition("/")[2]
    manifest = read_manifest(connections, name)
    source = json.dumps({"uri": f"{spec.clips.url}/{spec.clips.key}"})
    return [
        DatasetInput(
            name=name,
            digest=spec.clips.content_hash,
            source=source,
            profile=json.dumps({"clips": sum(clip.split == split for clip in manifest.clips)}),
            context=split,
        )
        for split in ("train", "val")
    ]


def place_of_release(connections: Connections, training_release: str) -> ClipsPlace | None:
    """Where the clips lie whose manifest has this hash; None: no training run learnt from them."""
    found = (spec.clips for spec in _trainings(connections) if spec.clips.content_hash == training_release)
    return next(found, None)


def learnt_from(connections: Connections, version: str, training_release: str) -> tuple[ClipsPlace, ...]:
    """All clips that a model may remember: its own release, then those of the models that it started from.

    Args:
        connections: The store of models.
        version: Of the model.
        training_release: Hash of the clips of its last training.

    Returns:
        Each manifest once; none where no training run of this store is known to have learnt from them.
    """
    by_run = {spec.training_run: spec for spec in _trainings(connections)}
    own = [spec for spec in by_run.values() if spec.clips.content_hash == training_release]
    spec = next((each for each in own if each.version == version), own[0] if own else None)
    found: dict[str, ClipsPlace] = {}
    while spec is not None and by_run.pop(spec.training_run, None) is not None:
        found.setdefault(spec.clips.content_hash, spec.clips)
        spec = by_run.get((spec.initial_weights or "").rstrip("/").rpartition("/")[2])
    return tuple(found.values())


def _trainings(connections: Connections) -> Iterator[TrainVideoSpec]:
    models = connections.models()
    for info in models.list(f"{FOLDER}/"):
        if info.key.count("/") == 2 and info.key.endswith("/spec.json"):
            spec = SPEC.validate_json(models.get(info.key))
            if isinstance(spec, TrainVideoSpec):
                yield spec
