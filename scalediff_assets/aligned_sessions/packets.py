"""The video's packets and their clock: demux only, nothing is decoded.

The packet time stamp (PTS) is the only clock of a recorded webm: browsers write no duration, no
frame count and a meaningless frame rate. Demuxing a 60 s video takes about 20 ms where decoding
takes 3 s. What game time a PTS means is in `clock.py`.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scalediff_assets.aligned_sessions.container import ends_early

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

RUN_GAP_MS = 500
_MATROSKA_MS = Fraction(1, 1000)


@dataclass(frozen=True, kw_only=True)
class Packets:
    """The video packets in file order.

    Attributes:
        pts_ms: (N,) int64, presentation time; a packet without one repeats its predecessor's.
        keyframe: (N,) bool.
        size_bytes: (N,) int64.
        truncated: The container ended, or broke, inside one of its elements.
    """

    pts_ms: Ints
    keyframe: Bools
    size_bytes: Ints
    truncated: bool = False

    def __len__(self) -> int:
        return len(self.pts_ms)


def read_packets(path: Path) -> Packets:
    """Demux the first video stream of a file as far as it can be read.

    Args:
        path: A webm; one that is empty or not a video yields no packets and `truncated`.

    Returns:
        Its packets, PTS in ms by the stream's own time base.

    Raises:
        FileNotFoundError: Where there is no file.
    """
    import av

    rows: list[tuple[int | None, bool, int]] = []
    time_base = _MATROSKA_MS
    truncated = ends_early(path.read_bytes())
    try:
        with av.open(path, mode="r") as container:
            stream = container.streams.video[0]
            time_base = stream.time_base or _MATROSKA_MS
            for packet in container.demux(stream):
                if packet.size:  # the last packet of a demuxer is an empty flush
                    rows.append((packet.pts, packet.is_keyframe, packet.size))
                    truncated |= packet.is_corrupt
    except (av.FFmpegError, IndexError):  # IndexError: no video stream
        truncated = True
    return _packets(rows, time_base, truncated=truncated)


def _packets(rows: list[tuple[int | None, bool, int]], time_base: Fraction, *, truncated: bool) -> Packets:
    known = np.array([pts is not None for pts, _, _ in rows], dtype=np.bool_)
    ticks = np.array([pts or 0 for pts, _, _ in rows], dtype=np.int64)
    pts_ms = np.rint(ticks * float(time_base * 1000)).astype(np.int64)
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(rows)), 0))
    return Packets(
        pts_ms=np.maximum(pts_ms[last_known], 0),
        keyframe=np.array([keyframe for _, keyframe, _ in rows], dtype=np.bool_),
        size_bytes=np.array([size for _, _, size in rows], dtype=np.int64),
        truncated=truncated,
    )


def run_ids(pts_ms: Ints, *, gap_ms: int = RUN_GAP_MS) -> tuple[Bools, npt.NDArray[np.int32]]:
    """Which time stamps can be trusted, and the gap-free runs that they form.

    A stamp is trusted when it is larger than every earlier one and its successor does not repeat
    it: where the muxer clamps a clock that went backwards it repeats one value, and only "at or
    before" is known of every packet there, the first included. A run breaks where two neighbouring
    trusted stamps lie more than `gap_ms` apart; exactly `gap_ms` does not break it.

    Args:
        pts_ms: (N,) int64 in file order.
        gap_ms: Largest distance inside a run.

    Returns:
        `pts_valid` (N,) bool and `run_id` (N,) int32: from 0 in file order, -1 where not trusted.
    """
    valid = np.ones(len(pts_ms), dtype=np.bool_)
    valid[1:] = pts_ms[1:] > np.maximum.accumulate(pts_ms)[:-1]
    valid[:-1] &= pts_ms[:-1] != pts_ms[1:]
    return valid, number_runs(pts_ms, valid, gap_ms=gap_ms)


def number_runs(pts_ms: Ints, valid: Bools, *, gap_ms: int = RUN_GAP_MS) -> npt.NDArray[np.int32]:
    """Number the gap-free runs of the valid stamps, which increase: (N,) int32, -1 elsewhere."""
    run_id = np.full(len(pts_ms), -1, dtype=np.int32)
    trusted = pts_ms[valid]
    run_id[valid] = np.concatenate(([0], np.cumsum(np.diff(trusted) > gap_ms)))[: len(trusted)]
    return run_id


def longest_run_ms(pts_ms: Ints, run_id: npt.NDArray[np.int32]) -> int:
    """Span of the longest run, last PTS minus first; 0 without a run."""
    trusted = run_id >= 0
    if not trusted.any():
        return 0
    runs = run_id[trusted]
    first = np.searchsorted(runs, np.arange(runs[-1] + 1), side="left")
    last = np.searchsorted(runs, np.arange(runs[-1] + 1), side="right") - 1
    pts = pts_ms[trusted]
    return int((pts[last] - pts[first]).max())
