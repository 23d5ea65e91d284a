"""Checkpoints: weights and the state of training as safetensors, written atomically.

    {output}/step_00000100/model.safetensors     the weights that drive (averaged, where they are)
    {output}/step_00000100/state.safetensors     raw weights and the optimiser's moments
    {output}/step_00000100/checkpoint.json       what it is, and the hashes of the two; written last
    {output}/latest.json                         the newest folder

A folder counts when its checkpoint.json is there and the hashes agree. No pickle is written or read.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from gpu_services.driving.network import Cilrs
from gpu_services.driving.reference import check_fit
from gpu_services.errors import CheckpointError
from gpu_services.places import Place
from scalediff_contract.driving import Architecture, Camera, Declared, Recipe

_KEEP = 2
_MODEL, _STATE, _CARD = "model.safetensors", "state.safetensors", "checkpoint.json"
LATEST = "latest.json"


class CheckpointCard(Declared):
    """What a checkpoint is.

    Attributes:
        training_run: Name of the training run.
        step: Optimiser steps done.
        architecture: The network.
        recipe: The training.
        pedals: What the agent obeys.
        look_every_s: Simulated time between two pictures that it looks at.
        camera: The camera of its frames.
        release_hash: Of the dataset.
        seconds: Wall time in the loop so far.
        loss: Training loss at that step.
        model_sha256: Of the weights.
        state_sha256: Of the state.
    """

    training_run: str
    step: int
    architecture: Architecture
    recipe: Recipe
    pedals: Literal["model", "speed"]
    look_every_s: float = 0.1
    camera: Camera
    release_hash: str
    seconds: float
    loss: float | None
    model_sha256: str
    state_sha256: str


def save_checkpoint(
    place: Place, card: dict[str, Any], model: dict[str, Tensor], state: dict[str, Tensor]
) -> CheckpointCard:
    """Write one checkpoint and make it the latest; older ones than the last two are removed.

    Args:
        place: The run's output folder.
        card: Fields of `CheckpointCard` without the hashes.
        model: Weights that drive.
        state: Everything that resuming needs.

    Raises:
        NoSpaceError: The disk is full; the checkpoint before stays the latest.
    """
    weights, rest = _bytes(model), _bytes(state)
    whole = CheckpointCard(
        **card,
        model_sha256=hashlib.sha256(weights).hexdigest(),
        state_sha256=hashlib.sha256(rest).hexdigest(),
    )
    folder = f"step_{whole.step:08d}"
    place.write(f"{folder}/{_MODEL}", weights)
    place.write(f"{folder}/{_STATE}", rest)
    place.write(f"{folder}/{_CARD}", whole.model_dump_json(indent=1).encode())
    place.write_json(LATEST, {"folder": folder})
    _remove_old(place)
    return whole


def _bytes(tensors: dict[str, Tensor]) -> bytes:
    return bytes(save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}))


def _remove_old(place: Place) -> None:
    if place.local is None:
        return  # on S3 the bucket's lifecycle rule does it
    for folder in sorted(place.local.glob("step_*"))[:-_KEEP]:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def latest_folder(place: Place) -> str | None:
    """The newest checkpoint's folder, or None."""
    return str(json.loads(place.read(LATEST))["folder"]) if place.exists(LATEST) else None


def read_card(place: Place, folder: str = "") -> CheckpointCard:
    """What a checkpoint is.

    Raises:
        CheckpointError: Where there is no checkpoint, or not one of ours.
    """
    key = f"{folder}/{_CARD}".lstrip("/")
    if not place.exists(key):
        raise CheckpointError(f"{place.url}/{key}", "there is no checkpoint", "name a checkpoint's folder")
    try:
        return CheckpointCard.model_validate_json(place.read(key))
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise CheckpointError(f"{place.url}/{key}", problem, "it was written by another version") from error


def read_weights(place: Place, card: CheckpointCard, folder: str = "") -> dict[str, Tensor]:
    """The weights that drive.

    Raises:
        CheckpointError: Where they are corrupt.
    """
    return _read(place, f"{folder}/{_MODEL}".lstrip("/"), card.model_sha256)


def read_state(place: Place, card: CheckpointCard, folder: str) -> dict[str, Tensor]:
    """What resuming needs.

    Raises:
        CheckpointError: Where it is corrupt.
    """
    return _read(place, f"{folder}/{_STATE}", card.state_sha256)


def _read(place: Place, key: str, sha256: str) -> dict[str, Tensor]:
    content = place.read(key)
    name = f"{place.url}/{key}"
    if hashlib.sha256(content).hexdigest() != sha256:
        raise CheckpointError(
            name, "its hash is not the card's, so it is corrupt", "use the checkpoint before"
        )
    try:
        return dict(load(content))
    except SafetensorError as error:
        raise CheckpointError(name, f"it is no safetensors file ({error})", "use another") from error


def load_model(folder: str | Path, device: torch.device | None = None) -> tuple[Cilrs, CheckpointCard]:
    """The model of a checkpoint folder, ready to drive.

    Raises:
        CheckpointError: For a folder without one, or weights that do not fit.
    """
    place = Place(str(folder))
    card = read_card(place)
    weights = read_weights(place, card)
    model = Cilrs(card.architecture)
    check_fit(model, weights, name=str(folder))
    model.load_state_dict(weights)
    return model.to(device or torch.device("cpu")).eval(), card
