"""The decode pass packet by packet: numbering, and what a hostile packet may ask for.

Streams are put together from single VP8 packets, so that a test can hide, damage or enlarge one.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from scalediff_assets.segments.decode import DecodedSession, DecodeOptions, decode_session
from scalediff_contract.reasons import Reason

WIDTH_PX, HEIGHT_PX = 320, 192
STEP_MS = 100
SESSION_ID = "session_1769925785000_abc"


def packets(count: int) -> list[bytes]:
    """VP8 packets of a camera that slides over a smooth landscape."""
    noise = np.random.default_rng(0).integers(40, 200, (HEIGHT_PX, 2 * WIDTH_PX), dtype=np.uint8)
    land: NDArray[Any] = cv2.GaussianBlur(noise, (0, 0), 5)
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    encoder.time_base, encoder.gop_size = Fraction(1, 10), 100
    encoder.options = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0"}
    made = []
    for n in range(count):
        planes = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
        planes[:HEIGHT_PX] = land[:, 2 * n : 2 * n + WIDTH_PX]
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = n, Fraction(1, 10)
        made += [bytes(packet) for packet in encoder.encode(frame)]
    return made + [bytes(packet) for packet in encoder.encode(None)]


def decoded(folder: Path, contents: Sequence[bytes], *, known: int | None = None) -> DecodedSession:
    """Decode a WebM of these packets, 100 ms apart, exporting every frame; `known` packets are aligned."""
    path = folder / "packets.webm"
    base = Fraction(1, 1000)
    with av.open(str(path), mode="w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.time_base = base
        for n, content in enumerate(contents):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, base
            packet.pts = packet.dts = n * STEP_MS
            packet.is_keyframe = not content[0] & 1
            container.mux(packet)
    valid = np.ones(len(contents) if known is None else known, dtype=np.bool_)
    return decode_session(path, session_id=SESSION_ID, pts_valid=valid, options=DecodeOptions(export_hz=0))


def test_a_packet_that_shows_nothing_does_not_shift_the_frames_after_it(tmp_path: Path) -> None:
    stream = packets(20)
    stream[7] = bytes([stream[7][0] & ~0x10]) + stream[7][1:]  # show_frame: RFC 6386, section 9.1
    made = decoded(tmp_path, stream)
    assert made.signals["frame_idx"].to_list() == [n for n in range(20) if n != 7]
    assert (made.signals["pts_ms"] == made.signals["frame_idx"] * STEP_MS).all()
    assert sorted(made.jpegs) == made.signals["frame_idx"].to_list()


def test_a_damaged_packet_keeps_the_frames_before_it_and_moves_none(tmp_path: Path) -> None:
    stream = packets(10)
    stream[6] = b"\x00"
    made = decoded(tmp_path, stream)
    assert made.signals["frame_idx"].to_list()[:6] == list(range(6))
    assert (made.signals["pts_ms"] == made.signals["frame_idx"] * STEP_MS).all()


def test_a_huge_picture_is_refused_by_its_key_frame_before_anything_is_decoded(tmp_path: Path) -> None:
    stream = packets(3)
    stream[0] = stream[0][:6] + (12_000).to_bytes(2, "little") * 2 + stream[0][10:]
    made = decoded(tmp_path, stream)
    assert (made.signals.height, made.reason) == (0, Reason.BAD_DIMENSIONS)
    assert made.detail is not None and "frame 0 is 12000x12000" in made.detail


def test_frames_beyond_the_aligned_packets_are_measured_but_not_exported(tmp_path: Path) -> None:
    made = decoded(tmp_path, packets(12), known=8)
    assert made.signals.height == 12
    assert sorted(made.jpegs) == list(range(8))
