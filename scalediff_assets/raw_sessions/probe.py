"""What a recorded WebM is, read from its container without decoding a picture.

The demuxer is forced to Matroska, so a playlist or a script in disguise opens nothing else. Reading
stops at the limits: a container of ten million empty packets costs as much as one of 15,000. Sizes are
compared with the key frames' own headers too, because a decoder allocates what those say.

Packet PTS is the only clock that a MediaRecorder's file has: no duration, no frame count, no rate.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scalediff_assets.raw_sessions.rejection import BundleRejectedError
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

CODECS = ("vp8", "vp9")
_EBML_MAGIC = b"\x1a\x45\xdf\xa3"
_VP8_START_CODE = b"\x9d\x01\x2a"
_VP9_SYNC_CODE = 0x498342
_VP9_SRGB = 7
_HEAD_BYTES = 16
_PROBE_OPTIONS = {"probesize": "1000000", "analyzeduration": "0"}


@dataclass(frozen=True, kw_only=True)
class VideoProbe:
    """What a container says of its one video stream.

    Attributes:
        codec: `vp8` or `vp9`.
        width_px: Coded width.
        height_px: Coded height.
        packets: Packets in the file.
        last_pts_ms: Largest presentation time stamp.
    """

    codec: str
    width_px: int
    height_px: int
    packets: int
    last_pts_ms: int


def probe_video(path: Path, limits: BundleLimits, *, subject: str = "video") -> VideoProbe:
    """Demux a recorded video, up to the limits, and say what it is.

    Args:
        path: A local file.
        limits: Bounds of size, side lengths, packets and duration.
        subject: Whose video it is, for the sentence of a rejection.

    Raises:
        BundleRejectedError: NO_VIDEO, TOO_LARGE, NOT_WEBM, WRONG_CODEC, BAD_DIMENSIONS, TOO_MANY_FRAMES,
            TOO_LONG or TRUNCATED_VIDEO; no other error for any content.
    """
    import av

    _check_file(path, limits, subject)
    try:
        with av.open(
            str(path), format="matroska", options=_PROBE_OPTIONS, metadata_errors="replace"
        ) as container:
            stream = _only_stream(container, subject)
            _check_size(stream.width, stream.height, limits, subject)
            packets, last_pts_ms = _demux(container, stream, limits, subject)
            return VideoProbe(
                codec=stream.codec_context.name,
                width_px=stream.width,
                height_px=stream.height,
                packets=packets,
                last_pts_ms=last_pts_ms,
            )
    except av.FFmpegError as error:
        raise _not_webm(subject, str(error)) from error


def key_frame_size_px(codec: str, packet: bytes) -> tuple[int, int] | None:
    """Width and height from a key frame's own header; None for other frames and unreadable headers.

    VP8 by RFC 6386, section 9.1; VP9 by its bitstream specification, section 7.2, profile 0.
    """
    if codec == "vp8":
        if len(packet) < 10 or packet[0] & 1 or packet[3:6] != _VP8_START_CODE:
            return None
        width, height = (int.from_bytes(packet[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return width, height
    bits = _Bits(packet[:_HEAD_BYTES])
    head = bits.take(8)  # marker 2, profile 2, show_existing 1, frame_type 1, show_frame 1, error_res 1
    if head >> 2 != 0b100000 or bits.take(24) != _VP9_SYNC_CODE or bits.take(3) == _VP9_SRGB:
        return None
    bits.take(1)  # colour range
    return bits.take(16) + 1, bits.take(16) + 1


class _Bits:
    """Bits of a few bytes, most significant first; zeros beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data.ljust(_HEAD_BYTES, b"\0"), "big")
        self._left = 8 * _HEAD_BYTES

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & (1 << count) - 1


def _check_file(path: Path, limits: BundleLimits, subject: str) -> None:
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise BundleRejectedError(
            Reason.NO_VIDEO, f"{subject} has 0 bytes (minimum 1); ask the player to record again"
        )
    if size_bytes > limits.video_bytes:
        raise BundleRejectedError(
            Reason.TOO_LARGE, f"{subject} has {size_bytes} bytes (limit {limits.video_bytes})"
        )
    with path.open("rb") as file:
        magic = file.read(len(_EBML_MAGIC))
    if magic != _EBML_MAGIC:
        raise _not_webm(subject, f"it begins with {magic.hex()}, not {_EBML_MAGIC.hex()}")


def _only_stream(container: "InputContainer", subject: str) -> "VideoStream":
    found = [
        f"{stream.type}/{stream.codec_context.name if stream.codec_context else 'unknown'}"
        for stream in container.streams
    ]
    if not found:
        raise _not_webm(subject, "it holds no stream")
    if len(found) != 1 or found[0] not in {f"video/{codec}" for codec in CODECS}:
        raise BundleRejectedError(
            Reason.WRONG_CODEC,
            f"{subject} holds {', '.join(found[:8])}; one stream of VP8 or VP9 is expected",
        )
    return container.streams.video[0]


def _check_size(width_px: int, height_px: int, limits: BundleLimits, subject: str) -> None:
    least = limits.min_side_px
    if not (least <= width_px <= limits.max_width_px and least <= height_px <= limits.max_height_px):
        raise BundleRejectedError(
            Reason.BAD_DIMENSIONS,
            f"{subject} is {width_px}x{height_px} px (limits {least}x{least} to"
            f" {limits.max_width_px}x{limits.max_height_px})",
        )


def _demux(
    container: "InputContainer", stream: "VideoStream", limits: BundleLimits, subject: str
) -> tuple[int, int]:
    """Number of packets and largest PTS in ms."""
    packets, last_pts_ms, codec = 0, 0, stream.codec_context.name
    tick_ms = 1000 * stream.time_base if stream.time_base else 1
    for packet in container.demux(stream):
        if packet.dts is None and packet.size == 0:  # the flush marker after the last packet
            continue
        packets += 1
        last_pts_ms = max(last_pts_ms, round((packet.pts or 0) * tick_ms))
        _check_key_frame(bytes(memoryview(packet)[:_HEAD_BYTES]), codec, limits, subject)
        _check_extent(packets, last_pts_ms, limits, subject)
    if packets < limits.min_frames:
        raise BundleRejectedError(
            Reason.TRUNCATED_VIDEO,
            f"{subject} holds {packets} frames (minimum {limits.min_frames}); ask the player to record again",
        )
    return packets, last_pts_ms


def _check_key_frame(head: bytes, codec: str, limits: BundleLimits, subject: str) -> None:
    size_px = key_frame_size_px(codec, head)
    if size_px is not None:
        _check_size(*size_px, limits, f"a key frame of {subject}")


def _check_extent(packets: int, last_pts_ms: int, limits: BundleLimits, subject: str) -> None:
    if packets > limits.max_frames:
        raise BundleRejectedError(
            Reason.TOO_MANY_FRAMES, f"{subject} holds more than {limits.max_frames} frames"
        )
    if last_pts_ms > limits.duration_ms:
        raise BundleRejectedError(
            Reason.TOO_LONG, f"{subject} reaches {last_pts_ms} ms (limit {limits.duration_ms} ms)"
        )


def _not_webm(subject: str, problem: str) -> BundleRejectedError:
    return BundleRejectedError(
        Reason.NOT_WEBM, f"{subject} is not a WebM file: {problem}; ask the player to record again"
    )
