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
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import polars as pl
import simplejpeg
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from scalediff_assets.raw_sessions.probe import key_frame_size_px
from scalediff_assets.segments.signals import SIDE_PX, FrameMeasures, pdq
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason
from scalediff_contract.stamp import block_px

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
_HASH_HZ = 1.0
_MIN_SIDE_PX = 16
_HEAD_BYTES = 16
_MATROSKA_S = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """Limits and rates of the pass.

    Attributes:
        export_hz: Ticks per second of PTS; the first valid frame at or after a tick is stored as JPEG.
            0 stores every valid frame.
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

    def __post_init__(self) -> None:
        if self.export_hz < 0:
            raise ValueError(f"export_hz is {self.export_hz:g} (minimum 0, which stores every frame)")


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


class StopDecodingError(Exception):
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
        pts_valid: `(N,) bool` by packet; frames with an invalid PTS are measured, never exported or
            hashed.
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
        _measure_frames(path, pts_valid, options, measures, jpegs, stamped=stamped)
    except StopDecodingError as stop:
        reason, detail = stop.reason, f"{session_id}: {stop.detail}"
    except av.FFmpegError as error:
        reason = Reason.DECODE_FAILED
        detail = (
            f"{session_id}: the decoder stopped after {len(measures)} frames ({error.strerror}); record again"
        )
    return DecodedSession(
        signals=measures.frame(session_id, exported=set(jpegs)), jpegs=jpegs, reason=reason, detail=detail
    )


def _measure_frames(
    path: Path,
    pts_valid: Bools,
    options: DecodeOptions,
    measures: FrameMeasures,
    jpegs: dict[int, bytes],
    *,
    stamped: bool,
) -> None:
    """Fill `measures` with every frame and `jpegs` with the exported ones; what a break leaves stays."""
    luma_only, with_chroma = VideoReformatter(), VideoReformatter()
    last_export = last_hash = -1
    for index, pts_ms, frame in video_frames(path, options):
        valid = index < len(pts_valid) and bool(pts_valid[index])
        export_tick, hash_tick = grid_tick(pts_ms, options.export_hz), grid_tick(pts_ms, _HASH_HZ)
        every = options.export_hz == 0
        export, hashed = valid and (every or export_tick != last_export), valid and hash_tick != last_hash
        scaler, pixel_format = (with_chroma, "yuvj420p") if export else (luma_only, "gray")
        # One thread: the default starts a slice thread per core for a fifth of a millisecond of work.
        small = scaler.reformat(frame, SIDE_PX, SIDE_PX, pixel_format, interpolation="AREA", threads=1)
        planes = [picture_plane(small, number) for number in range(3 if export else 1)]
        if stamped:
            paint_over_stamp(planes, frame)
        measures.add(index, pts_ms, planes[0], pdq(planes[0]) if hashed else None)
        if hashed:
            last_hash = hash_tick
        if export:
            last_export = export_tick
            jpegs[index] = simplejpeg.encode_jpeg_yuv_planes(*planes, quality=options.jpeg_quality)


def grid_tick(pts_ms: int, rate_hz: float) -> int:
    """Which tick of a grid that starts at PTS 0 a frame belongs to; a tick exports its first frame.

    A PTS is cut to whole milliseconds: 33 stands for 33.3. So a frame counts as up to 1 ms later;
    otherwise a grid of 30 Hz would lose half the frames of a 30 fps video.
    """
    return int((pts_ms + 1) * rate_hz / 1000)


def paint_over_stamp(planes: list[Bytes], frame: av.VideoFrame) -> None:
    """Continue the first row under the stamp upwards; in place."""
    # The area filter spreads the strip's edge over one more row; chroma has half the rows.
    rows = math.ceil(block_px(frame.width, frame.height) * SIDE_PX / frame.height) + 1
    rows += rows % 2
    for plane in planes:
        own = rows * len(plane) // SIDE_PX
        plane[:own] = plane[own]


def video_frames(path: Path, options: DecodeOptions) -> Iterator[tuple[int, int, av.VideoFrame]]:
    """Packet index, PTS in ms and picture, within the limits; a packet gives at most one picture."""
    deadline = time.monotonic() + options.max_wall_s
    with av.open(path, mode="r") as container:
        if not container.streams.video:
            raise StopDecodingError(Reason.NOT_WEBM, "the file holds no video stream; record again")
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        codec = stream.codec_context.name
        tick_ms = float(1000 * (stream.time_base or _MATROSKA_S))
        # The last packet of a demuxer is an empty flush.
        packets = (packet for packet in container.demux(stream) if packet.size)
        for index, packet in enumerate(packets):
            _refuse_more(index, options, deadline)
            stated_px = key_frame_size_px(codec, bytes(memoryview(packet)[:_HEAD_BYTES]))
            if stated_px is not None:  # before the decoder allocates it
                _refuse_size(index, *stated_px, options)
            pictures = packet.decode()
            if pictures:
                _refuse_size(index, pictures[-1].width, pictures[-1].height, options)
                yield index, max(0, round((packet.pts or 0) * tick_ms)), pictures[-1]


def _refuse_more(index: int, options: DecodeOptions, deadline: float) -> None:
    if index >= options.max_frames:
        raise StopDecodingError(
            Reason.TOO_MANY_FRAMES, f"more than {options.max_frames} frames; record a shorter session"
        )
    if time.monotonic() > deadline:
        raise StopDecodingError(
            Reason.TOO_LONG, f"decoding took more than {options.max_wall_s:g} s; record a shorter session"
        )


def _refuse_size(index: int, width_px: int, height_px: int, options: DecodeOptions) -> None:
    if width_px * height_px > options.max_pixels or min(width_px, height_px) < _MIN_SIDE_PX:
        raise StopDecodingError(
            Reason.BAD_DIMENSIONS,
            f"frame {index} is {width_px}x{height_px} (limit {options.max_pixels} pixels, "
            f"at least {_MIN_SIDE_PX} a side); record at 1280x720",
        )


def picture_plane(picture: av.VideoFrame, number: int) -> Bytes:
    """A plane as a `(H, W) uint8` view, which keeps the picture alive."""
    plane: Any = picture.planes[number]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]
