"""Faces and plates: who looks for them, what counts as found, and how they are made unreadable.

A detector is a network and lives with the jobs; here is what it must offer and what its boxes mean.
Blurring happens before training, the check after generation. Pictures too low for anything
identifiable are `not_applicable`: nobody looked, and the verdict says so instead of passing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from scoring.clips.shape import Clip, require_clip

BOX_OVER_PX = 20
HEIGHT_MIN_PX = 256
_BLOCKS = 4


@dataclass(frozen=True, kw_only=True)
class Box:
    """A found face or plate; half-open pixel ranges."""

    kind: Literal["face", "plate"]
    x0_px: int
    y0_px: int
    x1_px: int
    y1_px: int
    confidence: float

    @property
    def shorter_side_px(self) -> int:
        """The shorter side."""
        return min(self.x1_px - self.x0_px, self.y1_px - self.y0_px)


class PrivacyDetector(Protocol):
    """Finds faces and plates in one picture."""

    @property
    def name(self) -> str:
        """Which network and weights, `egoblur-2.0.1`."""

    def detect(self, picture: npt.NDArray[np.uint8]) -> Sequence[Box]:
        """Boxes in an `(H, W, 3) uint8` RGB picture."""


class PrivacyState(StrEnum):
    """What a look for faces and plates came to."""

    CLEAR = "clear"
    FOUND = "found"
    NOT_APPLICABLE = "not_applicable"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, kw_only=True)
class PrivacyCheck:
    """The result for one clip.

    Attributes:
        state: What it came to.
        detector: Who looked; None where nobody did.
        found: Identifiable boxes over all frames.
        why: In words; empty where it is clear.
    """

    state: PrivacyState
    detector: str | None
    found: int
    why: str


def check_privacy(
    frames: Clip,
    detector: PrivacyDetector | None,
    *,
    box_over_px: int = BOX_OVER_PX,
    height_min_px: int = HEIGHT_MIN_PX,
) -> PrivacyCheck:
    """Look for identifiable faces and plates in every frame.

    Args:
        frames: `(T, H, W, 3) uint8`.
        detector: Who looks; None: the clip stays unchecked, unless it is too low anyway.
        box_over_px: A box counts where both its sides are longer.
        height_min_px: Lower pictures are not applicable.

    Raises:
        ClipShapeError: For what is no clip.
    """
    height_px = require_clip(frames).shape[1]
    if height_px < height_min_px:
        why = f"resolution: {height_px} px high, nothing is identifiable under {height_min_px}"
        return PrivacyCheck(state=PrivacyState.NOT_APPLICABLE, detector=None, found=0, why=why)
    if detector is None:
        return PrivacyCheck(state=PrivacyState.UNCHECKED, detector=None, found=0, why="no detector is set")
    boxes = [_identifiable(detector.detect(frame), box_over_px) for frame in frames]
    found = sum(len(each) for each in boxes)
    if not found:
        return PrivacyCheck(state=PrivacyState.CLEAR, detector=detector.name, found=0, why="")
    where = next(index for index, each in enumerate(boxes) if each)
    why = f"{found} boxes over {box_over_px} px, the first is a {boxes[where][0].kind} in frame {where}"
    return PrivacyCheck(state=PrivacyState.FOUND, detector=detector.name, found=found, why=why)


def blur_clip(frames: Clip, detector: PrivacyDetector, *, box_over_px: int = BOX_OVER_PX) -> Clip:
    """A copy of a clip with every identifiable box made unreadable.

    Raises:
        ClipShapeError: For what is no clip.
    """
    found = [_identifiable(detector.detect(frame), box_over_px) for frame in require_clip(frames)]
    return np.stack([blur_boxes(frame, boxes) for frame, boxes in zip(frames, found, strict=True)])


def blur_boxes(picture: npt.NDArray[np.uint8], boxes: Sequence[Box]) -> npt.NDArray[np.uint8]:
    """A copy of a picture whose boxes are averaged to 4x4 blocks: what is averaged cannot be sharpened.

    Args:
        picture: `(H, W, 3) uint8`.
        boxes: What to hide; the parts outside of the picture are ignored.
    """
    import cv2

    hidden = picture.copy()
    height, width = picture.shape[:2]
    for box in boxes:
        x0, x1 = np.clip((box.x0_px, box.x1_px), 0, width)
        y0, y1 = np.clip((box.y0_px, box.y1_px), 0, height)
        if x1 <= x0 or y1 <= y0:
            continue
        blocks = cv2.resize(hidden[y0:y1, x0:x1], (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
        size = (int(x1 - x0), int(y1 - y0))
        hidden[y0:y1, x0:x1] = cv2.resize(blocks, size, interpolation=cv2.INTER_LINEAR)
    return hidden


def _identifiable(boxes: Sequence[Box], box_over_px: int) -> list[Box]:
    return [box for box in boxes if box.shorter_side_px > box_over_px]
