"""Checkpoints of driving models: the files of `checkpoint_files`, and what their cards say."""

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gpu_services.checkpoint_files import (
    Card,
    check_fit,
    latest_folder,
    read_checkpoint_card,
    read_state,
    read_weights,
    write_checkpoint,
)
from gpu_services.driving.network import Cilrs
from gpu_services.places import Place
from scalediff_contract.driving import Architecture, Camera, Recipe


class CheckpointCard(Card):
    """What a checkpoint is.

    Attributes:
        architecture: The network.
        recipe: The training.
        pedals: What the agent obeys.
        look_every_s: Simulated time between two pictures that it looks at.
        camera: The camera of its frames.
        release_hash: Of the dataset.
    """

    architecture: Architecture
    recipe: Recipe
    pedals: Literal["model", "speed"]
    look_every_s: float = 0.1
    camera: Camera
    release_hash: str


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
    return write_checkpoint(place, CheckpointCard, card, model, state)


def read_card(place: Place, folder: str = "") -> CheckpointCard:
    """What a checkpoint is.

    Raises:
        CheckpointError: Where there is no checkpoint, or not one of ours.
    """
    return read_checkpoint_card(place, CheckpointCard, folder)


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


__all__ = [
    "CheckpointCard",
    "latest_folder",
    "load_model",
    "read_card",
    "read_state",
    "read_weights",
    "save_checkpoint",
]
