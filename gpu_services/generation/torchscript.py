"""Loads TorchScript files: deprecated in torch, and the only form that EgoBlur and I3D come in."""

import warnings
from typing import Any

import torch


def load_torchscript(path: str, device: torch.device) -> Any:
    """The module of a file, ready to be called.

    Raises:
        RuntimeError: For a file that is none.
        ValueError: Where there is no such file.
    """
    load: Any = torch.jit.load
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        return load(path, map_location=device).eval()
