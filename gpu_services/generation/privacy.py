"""EgoBlur, the production detector of faces and plates, behind the measures' own interface.

`scoring.privacy` says what a detector must offer and how boxes are hidden; the network is here. Its
weights are two TorchScript files (Apache-2.0, from Meta's site) that give (boxes, labels, scores, size).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from gpu_services.generation.errors import ClipDataError
from gpu_services.generation.torchscript import load_torchscript
from scoring.privacy import Box

_MIN_SCORE = 0.5
_FILES: dict[Literal["face", "plate"], str] = {"face": "ego_blur_face.jit", "plate": "ego_blur_lp.jit"}


class EgoBlurDetector:
    """Both of EgoBlur's networks."""

    name = "egoblur"

    def __init__(self, folder: str, device: torch.device | None = None) -> None:
        """Load both files of a folder.

        Raises:
            ClipDataError: Where one is not there.
        """
        self._device = device or torch.device("cpu")
        self._models: dict[Literal["face", "plate"], Any] = {}
        for kind, file_name in _FILES.items():
            path = Path(folder) / file_name
            if not path.is_file():
                raise ClipDataError(f"detector {path}", "there is no such file", "download EgoBlur's weights")
            self._models[kind] = load_torchscript(str(path), self._device)

    @torch.no_grad()
    def detect(self, picture: npt.NDArray[np.uint8]) -> Sequence[Box]:
        """Boxes that it is sure of, in an `(H, W, 3) uint8` RGB picture."""
        bgr = torch.from_numpy(np.ascontiguousarray(picture[..., ::-1])).movedim(-1, 0).to(self._device)
        found: list[Box] = []
        for kind, model in self._models.items():
            boxes, _, scores, _ = model(bgr)
            for box, score in zip(boxes.tolist(), scores.tolist(), strict=True):
                x0, y0, x1, y1 = (round(side) for side in box)
                if score >= _MIN_SCORE:
                    found.append(Box(kind=kind, x0_px=x0, y0_px=y0, x1_px=x1, y1_px=y1, confidence=score))
        return found
