"""From a decoded video frame to what the backend paints, and back: size, colour, and the frame id.

The stamp (scalediff_contract/stamp.py) is read at full size and then covered with the rows below it, so that
no painter ever sees it; after painting it is drawn again in the size of the painted picture. Nothing is cut
off: a pixel of the painted picture stands where it stood in the source.
"""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from scalediff_contract.stamp import block_px
from world.recorder.stamp import read_stamp, stamp_row

Rgb = NDArray[np.uint8]
_BLEED_PX = 2  # coding and scaling smear the strip's edge
_PLANAR = ("yuv420p", "yuvj420p", "nv12", "gray")


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One source frame on its way to the painter.

    Attributes:
        rgb: `(H, W, 3) uint8` of the backend's size, the stamp covered.
        in_id: Id of the frame: stamped, or counted where there is no stamp.
        is_stamped: The id came with the picture and goes back with it.
        in_s: When it was decoded, on the service's monotonic clock.
    """

    rgb: Rgb
    in_id: int
    is_stamped: bool
    in_s: float


class IdReader:
    """Reads the ids of one stream and does not believe everything that looks like one.

    The checksum has 8 bits: one damaged or unstamped picture in 256 seems to carry some id. So an id counts
    where it fits to the one before: higher, by `MAX_STEP` at most. A stream that has shown `_CONVINCED` such
    ids is stamped, and a picture of it without a good id is dropped; one that shows none for `_DOUBTS`
    pictures is not stamped (any more), and its pictures are counted.
    """

    MAX_STEP = 600
    _CONVINCED = 2
    _DOUBTS = 8

    def __init__(self) -> None:
        self._last: int | None = None
        self._good = 0
        self._bad = 0
        self._count = -1

    @property
    def is_stamped(self) -> bool:
        """The stream has shown that it is."""
        return self._good >= self._CONVINCED

    def id_of(self, stamp: int | None) -> tuple[int, bool] | None:
        """The picture's id and whether it is its stamp; None for a picture to be dropped."""
        self._count += 1
        if stamp is not None and self._fits(stamp):
            self._last, self._bad = stamp, 0
            self._good += 1
            return stamp, True
        self._bad += 1
        if self.is_stamped and self._bad < self._DOUBTS:
            return None
        self._last, self._good = stamp, int(stamp is not None)
        return (self._count, False) if stamp is None else (stamp, True)

    def _fits(self, stamp: int) -> bool:
        return self._last is None or 0 < stamp - self._last <= self.MAX_STEP


def read_id(frame: VideoFrame) -> int | None:
    """The id stamped on a frame, read from its luma without a copy."""
    if frame.format.name not in _PLANAR:
        return read_stamp(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
    plane = frame.planes[0]
    luma = np.frombuffer(cast(Any, plane), np.uint8).reshape(-1, plane.line_size)
    return read_stamp(luma[: frame.height, : frame.width])


def scaled(frame: VideoFrame, width_px: int, height_px: int) -> Rgb:
    """A frame as RGB of the backend's size."""
    reformatted = frame.reformat(width_px, height_px, "rgb24", interpolation=Interpolation.FAST_BILINEAR)
    return reformatted.to_ndarray().astype(np.uint8, copy=False)


def resized(rgb: Rgb, width_px: int, height_px: int) -> Rgb:
    """A picture in the backend's size."""
    if rgb.shape[:2] == (height_px, width_px):
        return rgb
    method = cv2.INTER_AREA if rgb.shape[0] > height_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (width_px, height_px), interpolation=method), np.uint8)


def without_stamp(rgb: Rgb, source_width_px: int, source_height_px: int) -> Rgb:
    """The picture with the strip covered by what stands below it, upside down.

    Args:
        rgb: A stamped source picture in the backend's size.
        source_width_px: Width at which the strip was drawn.
        source_height_px: Height at which it was drawn.
    """
    height = rgb.shape[0]
    block = block_px(source_width_px, source_height_px)
    rows = min(height // 2, -(-block * height // source_height_px) + _BLEED_PX)
    covered = rgb.copy()
    covered[:rows] = rgb[rows : 2 * rows][::-1]
    return covered


def with_stamp(rgb: Rgb, frame_id: int) -> Rgb:
    """The painted picture with its source's id drawn on it."""
    height, width = rgb.shape[:2]
    strip = stamp_row(frame_id, width, height)
    stamped = rgb.copy()
    stamped[: block_px(width, height), : len(strip)] = strip[None, :, None]
    return stamped


def prepared(
    frame: VideoFrame, ids: IdReader, *, width_px: int, height_px: int, in_s: float
) -> Picture | None:
    """A decoded frame as the painter takes it; None where its stamp is damaged."""
    found = ids.id_of(read_id(frame))
    if found is None:
        return None
    in_id, is_stamped = found
    rgb = scaled(frame, width_px, height_px)
    if is_stamped:
        rgb = without_stamp(rgb, frame.width, frame.height)
    return Picture(rgb=rgb, in_id=in_id, is_stamped=is_stamped, in_s=in_s)
