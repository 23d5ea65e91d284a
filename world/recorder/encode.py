"""Pictures to VP8 in WebM, with the PTS that the caller gives.

Single-threaded and bit-exact, so that the same pictures give the same bytes. `live` writes what a
browser's MediaRecorder writes: unknown sizes, no Duration, no Cues.
"""

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

_MS = Fraction(1, 1000)
_NOMINAL_STEP_MS = 40
_FULL_SIZE_PX = 1280 * 704
_FULL_SIZE_BITS_PER_S = 2_500_000  # the reference's MediaRecorder
# A negative cpu-used fixes the speed; a positive one adapts it to the clock, and the bytes with it.
_ENCODER = {
    "deadline": "realtime",
    "cpu-used": "-8",
    "lag-in-frames": "0",
    "threads": "1",
    "error-resilient": "0",
}
Picture = npt.NDArray[np.uint8]


def encode_webm(
    pictures: Iterable[Picture],
    pts_ms: Sequence[int],
    *,
    width_px: int,
    height_px: int,
    live: bool,
    keyframe_every: int = 100,
    bits_per_s: int | None = None,
    codec: str = "libvpx",
    container_format: str = "webm",
) -> bytes:
    """Encode one stream.

    Args:
        pictures: `(H * 3 // 2, W) uint8` each, planar YUV 4:2:0.
        pts_ms: A PTS for each picture, not decreasing; equal ones are written as they are.
        width_px: Width.
        height_px: Height.
        live: Leave out Duration and Cues, as MediaRecorder does.
        keyframe_every: Largest distance of key frames.
        bits_per_s: Wanted bit rate; None: the reference's, in proportion to the picture's size.
        codec: Encoder.
        container_format: Container.
    """
    buffer = io.BytesIO()
    options = {"fflags": "+bitexact", **({"live": "1"} if live else {})}
    with av.open(buffer, mode="w", format=container_format, options=options) as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=30))
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        stream.codec_context.time_base = _MS
        share = width_px * height_px / _FULL_SIZE_PX
        stream.codec_context.bit_rate = bits_per_s or int(_FULL_SIZE_BITS_PER_S * share)
        stream.codec_context.gop_size = keyframe_every
        if codec.startswith("libvpx"):
            stream.codec_context.options = _ENCODER
        for ordinal, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            # The encoder wants increasing stamps at about the true rate, from which it budgets its
            # bits; the muxer gets the true ones.
            frame.pts, frame.time_base = ordinal * _NOMINAL_STEP_MS, _MS
            _mux(container, stream.encode(frame), pts_ms)
        _mux(container, stream.encode(None), pts_ms)
    return buffer.getvalue()


def _mux(container: av.container.OutputContainer, packets: Iterable[Any], pts_ms: Sequence[int]) -> None:
    for packet in packets:
        packet.pts = packet.dts = pts_ms[cast(int, packet.pts) // _NOMINAL_STEP_MS]
        packet.time_base = _MS
        container.mux(packet)


def plain_picture(width_px: int, height_px: int) -> Picture:
    """A gray picture, for recordings whose pictures do not matter."""
    picture = np.full((height_px * 3 // 2, width_px), 128, np.uint8)
    picture[:height_px] = 110
    return picture
