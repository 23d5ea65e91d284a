"""The launch form: which release, which preset, and what is changed about it; becomes a job's spec."""

import dagster as dg
from pydantic import Field, ValidationError

from resources.connections import Connections
from resources.driving import DrivingPlaces
from resources.object_store import ObjectMissingError
from scalediff_assets.dataset_releases.assets import manifest_key, read_release
from scalediff_contract.driving import PRESETS, Preset, PresetName, Recipe
from scalediff_contract.jobs import TrackingTarget, TrainSpec

FOLDER = "checkpoints"


class LaunchError(ValueError):
    """A training run that cannot be started; the message names the field and the mend."""


class TrainingConfig(dg.Config):
    """A training run."""

    release: str = Field(description="Dataset release to learn from; `scalediff release list` names them.")
    preset: str = Field(
        default="default",
        description=f"{', '.join(PRESETS)}. seed_compat and cilrs_2019 are published; demo fits a CPU.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of weights, samples, dropout and augmentation.")
    steps: int | None = Field(default=None, description="Optimiser steps, instead of the preset's.")
    batch: int | None = Field(default=None, description="Samples of a step, instead of the preset's.")
    lr: float | None = Field(default=None, description="Peak learning rate, instead of the preset's.")
    initial_weights: str | None = Field(
        default=None, description="Start from a training run's name, or a .pth in the reference's format."
    )


def preset_of(config: TrainingConfig) -> tuple[PresetName, Preset]:
    """The preset with the form's changes.

    Raises:
        LaunchError: For an unknown preset or a value out of range.
    """
    if config.preset not in PRESETS:
        raise LaunchError(f"preset is {config.preset!r}; it must be one of {', '.join(PRESETS)}")
    name: PresetName = config.preset
    preset = PRESETS[name]
    changes = {k: v for k in ("seed", "steps", "batch", "lr") if (v := getattr(config, k)) is not None}
    try:
        recipe = Recipe.model_validate(preset.recipe.model_dump() | changes)
    except ValidationError as error:
        first = error.errors()[0]
        raise LaunchError(f"{first['loc'][0]} is {first['input']}: {first['msg']}") from error
    return name, preset.model_copy(update={"recipe": recipe})


def train_spec(
    training_run: str,
    config: TrainingConfig,
    connections: Connections,
    places: DrivingPlaces,
    target: TrackingTarget,
) -> TrainSpec:
    """The spec of a training run.

    Raises:
        LaunchError: For a release that does not exist, or a form that cannot be.
    """
    name, preset = preset_of(config)
    try:
        release = read_release(connections, config.release)
    except ObjectMissingError as error:
        mend = "make it with `scalediff release create`, or name one of `scalediff release list`"
        raise LaunchError(f"there is no release {config.release!r}; {mend}") from error
    return TrainSpec(
        training_run=training_run,
        preset=name,
        architecture=preset.architecture,
        recipe=preset.recipe,
        pedals=preset.pedals,
        look_every_s=preset.look_every_s,
        clean_url=connections.clean().url,
        release_key=manifest_key(config.release),
        release_hash=release.content_hash,
        output_url=f"{connections.models().url}/{FOLDER}/{training_run}",
        cache_dir=places.cache_dir,
        initial_weights=_initial(config.initial_weights, connections),
        tracking=target,
    )


def _initial(source: str | None, connections: Connections) -> str | None:
    """A .pth file as it is; a training run's name as the folder of its newest checkpoint."""
    if source is None or source.endswith(".pth"):
        return source
    import json

    models = connections.models()
    try:
        latest = json.loads(models.get(f"{FOLDER}/{source}/latest.json"))
    except ObjectMissingError as error:
        raise LaunchError(f"initial_weights: there is no training run {source!r}") from error
    return f"{models.url}/{FOLDER}/{source}/{latest['folder']}"
