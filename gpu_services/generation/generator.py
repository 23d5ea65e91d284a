"""The seam towards the worker: what a resident model is asked, and what it gives. Light: no torch here.

generator = load_generator("models/video_models/v0.1.0", device="auto")
clips = generator.generate([ClipRequest(prompt=..., category=..., seed=7, steps=50, guidance=4.0)])
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from scalediff_contract.video_models import ClipSpec

Frames = npt.NDArray[np.uint8]
"""`(T, H, W, 3) uint8` RGB."""

OnSteps = Callable[[int, int], None]
"""Called with the denoising steps that are done and their total, over the whole call."""


@dataclass(frozen=True, kw_only=True)
class ClipRequest:
    """One clip to be made.

    Attributes:
        prompt: What is to be seen.
        category: Scenario category.
        seed: Of the clip's noise; the same request gives the same clip.
        steps: Denoising steps.
        guidance: Weight w of classifier-free guidance, e_u + w (e_c - e_u); 1 is without.
        first_frame: `(H, W, 3) uint8` RGB that the clip begins with, or None.
    """

    prompt: str
    category: str
    seed: int
    steps: int = 50
    guidance: float = 4.0
    first_frame: npt.NDArray[np.uint8] | None = None


class ClipGenerator(Protocol):
    """A model that stays loaded.

    Attributes:
        version: Semantic version, e.g. `v0.1.0`.
        spec: Size of its clips.
        stage_s: Seconds by stage (`encode`, `denoise`, `decode`) of the last call.
    """

    @property
    def version(self) -> str:
        """Semantic version, e.g. `v0.1.0`."""
        ...

    @property
    def spec(self) -> ClipSpec:
        """Size of its clips."""
        ...

    @property
    def stage_s(self) -> Mapping[str, float]:
        """Seconds by stage (`encode`, `denoise`, `decode`) of the last call."""
        ...

    def generate(self, requests: Sequence[ClipRequest], report: OnSteps | None = None) -> list[Frames]:
        """Make clips.

        Args:
            requests: Any mix; those of equal steps and guidance are computed together.
            report: Told how far it is.

        Returns:
            `(T, H, W, 3) uint8` each, in the requests' order: a function of the request alone,
            whatever else is in the batch.

        Raises:
            GenerationError: For a request that this model cannot do.
        """
        ...


def load_generator(folder_or_url: str, device: str = "auto") -> ClipGenerator:
    """The model of a checkpoint's folder, resident.

    Args:
        folder_or_url: A checkpoint folder (with checkpoint.json), or a training run's folder, whose
            latest checkpoint is taken; a path or `s3://bucket/prefix`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: Where there is no checkpoint, or a corrupt one.
    """
    from gpu_services.generation.resident import ResidentModel

    return ResidentModel.load(folder_or_url, device)
