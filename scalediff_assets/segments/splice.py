"""Logical cuts: segments of about 5 s inside gap-free runs. Nothing is encoded again.

A run breaks where the PTS breaks (`run_id`), where the picture jumps (`cut`), where a packet shows
no picture, and at teleports of the pose. A jump at a frame whose PTS cannot be trusted counts for
the next frame that can. The frames across a teleport are dropped, because no pose is known there.
For a legacy recording the moment of a teleport is known only to within the start's uncertainty:
when the picture shows the jump there, that is where the cut is; when it does not, the whole
uncertain zone is dropped.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalediff_assets.schemas import RECORDED_ORIGIN, SEGMENTS
from scalediff_contract.reasons import Reason

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
_POSE_SHARE_MIN = 0.5


@dataclass(frozen=True, kw_only=True)
class SpliceOptions:
    """Lengths and the idle rule.

    Attributes:
        target_s: Wanted length; a part of length L gives round(L / target) equal segments.
        min_s: Shorter parts are dropped. With frames at most 500 ms apart and `min_s` at most 0.75
            targets less 500 ms, every segment spans `min_s` to 1.5 targets.
        idle_path_m: A segment with a shorter path and no held key is idle.
    """

    target_s: float = 5.0
    min_s: float = 3.0
    idle_path_m: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.min_s <= 0.75 * self.target_s:
            raise ValueError(
                f"min_s is {self.min_s:g} (over 0, at most 0.75 of target_s, which is {self.target_s:g})"
            )


def cut_segments(
    *,
    session_id: str,
    frames: pl.DataFrame,
    signals: pl.DataFrame,
    start_uncertainty_ms: float = 0.0,
    options: SpliceOptions | None = None,
) -> pl.DataFrame:
    """Cut one session.

    Args:
        session_id: The session.
        frames: Its FRAMES.
        signals: Its SIGNALS; a frame that was not decoded is in no segment.
        start_uncertainty_ms: Half width of the start's interval; 0 for exact recordings.
        options: Lengths.

    Returns:
        SEGMENTS in time order; idle ones carry a `skip_reason`.
    """
    options = options or SpliceOptions()
    rows = _usable(frames, signals, start_uncertainty_ms)
    found = []
    for part in _parts(rows):
        found += [rows[first:end] for first, end in _equal_cuts(rows["pts_ms"].to_numpy(), part, options)]
    return SEGMENTS.frame(
        [_row(session_id, number, part, options) for number, part in enumerate(found, start=1)]
    )


def longest_part_ms(frames: pl.DataFrame, signals: pl.DataFrame, start_uncertainty_ms: float = 0.0) -> int:
    """Span of the longest part without a gap, cut or teleport: what a refusal names."""
    rows = _usable(frames, signals, start_uncertainty_ms)
    pts_ms = rows["pts_ms"].to_numpy()
    return max((int(pts_ms[end - 1] - pts_ms[first]) for first, end in _parts(rows)), default=0)


def _usable(frames: pl.DataFrame, signals: pl.DataFrame, start_uncertainty_ms: float) -> pl.DataFrame:
    """Decoded frames with a trusted PTS outside teleports, in order, with the part that each is in."""
    measured = signals.select("frame_idx", "exported", "cut", decoded=pl.lit(True))
    jumps = pl.col("cut", "teleport").fill_null(False)
    trusted = (
        frames.join(measured, on="frame_idx", how="left")
        .sort("frame_idx")
        .with_columns(jumps, jumps.cast(pl.Int32).cum_sum().name.suffix("s_so_far"))
        .filter(pl.col("pts_valid") & (pl.col("run_id") >= 0))
        .with_columns(
            (pl.col(f"{name}s_so_far").diff() > 0).fill_null(pl.col(name)).alias(name)
            for name in ("cut", "teleport")
        )
    )
    dropped = teleport_zone(
        trusted["pts_ms"].to_numpy(),
        trusted["teleport"].to_numpy(),
        trusted["cut"].to_numpy(),
        start_uncertainty_ms,
    )
    kept = trusted.with_row_index("order").filter(~pl.Series(dropped) & pl.col("decoded").is_not_null())
    new_part = (
        (pl.col("run_id") != pl.col("run_id").shift())
        | pl.col("cut")
        | (pl.col("order") != pl.col("order").shift() + 1)
    )
    return kept.with_columns(new_part.fill_null(True).cum_sum().alias("part"))


def teleport_zone(pts_ms: Ints, teleport: Bools, cut: Bools, start_uncertainty_ms: float) -> Bools:
    """Which frames to drop around teleports.

    Args:
        pts_ms: `(N,)`, increasing.
        teleport: `(N,)`, the pose is across a teleport.
        cut: `(N,)`, the picture jumps.
        start_uncertainty_ms: How far the teleport may lie from where it seems.

    Returns:
        `(N,) bool`.
    """
    dropped = teleport.copy()
    edges = np.flatnonzero(np.diff(np.concatenate(([0], teleport.astype(np.int8), [0]))))
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        low, high = pts_ms[first] - start_uncertainty_ms, pts_ms[end - 1] + start_uncertainty_ms
        zone = (pts_ms >= low) & (pts_ms <= high)
        if not (cut & zone).any():
            dropped |= zone
    return dropped


def _parts(rows: pl.DataFrame) -> list[tuple[int, int]]:
    """Half-open row ranges of the parts."""
    parts = rows["part"].to_numpy()
    if not len(parts):
        return []
    inner = np.flatnonzero(parts[1:] != parts[:-1]) + 1
    bounds = [0, *inner.tolist(), len(parts)]
    return list(pairwise(bounds))


def _equal_cuts(pts_ms: Ints, part: tuple[int, int], options: SpliceOptions) -> list[tuple[int, int]]:
    first, end = part
    span_ms = int(pts_ms[end - 1] - pts_ms[first])
    if span_ms < options.min_s * 1000:
        return []
    count = max(1, round(span_ms / (options.target_s * 1000)))
    inner = pts_ms[first] + span_ms * np.arange(1, count) / count
    bounds = [first, *(first + np.searchsorted(pts_ms[first:end], inner, side="left")), end]
    return [(int(a), int(b)) for a, b in pairwise(bounds) if b > a]


def _row(session_id: str, number: int, part: pl.DataFrame, options: SpliceOptions) -> dict[str, object]:
    return {
        "segment_id": f"{session_id}_{number:03d}",
        "session_id": session_id,
        "origin": RECORDED_ORIGIN,
        "segment_index": number,
        "first_frame_idx": part["frame_idx"][0],
        "end_frame_idx": part["frame_idx"][-1] + 1,
        "start_pts_ms": part["pts_ms"][0],
        "end_pts_ms": part["pts_ms"][-1],
        "frames": part.height,
        "exported_frames": int(part["exported"].sum()),
        "skip_reason": Reason.IDLE.value if _is_idle(part, options) else None,
    }


def _is_idle(part: pl.DataFrame, options: SpliceOptions) -> bool:
    """No key is held and the car stands; a pose that is mostly unknown is not a standing car."""
    held = part.select(pl.any_horizontal(f"held_{key}" for key in "wasd").fill_null(False).any()).item()
    pose = part.select("x_m", "y_m").drop_nulls().to_numpy()
    if held or len(pose) < max(2, _POSE_SHARE_MIN * part.height):
        return False
    return float(np.linalg.norm(np.diff(pose, axis=0), axis=1).sum()) < options.idle_path_m
