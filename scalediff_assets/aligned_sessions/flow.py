"""Refining a legacy clock by the picture: forward motion seen against speed logged.

Driving forward makes the picture expand from its centre. The expansion rate from optical flow,
shifted by delta = game time - PTS, should correlate with the logged speed; the best delta absorbs
recording start, network and pipeline delay together. On real sessions this found the delay within
80 ms where a run is long and lively, and was ambiguous elsewhere, so a peak is accepted only through
four gates. It needs a decode (about 3 ms per frame) and is therefore optional.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scalediff_assets.aligned_sessions.clock import StartEstimate
from scalediff_assets.aligned_sessions.packets import Bools, Floats, Ints, run_ids

FLOW_WIDTH_PX, FLOW_HEIGHT_PX = 256, 144
_PAIR_MIN_MS, _PAIR_MAX_MS = 25, 700
_MIN_PAIRS = 20
_STEP_MS = 20.0
_MARGIN_MS = 1000.0
_MIN_PEAK = 0.6
_MIN_LEAD = 0.1
_PLATEAU_DROP = 0.03
_MAX_PLATEAU_MS = 500.0
_MIN_SPEED_SPREAD = 0.2
_CHUNK_CELLS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class FlowSignal:
    """Picture expansion between neighbouring frames of one run.

    Attributes:
        pts_ms: (P,) middle of each pair.
        expansion_per_s: (P,) median radial flow in px per second at 256x144, smoothed over 3 pairs.
    """

    pts_ms: Floats
    expansion_per_s: Floats


@dataclass(frozen=True, kw_only=True)
class ContentMatch:
    """An accepted delay: game time = PTS + `delta_ms`, within half the plateau."""

    delta_ms: float
    correlation: float
    plateau_ms: float


def flow_signal(path: Path) -> FlowSignal:
    """Decode a video once and measure its expansion.

    Args:
        path: A webm that `read_packets` can read; frames after a decoding error are left out.

    Returns:
        The signal; empty for a video without two trustworthy neighbouring frames.

    Raises:
        FileNotFoundError: Where there is no file.
    """
    import av

    stamps: list[int] = []
    lumas: list[npt.NDArray[np.uint8]] = []
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            for frame in container.decode(stream):
                stamps.append(round((frame.time or 0.0) * 1000))
                small = frame.reformat(FLOW_WIDTH_PX, FLOW_HEIGHT_PX, "gray", interpolation="AREA")
                lumas.append(small.to_ndarray().astype(np.uint8, copy=False))
    except FileNotFoundError:
        raise
    except (av.FFmpegError, IndexError):  # what was decoded before the damage still counts
        pass
    return _expansion(np.array(stamps, dtype=np.int64), lumas)


def _expansion(pts_ms: Ints, lumas: list[npt.NDArray[np.uint8]]) -> FlowSignal:
    import cv2

    _, run = run_ids(pts_ms)
    step_ms = np.diff(pts_ms)
    same_run = (run[1:] == run[:-1]) & (run[1:] >= 0)
    pairs = np.flatnonzero(same_run & (step_ms > _PAIR_MIN_MS) & (step_ms < _PAIR_MAX_MS))
    y, x = np.mgrid[:FLOW_HEIGHT_PX, :FLOW_WIDTH_PX].astype(np.float32)
    x -= (FLOW_WIDTH_PX - 1) / 2
    y -= (FLOW_HEIGHT_PX - 1) / 2
    radius = np.hypot(x, y) + 1
    tracker = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    rates = np.zeros(len(pairs))
    for place, first in enumerate(pairs.tolist()):
        still = np.zeros((FLOW_HEIGHT_PX, FLOW_WIDTH_PX, 2), dtype=np.float32)
        flow = tracker.calc(lumas[first], lumas[first + 1], still)
        radial = (flow[..., 0] * x + flow[..., 1] * y) / radius
        rates[place] = float(np.median(radial)) * 1000.0 / step_ms[first]
    middles = (pts_ms[pairs] + pts_ms[pairs + 1]) / 2 if len(pairs) else np.zeros(0)
    smooth = np.convolve(np.pad(rates, 1, mode="edge"), np.ones(3) / 3, mode="valid") if len(pairs) else rates
    return FlowSignal(pts_ms=middles, expansion_per_s=smooth)


def match_content(
    flow: FlowSignal, speed_t_ms: Floats, speed: Floats, start: StartEstimate, rtt_ms: float
) -> ContentMatch | None:
    """Find the delay by correlation, if it passes every gate.

    The gates: delta inside [start_lo - rtt - 1 s, start_hi - rtt]; correlation of at least 0.6; at
    least 0.1 above every other peak more than 1 s away, anywhere in the log; plateau (correlation
    within 0.03 of the peak) at most 0.5 s wide.

    Args:
        flow: The picture's expansion.
        speed_t_ms: (C,) ascending times of the camera log.
        speed: (C,) its speeds, any unit.
        start: The metadata estimate.
        rtt_ms: Median network round trip.

    Returns:
        The match, or None where the picture does not decide.
    """
    if len(flow.pts_ms) < _MIN_PAIRS or len(speed_t_ms) < 2:
        return None
    low, high = start.lo_ms - rtt_ms - _MARGIN_MS, start.hi_ms - rtt_ms
    scan_lo = min(low, speed_t_ms[0] - flow.pts_ms[0])
    scan_hi = max(high, speed_t_ms[-1] - flow.pts_ms[-1])
    deltas = np.concatenate((np.arange(low, scan_lo, -_STEP_MS)[:0:-1], np.arange(low, scan_hi, _STEP_MS)))
    scores = correlations(flow, speed_t_ms, speed, deltas)
    allowed = (deltas >= low) & (deltas <= high)
    if not allowed.any():
        return None
    peak = int(np.argmax(np.where(allowed, scores, -2.0)))
    rivals = scores[np.abs(deltas - deltas[peak]) > _MARGIN_MS]
    lead = scores[peak] - (rivals.max() if len(rivals) else -1.0)
    plateau_ms = _plateau(scores, peak) * _STEP_MS
    if scores[peak] < _MIN_PEAK or lead < _MIN_LEAD or plateau_ms > _MAX_PLATEAU_MS:
        return None
    return ContentMatch(delta_ms=float(deltas[peak]), correlation=float(scores[peak]), plateau_ms=plateau_ms)


def correlations(flow: FlowSignal, speed_t_ms: Floats, speed: Floats, deltas: Floats) -> Floats:
    """(D,) Pearson correlation of expansion and speed for each delta; -1 where speed is too even."""
    seen = flow.expansion_per_s - flow.expansion_per_s.mean()
    chunks = np.array_split(deltas, max(1, len(deltas) * len(seen) // _CHUNK_CELLS))
    return np.concatenate([_correlate(flow.pts_ms, seen, speed_t_ms, speed, chunk) for chunk in chunks])


def _correlate(pts_ms: Floats, seen: Floats, speed_t_ms: Floats, speed: Floats, deltas: Floats) -> Floats:
    logged = np.interp(pts_ms[None, :] + deltas[:, None], speed_t_ms, speed)  # (D, P)
    logged -= logged.mean(axis=1, keepdims=True)
    spread = logged.std(axis=1)
    norm = spread * seen.std() * len(seen)
    uneven = (spread >= _MIN_SPEED_SPREAD) & (norm > 0)
    scores: Floats = np.where(uneven, logged @ seen / np.where(uneven, norm, 1.0), -1.0)
    return scores


def _plateau(scores: Floats, peak: int) -> int:
    """Number of neighbouring scores around the peak that lie within the plateau's drop."""
    under: Bools = scores < scores[peak] - _PLATEAU_DROP
    right = under[peak:]
    left = under[peak::-1]
    return int(np.argmax(right) if right.any() else len(right)) + int(
        np.argmax(left) if left.any() else len(left)
    )
