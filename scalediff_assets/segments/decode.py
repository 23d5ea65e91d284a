"""The one decode pass: signals of every frame, JPEGs of the exported ones.

Trade in numbers (CPU ratio to PyAV's bare decode of the same file; docs/LOG.md): scaling to luma
alone 1.09, with signals 1.14, with JPEGs at 10 Hz 1.17, with a JPEG of every frame 1.26. What buys
it: one thread and no frame copies; swscale AREA straight to full range, so that no look-up table
is needed; chroma is scaled only for frames that are exported (the luma of both is bit-equal);
everything that a histogram can tell is computed after the loop (signals.py).

Runs in a worker process. Limits stop decode bombs; what the decoder refuses is a reason, never an
exception.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import polars as pl
import simplejpeg
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from scalediff_assets.segments.signals import SIDE_PX, FrameMeasures, pdq
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason
from scalediff_contract.stamp import block_px

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
_HASH_EVERY_MS = 1000
_MIN_SIDE_PX = 16


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """Limits and rates of the pass.

    Attributes:
        export_hz: Frames per second of PTS that are stored as JPEG.
        jpeg_quality: 1 to 100.
        max_frames: Stop after so many frames.
        max_pixels: Refuse larger pictures; a stream may change its size midway.
        max_wall_s: Stop after this time.
    """

    export_hz: float = 10.0
    jpeg_quality: int = 95
    max_frames: int = BundleLimits().max_frames
    max_pixels: int = BundleLimits().max_width_px * BundleLimits().max_height_px
    max_wall_s: float = 90.0


@dataclass(frozen=True, kw_only=True)
class DecodedSession:
    """What the pass yields.

    Attributes:
        signals: SIGNALS, one row per decoded frame.
        jpegs: Frame index to JPEG bytes, of the exported frames.
        reason: Why the pass stopped early; None where the file was decoded to its end.
        detail: The sentence to that reason.
    """

    signals: pl.DataFrame
    jpegs: dict[int, bytes] = field(default_factory=dict)
    reason: Reason | None = None
    detail: str | None = None


class _StopDecodingError(Exception):
    """The pass ends here, with the reason to show."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(detail)


def decode_session(
    path: Path,
    *,
    session_id: str,
    pts_valid: Bools,
    stamped: bool = False,
    options: DecodeOptions | None = None,
) -> DecodedSession:
    """Decode a video once.

    Args:
        path: The webm.
        session_id: Goes into every row.
        pts_valid: `(N,) bool` by packet; frames with an invalid PTS are measured, never exported.
        stamped: The picture carries the frame id along its top edge; it is painted over.
        options: Limits and rates.

    Returns:
        The measured frames; on a broken file those before the break, with the reason.
    """
    options = options or DecodeOptions()
    cv2.setNumThreads(1)
    measures = FrameMeasures()
    jpegs: dict[int, bytes] = {}
    reason = detail = None
    try:
        # What was exported before a break stays.
        jpegs.update(_exports(path, pts_valid, options, measures, stamped=stamped))
    except _StopDecodingError as stop:
        reason, detail = stop.reason, f"{session_id}: {stop.detail}"
    except av.FFmpegError as error:
        reason = Reason.DECODE_FAILED
        detail = (
            f"{session_id}: the decoder stopped at frame {len(measures)} ({error.strerror}); record again"
        )
    return DecodedSession(
        signals=measures.frame(session_id, exported=set(jpegs)), jpegs=jpegs, reason=reason, detail=detail
    )


def _exports(
    path: Path, pts_valid: Bools, options: DecodeOptions, measures: FrameMeasures, *, stamped: bool
) -> Iterator[tuple[int, bytes]]:
    """Measure every frame; yields index and JPEG of the exported ones."""
    luma_only, with_chroma = VideoReformatter(), VideoReformatter()
    step_ms = 1000 / options.export_hz
    next_export_ms = next_hash_ms = 0.0
    for index, frame in enumerate(_frames(path, options)):
        pts_ms = _pts_ms(frame)
        valid = index < len(pts_valid) and bool(pts_valid[index])
        export = valid and pts_ms >= next_export_ms
        scaler, pixel_format = (with_chroma, "yuvj420p") if export else (luma_only, "gray")
        # One thread: the default starts a slice thread per core for a fifth of a millisecond of work.
        small = scaler.reformat(frame, SIDE_PX, SIDE_PX, pixel_format, interpolation="AREA", threads=1)
        planes = [_plane(small, number) for number in range(3 if export else 1)]
        if stamped:
            _paint_over_stamp(planes, frame)
        hashes = pts_ms >= next_hash_ms
        measures.add(index, pts_ms, small, planes[0], pdq(planes[0]) if hashes else None)
        if hashes:
            next_hash_ms = (pts_ms // _HASH_EVERY_MS + 1) * _HASH_EVERY_MS
        if export:
            next_export_ms = (pts_ms // step_ms + 1) * step_ms
            yield index, simplejpeg.encode_jpeg_yuv_planes(*planes, quality=options.jpeg_quality)


def _paint_over_stamp(planes: list[Bytes], frame: av.VideoFrame) -> None:
    """Continue the first row under the stamp upwards; in place."""
    # The area filter spreads the strip's edge over one more row; chroma has half the rows.
    rows = math.ceil(block_px(frame.width, frame.height) * SIDE_PX / frame.height) + 1
    rows += rows % 2
    for plane in planes:
        own = rows * len(plane) // SIDE_PX
        plane[:own] = plane[own]


def _frames(path: Path, options: DecodeOptions) -> Iterator[av.VideoFrame]:
    """Decoded frames within the limits."""
    deadline = time.monotonic() + options.max_wall_s
    with av.open(path, mode="r") as container:
        if not container.streams.video:
            raise _StopDecodingError(Reason.NOT_WEBM, "the file holds no video stream; record again")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(container.decode(stream)):
            _refuse_bombs(index, frame, options, deadline)
            yield frame


def _refuse_bombs(index: int, frame: av.VideoFrame, options: DecodeOptions, deadline: float) -> None:
    if index >= options.max_frames:
        raise _StopDecodingError(
            Reason.TOO_MANY_FRAMES, f"more than {options.max_frames} frames; record a shorter session"
        )
    if frame.width * frame.height > options.max_pixels or min(frame.width, frame.height) < _MIN_SIDE_PX:
        raise _StopDecodingError(
            Reason.BAD_DIMENSIONS,
            f"frame {index} is {frame.width}x{frame.height} (limit {options.max_pixels} pixels, "
            f"at least {_MIN_SIDE_PX} a side); record at 1280x720",
        )
    if time.monotonic() > deadline:
        raise _StopDecodingError(
            Reason.TOO_LONG, f"decoding took more than {options.max_wall_s:g} s; record a shorter session"
        )


def _pts_ms(frame: av.VideoFrame) -> int:
    base = frame.time_base
    if frame.pts is None or base is None:
        return 0
    return max(0, round(frame.pts * 1000 * base.numerator / base.denominator))


def _plane(picture: av.VideoFrame, number: int) -> Bytes:
    """A plane as a `(H, W) uint8` view; the picture must outlive it."""
    plane: Any = picture.planes[number]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
