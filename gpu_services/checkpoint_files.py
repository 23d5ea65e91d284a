"""Checkpoints of any model: weights and the state of training as safetensors, written atomically.

    {output}/step_00000100/model.safetensors     the weights that are used (averaged, where they are)
    {output}/step_00000100/state.safetensors     raw weights and the optimiser's moments
    {output}/step_00000100/checkpoint.json       what it is, and the hashes of the two; written last
    {output}/latest.json                         the newest folder

A folder counts when its checkpoint.json is there and the hashes agree. No pickle is written or read.
"""

import hashlib
import json
from typing import Any, TypeVar

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from gpu_services.errors import CheckpointError
from gpu_services.places import Place
from scalediff_contract.driving import Declared

_KEEP = 2
MODEL, STATE, CARD = "model.safetensors", "state.safetensors", "checkpoint.json"
LATEST = "latest.json"


class Card(Declared):
    """What every checkpoint says of itself.

    Attributes:
        training_run: Name of the training run.
        step: Optimiser steps done.
        seconds: Wall time in the loop so far.
        loss: Training loss at that step.
        model_sha256: Of the weights.
        state_sha256: Of the state.
    """

    training_run: str
    step: int
    seconds: float
    loss: float | None
    model_sha256: str
    state_sha256: str

    @property
    def folder(self) -> str:
        """Its folder under the run's output."""
        return f"step_{self.step:08d}"


_Card = TypeVar("_Card", bound=Card)


def write_checkpoint(
    place: Place,
    kind: type[_Card],
    fields: dict[str, Any],
    model: dict[str, Tensor],
    state: dict[str, Tensor],
) -> _Card:
    """Write one checkpoint and make it the latest; older ones than the last two are removed.

    Args:
        place: The run's output folder.
        kind: Of the card.
        fields: Of the card, without the hashes.
        model: Weights that are used.
        state: Everything that resuming needs.

    Raises:
        NoSpaceError: The disk is full; the checkpoint before stays the latest.
    """
    weights, rest = _bytes(model), _bytes(state)
    card = kind(
        **fields,
        model_sha256=hashlib.sha256(weights).hexdigest(),
        state_sha256=hashlib.sha256(rest).hexdigest(),
    )
    place.write(f"{card.folder}/{MODEL}", weights)
    place.write(f"{card.folder}/{STATE}", rest)
    place.write(f"{card.folder}/{CARD}", card.model_dump_json(indent=1).encode())
    place.write_json(LATEST, {"folder": card.folder})
    _remove_old(place)
    return card


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


def read_checkpoint_card(place: Place, kind: type[_Card], folder: str = "") -> _Card:
    """What a checkpoint is.

    Raises:
        CheckpointError: Where there is no checkpoint, or not one of this kind.
    """
    key = f"{folder}/{CARD}".lstrip("/")
    if not place.exists(key):
        raise CheckpointError(f"{place.url}/{key}", "there is no checkpoint", "name a checkpoint's folder")
    try:
        return kind.model_validate_json(place.read(key))
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise CheckpointError(f"{place.url}/{key}", problem, "it was written by another version") from error


def read_weights(place: Place, card: Card, folder: str = "") -> dict[str, Tensor]:
    """The weights that are used.

    Raises:
        CheckpointError: Where they are corrupt.
    """
    return _read(place, f"{folder}/{MODEL}".lstrip("/"), card.model_sha256)


def read_state(place: Place, card: Card, folder: str) -> dict[str, Tensor]:
    """What resuming needs.

    Raises:
        CheckpointError: Where it is corrupt.
    """
    return _read(place, f"{folder}/{STATE}", card.state_sha256)


def check_fit(model: nn.Module, state: dict[str, Tensor], *, name: str) -> None:
    """Compare a state dict with a model before it is loaded.

    Raises:
        CheckpointError: Naming the first tensor that is missing, left over, or of another shape.
    """
    wanted = model.state_dict()
    for key, tensor in wanted.items():
        if key not in state:
            raise CheckpointError(name, f"it has no tensor {key}", "it is of another architecture")
        if state[key].shape != tensor.shape:
            shapes = f"{tuple(state[key].shape)}, not {tuple(tensor.shape)}"
            raise CheckpointError(name, f"{key} is {shapes}", "it is of another architecture")
    left = sorted(set(state) - set(wanted))
    if left:
        raise CheckpointError(name, f"it has a tensor {left[0]} too many", "it is of another architecture")


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
