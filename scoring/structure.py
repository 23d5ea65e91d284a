"""Does a painted frame keep the structure of the frame it was painted from?

A painter may change colour, light, weather and texture; it may not move walls, and nobody may appear or
vanish. So pictures are compared by what any repaint of a surface keeps: inside a small window the painted
luma is about an affine function of the source's. The squared correlation of the two (Pearson, in each
window, the best over shifts of one pixel of the working size, because painters do not keep every line to
the pixel) is the share of the window's contrast that is explained; its sign does not matter, so that a
night or a negative explains as well as the day. What is not explained is lost structure where the source
had the contrast, and added structure where the painting has it.

Objects are local, styles are everywhere: an object is held against the median window of its own frame, so
that rain or texture over the whole picture hides a small object rather than inventing one.

Trade in numbers: about 1 ms a pair on one core, at 128x128 after an area mean; an object under about 0.4 %
of the picture is mostly missed (`python -m benchmarks.structure` has the separation by size).
"""

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
Plane = NDArray[np.float32]

SIDE_PX = 128
_WINDOW_PX = 7
_POOL_PX = 9
_SURROUND_PX = 49
_SHIFT_PX = 1
_BLUR_PX = 0.8
_NOISE = 16.0  # variance in gray levels squared under which contrast is grain
_RATIO_FLOOR = 0.05  # keeps the ratio to an empty median finite
_EDGE_PX = _WINDOW_PX // 2 + _SHIFT_PX


class PairShapeError(ValueError):
    """Two pictures that cannot be a pair; carries both shapes."""

    def __init__(self, source: tuple[int, ...], painted: tuple[int, ...]) -> None:
        self.source, self.painted = source, painted
        super().__init__(
            f"source is {source}, painted is {painted}; both must be luma (H, W) of one size, at least "
            f"{SIDE_PX} px a side: scale them alike first"
        )


@dataclass(frozen=True, kw_only=True)
class StructureConsistency:
    """What a pair of frames says of the painter; all without unit.

    Attributes:
        layout: Share of the source's contrast (variance) that the painting explains, 0 to 1; 1 is a
            recolouring, a picture of another place is about 0.2.
        lost: The strongest local loss of structure over the frame's median loss, 0 or more.
        added: The strongest local unexplained structure over the frame's median, 0 or more.
    """

    layout: float
    lost: float
    added: float


def structure_consistency(source: Luma, painted: Luma) -> StructureConsistency:
    """Compare a frame before and after painting.

    Args:
        source: `(H, W) uint8` luma of the geometry frame, H and W at least 128.
        painted: `(H, W) uint8` luma of the painted frame, the same size and view.

    Raises:
        PairShapeError: For pictures of different or too small sizes.
    """
    if source.ndim != 2 or source.shape != painted.shape or min(source.shape) < SIDE_PX:
        raise PairShapeError(source.shape, painted.shape)
    before, after = _reduced(source), _reduced(painted)
    mean_before, mean_after = _mean(before), _mean(after)
    contrast_before, contrast_after = _variance(before, mean_before), _variance(after, mean_after)
    kept, caused = _explained(before, after, (mean_before, mean_after), (contrast_before, contrast_after))
    inner = (slice(_EDGE_PX, -_EDGE_PX), slice(_EDGE_PX, -_EDGE_PX))
    weight = contrast_before[inner]
    total = float(weight.sum())
    return StructureConsistency(
        layout=float((kept[inner] * weight).sum()) / total if total else 1.0,
        lost=_outlier((1 - kept) * _relative(contrast_before), inner),
        added=_outlier((1 - caused) * _relative(contrast_after), inner),
    )


def _explained(
    before: Plane, after: Plane, means: tuple[Plane, Plane], contrasts: tuple[Plane, Plane]
) -> tuple[Plane, Plane]:
    """Squared correlation of the best shift: at each window of `before`, and at each of `after`."""
    height, width = before.shape
    noisy = contrasts[0] + _NOISE, contrasts[1] + _NOISE
    kept, caused = np.zeros_like(before), np.zeros_like(after)
    steps = range(-_SHIFT_PX, _SHIFT_PX + 1)
    for down, right in ((d, r) for d in steps for r in steps):
        # The parts of both pictures that lie on each other when `before` moves by the shift.
        ours = (_overlap(height, -down), _overlap(width, -right))
        theirs = (_overlap(height, down), _overlap(width, right))
        product = np.multiply(before[ours], after[theirs])
        common = _mean(product) - means[0][ours] * means[1][theirs]
        share = common * common / (noisy[0][ours] * noisy[1][theirs])
        np.maximum(kept[ours], share, out=kept[ours])
        np.maximum(caused[theirs], share, out=caused[theirs])
    return np.minimum(kept, 1), np.minimum(caused, 1)


def _overlap(length: int, shift: int) -> slice:
    """What of a side is left inside the picture after a shift."""
    return slice(max(shift, 0), length + min(shift, 0))


def _relative(contrast: Plane) -> Plane:
    """Contrast over that of the surroundings: a dark corner counts as a bright one."""
    around = cv2.boxFilter(contrast, -1, (_SURROUND_PX, _SURROUND_PX))
    return cast(Plane, contrast / (around + _NOISE))


def _outlier(unexplained: Plane, inner: tuple[slice, slice]) -> float:
    """The worst neighbourhood over the median one."""
    pooled = cv2.boxFilter(unexplained, -1, (_POOL_PX, _POOL_PX))[inner]
    return float(pooled.max() / (np.median(pooled) + _RATIO_FLOOR))


def _reduced(luma: Luma) -> Plane:
    small = cv2.resize(luma, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    return cast(Plane, cv2.GaussianBlur(small, (0, 0), _BLUR_PX))


def _variance(plane: Plane, mean: Plane) -> Plane:
    return cast(Plane, np.maximum(_mean(plane * plane) - mean * mean, 0))


def _mean(plane: Plane) -> Plane:
    return cast(Plane, cv2.boxFilter(plane, -1, (_WINDOW_PX, _WINDOW_PX)))
