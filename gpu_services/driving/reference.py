"""Weights in the reference's format (lolismek/scale-diffusion, carla_garage/cilrs_train.py).

It saves a bare state dict. Its encoder is timm's ResNet (torchvision's names) or, where timm is
missing, torchvision's children in a Sequential (`encoder.0`, `encoder.4.0.conv1`, ...). Its branches
are four Sequentials of Linear, ReLU, Dropout, Linear, ReLU, Linear.

Files come from outside, so they are read with `weights_only`: a pickle that wants more is refused.
"""

import pickle
import re
from pathlib import Path

import torch
from torch import Tensor

from gpu_services.checkpoint_files import check_fit
from gpu_services.driving.network import Cilrs
from gpu_services.errors import CheckpointError
from scalediff_contract.driving import COMMANDS

# Places of torchvision's children in nn.Sequential(*children[:-1]).
_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
# Of the reference's branch: where its three linear layers are, there and here.
_LINEAR = (0, 3, 5)


def read_reference(path: Path) -> dict[str, Tensor]:
    """A state dict from a .pth file.

    Raises:
        CheckpointError: Where the file holds anything but tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        problem = f"it is not a plain state dict of tensors ({str(error).splitlines()[0]})"
        raise CheckpointError(str(path), problem, "save it with torch.save(model.state_dict())") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(str(path), "it is not a state dict", "save it with model.state_dict()")
    return state


def load_reference(model: Cilrs, state: dict[str, Tensor], *, name: str) -> None:
    """Copy reference weights into a model of preset `seed_compat`.

    Args:
        model: Takes them.
        state: From `read_reference`.
        name: The file, for messages.

    Raises:
        CheckpointError: For weights of another architecture.
    """
    translated = {
        _encoder_name(key): value for key, value in state.items() if not key.startswith("branches.")
    }
    translated.pop("encoder.fc.weight", None)
    translated.pop("encoder.fc.bias", None)
    ours = [key for key in model.state_dict() if key.startswith("branches.")]
    for kind in ("weight", "bias"):
        places = [key for key in ours if key.endswith(kind)]
        for here, there in zip(places, _LINEAR, strict=True):
            names = [f"branches.{command}.{there}.{kind}" for command in range(len(COMMANDS))]
            missing = [key for key in names if key not in state]
            if missing:
                raise CheckpointError(name, f"it has no {missing[0]}", "use weights of the reference's CILRS")
            translated[here] = torch.stack([state[key] for key in names])
    check_fit(model, translated, name=name)
    model.load_state_dict(translated)


def _encoder_name(key: str) -> str:
    match = re.match(r"encoder\.(\d+)\.(.+)", key)
    return f"encoder.{_CHILDREN.get(match[1], match[1])}.{match[2]}" if match else key
