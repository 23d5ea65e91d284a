"""The stills of a video by frame id: one decode pass, 256x256, the stamp painted over.

A packet's id comes from the recording's sidecar where it has one and from the picture's stamp where not.
The stamp's checksum has 8 bits, so a damaged strip passes as some id once in 256 times: without a sidecar an
id counts only where it is higher than the one before; with one, every readable stamp is held against it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import simplejpeg
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from scalediff_assets.segments.decode import (
    DecodeOptions,
    StopDecodingError,
    paint_over_stamp,
    picture_plane,
    video_frames,
)
from scalediff_assets.segments.signals import SIDE_PX
from scalediff_contract.bundle import FrameLink
from world.recorder.stamp import read_stamp

Luma = NDArray[np.uint8]
Wanted = Callable[[int, int], bool]
# One damaged strip in 256 reads as another id; more contradictions are another recording's sidecar.
CONTRADICTIONS_SHARE_MAX = 0.02


@dataclass(frozen=True, kw_only=True)
class Still:
    """One frame of a video.

    Attributes:
        index: Its packet, in file order.
        pts_ms: Its time stamp.
        luma: `(256, 256) uint8`, full range.
        jpeg: The picture in colour.
    """

    index: int
    pts_ms: int
    luma: Luma
    jpeg: bytes


@dataclass(kw_only=True)
class Stills:
    """What a pass over a video found.

    Attributes:
        by_id: Wanted frames by frame id.
        frames: Decoded frames.
        unnamed: Frames without an id.
        contradictions: Frames whose stamp names another id than the sidecar.
        problem: Why the decoder stopped early; None where the file was read to its end.
    """

    by_id: dict[int, Still] = field(default_factory=dict)
    frames: int = 0
    unnamed: int = 0
    contradictions: int = 0
    problem: str | None = None


def read_stills(
    path: Path, *, links: Iterable[FrameLink], wanted: Wanted, options: DecodeOptions | None = None
) -> Stills:
    """Decode a video once and keep the wanted frames; a broken file gives what came before the break.

    Args:
        path: The video, with a stamp in every picture.
        links: The sidecar's frame ids by packet; empty: the stamps alone say them.
        wanted: Told a frame id and a PTS in ms, says whether the frame is kept.
        options: Limits of the pass.
    """
    found = Stills()
    try:
        _read(path, {link.n: link.src_frame for link in links}, wanted, options or DecodeOptions(), found)
    except StopDecodingError as stop:
        found.problem = stop.detail
    except av.FFmpegError as error:
        found.problem = f"the decoder stopped after {found.frames} frames ({error.strerror})"
    return found


def _read(
    path: Path, logged: dict[int, int | None], wanted: Wanted, options: DecodeOptions, found: Stills
) -> None:
    scaler = VideoReformatter()
    last = -1
    for index, pts_ms, frame in video_frames(path, options):
        found.frames += 1
        stamp = read_stamp(picture_plane(frame, 0))
        known = logged.get(index) if logged else stamp if stamp is not None and stamp > last else None
        if known is None:
            found.unnamed += 1
            continue
        found.contradictions += stamp is not None and stamp != known
        last = known
        if known not in found.by_id and wanted(known, pts_ms):
            found.by_id[known] = _still(scaler, frame, index, pts_ms, options.jpeg_quality)


def _still(scaler: VideoReformatter, frame: av.VideoFrame, index: int, pts_ms: int, quality: int) -> Still:
    small = scaler.reformat(frame, SIDE_PX, SIDE_PX, "yuvj420p", interpolation="AREA", threads=1)
    planes = [picture_plane(small, number) for number in range(3)]
    paint_over_stamp(planes, frame)
    jpeg = simplejpeg.encode_jpeg_yuv_planes(*planes, quality=quality)
    return Still(index=index, pts_ms=pts_ms, luma=planes[0].copy(), jpeg=jpeg)


def luma_of(jpeg: bytes) -> Luma:
    """A stored picture's luma, `(256, 256) uint8`."""
    return np.asarray(simplejpeg.decode_jpeg(jpeg, colorspace="GRAY")[:, :, 0], np.uint8)
