"""The launch forms of video models: a set of clips, a preset and what is changed; become jobs' specs.

VideoLaunchError(ValueError)   a form that cannot be
"""

import json
from collections.abc import Collection
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from scalediff_assets.code_version import generation_code_version
from scalediff_assets.driving_clips.tables import clips_place
from scalediff_assets.video_models.versions import Version, VersionError, number_for
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import EvaluateVideoSpec
from scalediff_contract.video_models import (
    VIDEO_PRESETS,
    VideoDiffusionTrainConfig,
    VideoPreset,
    VideoPresetName,
)
from scalediff_contract.video_training import SmokeVideoSpec, TrainVideoSpec

FOLDER = "video_models"
PURGED = "purged_ms"
_CHANGES = ("architecture", "retrain", "inference")


class VideoLaunchError(ValueError):
    """A training or evaluation that cannot be started; names the field and the mend."""


class VideoTrainingConfig(dg.Config):
    """A training run."""

    clip_set: str = Field(
        default="demo", description="Set of clips to learn from: a partition of driving_clips."
    )
    preset: str = Field(default="demo", description=f"{', '.join(VIDEO_PRESETS)}; demo fits a CPU.")
    change: str = Field(default="retrain", description=f"{', '.join(_CHANGES)}: decides the version number.")
    base: str | None = Field(default=None, description="Version that it is made from; None: the newest.")
    initial: str | None = Field(default=None, description="Training run whose weights it starts from.")
    trainable: str = Field(default="all", description="all, or temporal: fine-tuning after drift.")
    seed: int = Field(default=0, ge=0, description="Of weights, batches and noise.")
    steps: int | None = Field(default=None, description="Optimiser steps, instead of the preset's.")
    batch: int | None = Field(default=None, description="Clips of a step, instead of the preset's.")
    lr: float | None = Field(default=None, description="Learning rate, instead of the preset's.")


class SmallTrainingConfig(dg.Config):
    """The cheap gate before the full training."""

    clip_set: str = Field(default="demo", description="A few of its clips are used.")
    skip: bool = Field(default=False, description="For new data under unchanged code.")
    steps: int = Field(default=150, ge=1, description="Optimiser steps of the tiny network.")
    drill: str = Field(default="none", description="flipped_loss: break the loss, to see that this stops it.")


class VideoEvaluationConfig(dg.Config):
    """How a model is held against real clips."""

    n: int = Field(default=256, ge=4, description="Clips of every arm; distances under 256 are indicative.")
    seeds: list[int] = Field(default=[0, 1, 2], description="Sampling runs.")
    steps: int = Field(default=50, ge=1, description="Denoising steps.")
    guidance: float = Field(default=4.0, ge=0, description="Weight of the prompt.")
    extractors: list[str] = Field(default=["random3d-v1"], description="Whose features distances are of.")
    clip_model_url: str | None = Field(default=None, description="CLIP's folder; None: no text scores.")
    baseline_steps: int | None = Field(default=None, description="Of the frame-independent baseline.")
    fixed_samples: int = Field(
        default=100, ge=0, description="Clips of fixed seeds kept; a release needs 100."
    )


def small_training_spec(
    training_run: str, config: SmallTrainingConfig, connections: Connections
) -> SmokeVideoSpec:
    """The small training's spec.

    Raises:
        VideoLaunchError: For an unknown drill.
    """
    url = f"{connections.models().url}/{FOLDER}/{training_run}/small"
    values = {"clips": clips_place(connections, config.clip_set), "output_url": url}
    try:
        return SmokeVideoSpec.model_validate({**values, "steps": config.steps, "drill": config.drill})
    except ValidationError as error:
        raise _refused(error) from error


def training_spec(
    training_run: str,
    config: VideoTrainingConfig,
    connections: Connections,
    target: TrackingTarget,
    taken: Collection[str],
) -> TrainVideoSpec:
    """The spec of a training run; a run that is started again keeps its version, to go on.

    Raises:
        VideoLaunchError: For a form that cannot be.
        VersionError: The number is taken, or the training run was purged.
    """
    preset = _preset(config)
    return TrainVideoSpec(
        training_run=training_run,
        version=_version(training_run, config, connections, taken),
        architecture=preset.architecture,
        recipe=preset.recipe,
        clips=clips_place(connections, config.clip_set),
        output_url=f"{connections.models().url}/{FOLDER}/{training_run}",
        initial_weights=_initial(config.initial, connections),
        tracking=target,
    )


def evaluation_spec(
    training_run: str,
    checkpoint_url: str,
    clip_set: str,
    config: VideoEvaluationConfig,
    connections: Connections,
    target: TrackingTarget,
) -> EvaluateVideoSpec:
    """The spec of an evaluation.

    Raises:
        VideoLaunchError: For a value out of range.
    """
    form = config.model_dump() | {"seeds": tuple(config.seeds), "extractors": tuple(config.extractors)}
    try:
        return EvaluateVideoSpec(
            checkpoint_url=checkpoint_url,
            clips=clips_place(connections, clip_set),
            output_url=f"{connections.models().url}/{FOLDER}/{training_run}/evaluation",
            tracking=target,
            **form,
        )
    except ValidationError as error:
        raise _refused(error) from error


def _preset(config: VideoTrainingConfig) -> VideoPreset:
    if config.preset not in VIDEO_PRESETS:
        raise VideoLaunchError(f"preset is {config.preset!r}; it must be one of {', '.join(VIDEO_PRESETS)}")
    name: VideoPresetName = config.preset
    preset = VIDEO_PRESETS[name]
    changes = {k: v for k in ("seed", "steps", "batch", "lr") if (v := getattr(config, k)) is not None}
    changes["trainable"] = config.trainable
    try:
        recipe = VideoDiffusionTrainConfig.model_validate(preset.recipe.model_dump() | changes)
    except ValidationError as error:
        raise _refused(error) from error
    return preset.model_copy(update={"recipe": recipe})


def _version(
    training_run: str, config: VideoTrainingConfig, connections: Connections, taken: Collection[str]
) -> str:
    stored = read_note(training_run, connections)
    if stored is not None:
        if PURGED in stored:
            raise VersionError(f"{training_run} ({stored['version']}) was purged; train under a new name")
        return str(stored["version"])
    if config.change not in _CHANGES:
        raise VideoLaunchError(f"change is {config.change!r}; it must be one of {', '.join(_CHANGES)}")
    newest = str(max(map(Version.parse, taken))) if taken else None
    version = str(number_for(config.base or newest, config.change, taken))  # type: ignore[arg-type]
    note = {
        "version": version,
        "base": config.base or newest,
        "code": generation_code_version(),
        "form": config.model_dump(),
    }
    connections.models().put(version_key(training_run), json.dumps(note).encode())
    return version


def base_of(training_run: str, connections: Connections) -> str | None:
    """The version that a training run was numbered after."""
    base: str | None = json.loads(connections.models().get(version_key(training_run)))["base"]
    return base


def read_note(training_run: str, connections: Connections) -> dict[str, Any] | None:
    """Number, base, code and launch form that a training run began with; None where it never began."""
    try:
        note: dict[str, Any] = json.loads(connections.models().get(version_key(training_run)))
    except ObjectMissingError:
        return None
    return note


def version_key(training_run: str) -> str:
    """Where a training run's number is noted, for good: a purged number is not given again."""
    return f"{FOLDER}/{training_run}/version.json"


def taken_versions(connections: Connections) -> set[str]:
    """Numbers that training runs hold, registered or not."""
    return {str(note["version"]) for note in read_notes(connections)}


def read_notes(connections: Connections) -> list[dict[str, Any]]:
    """The notes of all training runs."""
    models = connections.models()
    keys = [info.key for info in models.list(f"{FOLDER}/") if info.key.endswith("/version.json")]
    return [json.loads(models.get(key)) for key in keys]


def _initial(source: str | None, connections: Connections) -> str | None:
    """The newest checkpoint of another training run."""
    if source is None:
        return None
    if connections.models().head(f"{FOLDER}/{source}/latest.json") is None:
        raise VideoLaunchError(f"initial: there is no training run {source!r}; name one of video_models")
    return f"{connections.models().url}/{FOLDER}/{source}"


def _refused(error: ValidationError) -> VideoLaunchError:
    first = error.errors()[0]
    return VideoLaunchError(f"{'.'.join(map(str, first['loc']))} is {first['input']}: {first['msg']}")
