"""The painter that needs no GPU: looks by rule (`looks.py`), chosen by the words of the prompt.

Good enough to play with, and honest about itself: it understands a few words, it invents nothing. About 2 to
7 ms a picture at 640x360 on one core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from gpu_services.streaming.backend import PaintJob
from gpu_services.streaming.stylize.brushes import Canvas, Rgb
from gpu_services.streaming.stylize.looks import LOOKS, Look, look_of


@dataclass(kw_only=True)
class Easel:
    """One player's state: the look and how many pictures it has painted."""

    look: str
    tick: int = 0


class StylizeBackend:
    """Paints with OpenCV; at the second quality level at half the size."""

    name = "stylize"
    quality_levels = ("full size", "half size")

    def __init__(self, *, width_px: int = 640, height_px: int = 360) -> None:
        self.width_px, self.height_px = width_px, height_px
        self._level = 0
        self._looks: dict[tuple[str, int], Look] = {}

    def open_session(self, prompt: str) -> object:
        """A player with the look of the prompt."""
        return Easel(look=look_of(prompt))

    def chunk_frames(self, state: object) -> int:
        """Always one: a picture needs no neighbours."""
        del state
        return 1

    def set_prompt(self, state: object, prompt: str) -> None:
        """Another look from the next picture on."""
        cast(Easel, state).look = look_of(prompt)

    def set_quality(self, level: int) -> None:
        """0 is the full size, 1 half of it."""
        self._level = min(level, len(self.quality_levels) - 1)

    def paint(self, jobs: Sequence[PaintJob]) -> list[NDArray[np.uint8]]:
        """Picture by picture."""
        return [
            np.stack([self._paint(cast(Easel, job.state), frame) for frame in job.frames]) for job in jobs
        ]

    def close_session(self, state: object) -> None:
        """There is nothing to free."""

    def _paint(self, easel: Easel, frame: Rgb) -> Rgb:
        easel.tick += 1
        look = self._look(easel.look)
        if self._level == 0:
            return look(frame, easel.tick)
        small = cv2.resize(frame, self._size(self._level), interpolation=cv2.INTER_AREA)
        painted = look(np.asarray(small, np.uint8), easel.tick)
        return np.asarray(cv2.resize(painted, self._size(0), interpolation=cv2.INTER_LINEAR), np.uint8)

    def _look(self, name: str) -> Look:
        key = name, self._level
        if key not in self._looks:
            self._looks[key] = LOOKS[name](Canvas(*self._size(self._level)))
        return self._looks[key]

    def _size(self, level: int) -> tuple[int, int]:
        return self.width_px >> level, self.height_px >> level
