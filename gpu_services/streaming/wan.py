"""The backend `wan`: causal video diffusion. Importing this loads no torch; opening it does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from gpu_services.errors import CheckpointError
from gpu_services.streaming.backend import PaintJob
from gpu_services.streaming.engine.config import PRESETS, EngineConfig, PresetName
from gpu_services.streaming.engine.sources import fetch_command

if TYPE_CHECKING:
    from gpu_services.streaming.engine.painter import Painter
    from gpu_services.streaming.engine.session import Session


class WanBackend:
    """Paints with an engine.

    Attributes:
        name: `wan`, with the preset.
        width_px: Of the pictures.
        height_px: Of the pictures.
        quality_levels: From all denoising steps down to one.
    """

    def __init__(self, painter: "Painter") -> None:
        self._painter = painter
        config = painter.config
        self.name = f"wan ({config.preset})"
        self.width_px, self.height_px = config.width_px, config.height_px
        self._steps = [steps for steps in (4, 2, 1) if steps <= config.steps]
        self.quality_levels = tuple(f"{steps} step{'s' if steps > 1 else ''}" for steps in self._steps)

    def open_session(self, prompt: str) -> object:
        """The state of a new player."""
        return self._painter.open(prompt)

    def chunk_frames(self, state: object) -> int:
        """1 for a stream's first chunk, then 4."""
        return self._painter.chunk_frames(_session(state))

    def set_prompt(self, state: object, prompt: str) -> None:
        """Paint otherwise from the next chunk on; embeds a prompt that is new, which takes its time."""
        self._painter.set_prompt(_session(state), prompt)

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        """Paint one chunk of each session, batched.

        Raises:
            PaintError: For a chunk of a wrong shape.
        """
        return self._painter.paint([_session(job.state) for job in jobs], [job.frames for job in jobs])

    def close_session(self, state: object) -> None:
        """Free what the engine holds; the memory goes with the state."""
        self._painter.close(_session(state))

    def suspend_session(self, state: object) -> None:
        """Move a pausing player's memory to the host; it wakes when it is painted."""
        self._painter.suspend(_session(state))

    def set_quality(self, level: int) -> None:
        """Take as many denoising steps as `quality_levels` says."""
        self._painter.steps = self._steps[level]


def _session(state: object) -> "Session":
    return cast("Session", state)


def wan_config(
    preset: PresetName = "wan-1.3b",
    *,
    width_px: int | None = None,
    height_px: int | None = None,
    **changes: object,
) -> EngineConfig:
    """A preset with changes.

    Args:
        preset: Its name.
        width_px: Width to paint at.
        height_px: Height to paint at.
        **changes: Other fields of `EngineConfig`.
    """
    from dataclasses import replace

    size = {name: value for name, value in (("width_px", width_px), ("height_px", height_px)) if value}
    return replace(PRESETS[preset], **size, **changes)  # type: ignore[arg-type]


def open_wan(
    *,
    preset: PresetName = "wan-1.3b",
    weights: Path | None = None,
    random_weights: bool = False,
    width_px: int | None = None,
    height_px: int | None = None,
    **changes: object,
) -> WanBackend:
    """The backend, ready to paint.

    Args:
        preset: Which architecture; `tiny` has random weights always.
        weights: Folder of published weights, made by `python -m gpu_services.streaming.weights`.
        random_weights: Paint noise, at the true speed; for measuring only.
        width_px: Width to paint at; None: the preset's.
        height_px: Height to paint at.
        **changes: Other fields of `EngineConfig`.

    Raises:
        CheckpointError: Weights are missing or wrong; says the command that mends it.
    """
    config = wan_config(preset, width_px=width_px, height_px=height_px, **changes)
    folder = None if random_weights else weights_of(preset, weights)
    if folder is None:
        from gpu_services.streaming.engine.assembly import random_painter

        return WanBackend(random_painter(config))
    from gpu_services.streaming.engine.weights import load_painter

    return WanBackend(load_painter(config, folder))


def weights_of(preset: PresetName, folder: Path | None) -> Path | None:
    """The folder of a preset's weights; None for `tiny`, whose weights are random.

    Raises:
        CheckpointError: No folder was named; says the command that makes one.
    """
    if preset == "tiny":
        return None
    if folder is None:
        mend = f"run `{fetch_command(preset, 'weights')}` and name the folder"
        raise CheckpointError(f"weights of {preset}", "no folder was named", mend)
    return folder
