"""A checkpoint as an MLflow pyfunc model: arrays of 256x256 frames, speeds and commands to controls."""

from typing import Any

import numpy as np
import torch

from gpu_services.driving.augment import normalise
from gpu_services.driving.checkpoint import load_model
from gpu_services.driving.frames import picture_of


class CilrsPyfunc:
    """What MLflow calls."""

    def __init__(self, folder: str) -> None:
        self._model, self._card = load_model(folder)

    @torch.inference_mode()
    def predict(self, model_input: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Predict.

        Args:
            model_input: `image (N, 256, 256, 3) uint8`, `speed_mps (N,)`, `command (N,)` 1 to 4.
            params: None are known.

        Returns:
            `steer`, `throttle`, `brake`, `speed_mps`, each `(N,) float32`; the speed is NaN without a head.
        """
        a = self._card.architecture
        images = np.asarray(model_input["image"], np.uint8)
        pictures = np.stack([picture_of(image, *a.rows, *a.picture_px) for image in images])
        speed = torch.as_tensor(np.asarray(model_input["speed_mps"], np.float32)) / a.speed_scale_mps
        command = torch.as_tensor(np.asarray(model_input["command"], np.int64)) - 1
        controls, said = self._model(normalise(torch.from_numpy(pictures)), speed, command)
        speeds = (
            np.full(len(images), np.nan, np.float32) if said is None else (said * a.speed_scale_mps).numpy()
        )
        names = ("steer", "throttle", "brake")
        return {name: controls[:, k].numpy() for k, name in enumerate(names)} | {"speed_mps": speeds}


def _load_pyfunc(path: str) -> CilrsPyfunc:
    """MLflow's entry point."""
    return CilrsPyfunc(path)
