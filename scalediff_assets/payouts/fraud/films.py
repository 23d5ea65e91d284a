"""Static and looped video: pictures that come back, or stay, while the car drives on. No picture is decoded.

- `repeated`: the share of perceptual hashes (PDQ, one a second) that are found again in the same session at a
  place far away. A still has them all, a loop whose length is near whole seconds most.
- `loop`: how well the picture's brightness, contrast and sharpness, freed of slow changes, agree with
  themselves one loop later, as a correlation; the best loop of all lengths. A loop of any length shows here.
- `still`: the share of the moving time in which neither changes: a still with grain.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

_GRID_S, _SMOOTH_S, _LOOP_MIN_S = 0.125, 2.0, 0.75
_SERIES = ("luma_mean", "luma_std", "sharpness")
_OVERLAP_MIN_S = 4.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Film:
    """A session's measures; None where it moved too little or has too few hashes to tell.

    Attributes:
        session_id: The session.
        repeated: 0 to 1.
        loop: -1 to 1.
        still: 0 to 1.
    """

    session_id: str
    repeated: float | None
    loop: float | None
    still: float | None


@dataclass(frozen=True, kw_only=True)
class FilmLimits:
    """What counts as the same picture, and when there is enough to tell."""

    distance_max: int
    apart_min_m: float
    hashes_min: int
    moving_min_s: float
    still_change_max: float


def film_of(session_id: str, rows: pl.DataFrame, limits: FilmLimits) -> Film:
    """Measure one session.

    Args:
        session_id: The session.
        rows: Its SIGNALS with `game_t_ms, x_m, y_m, speed_mps` of FRAMES, in order of frames.
        limits: What counts.
    """
    known = rows.drop_nulls(["game_t_ms", "x_m", "y_m", "speed_mps"])
    moving_s = _moving_s(known)
    if moving_s < limits.moving_min_s:
        return Film(session_id=session_id, repeated=None, loop=None, still=None)
    series = _series(known)
    return Film(
        session_id=session_id,
        repeated=_repeated(known.drop_nulls("pdq_hash"), limits),
        loop=_loop(series),
        still=_still(known, limits.still_change_max),
    )


def _moving_s(known: pl.DataFrame) -> float:
    step_s = known["game_t_ms"].diff().fill_null(0.0).clip(0.0, 1_000.0) / 1000.0
    return float(step_s.filter(known["speed_mps"] > 1.0).sum())


def _repeated(hashed: pl.DataFrame, limits: FilmLimits) -> float | None:
    """Share of hashes with a near one far away."""
    if hashed.height < limits.hashes_min:
        return None
    words = np.frombuffer(bytes.fromhex(hashed["pdq_hash"].str.join().item()), np.uint64).reshape(-1, 4)
    bits = np.bitwise_count(words[:, None] ^ words[None]).sum(axis=2)
    x_m, y_m = hashed["x_m"].to_numpy(), hashed["y_m"].to_numpy()
    apart_m = np.hypot(x_m[:, None] - x_m, y_m[:, None] - y_m)
    again = (bits <= limits.distance_max) & (apart_m >= limits.apart_min_m)
    # A place without another one far away cannot tell.
    could = (apart_m >= limits.apart_min_m).any(axis=1)
    return float(again[could].any(axis=1).mean()) if int(could.sum()) >= limits.hashes_min else None


def _series(known: pl.DataFrame) -> Floats:
    """`(3, T)` on an even grid, less its running mean; where the car stands, nothing is known."""
    t_s = known["game_t_ms"].to_numpy() / 1000.0
    grid_s = np.arange(t_s[0], t_s[-1], _GRID_S)
    moves = np.interp(grid_s, t_s, known["speed_mps"].to_numpy()) > 1.0
    width = round(_SMOOTH_S / _GRID_S) + 1
    rows = []
    for name in _SERIES:
        value = np.interp(grid_s, t_s, known[name].cast(pl.Float64).to_numpy())
        padded = np.pad(value, width // 2, mode="edge")
        rows.append(value - np.convolve(padded, np.ones(width) / width, mode="valid")[: len(value)])
    return np.where(moves, np.stack(rows), np.nan)


def _loop(series: Floats) -> float | None:
    """The best correlation with itself at any lag that leaves enough to compare."""
    length, least = series.shape[1], round(_OVERLAP_MIN_S / _GRID_S)
    found = []
    for lag in range(round(_LOOP_MIN_S / _GRID_S), length - least):
        first, second = series[:, :-lag], series[:, lag:]
        both = ~np.isnan(first[0]) & ~np.isnan(second[0])
        if int(both.sum()) < least:
            continue
        one, two = first[:, both], second[:, both]
        scale = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
        found.append(float(((one * two).sum(axis=1) / np.maximum(scale, 1e-9)).mean()))
    return max(found, default=None)


def _still(known: pl.DataFrame, change_max: float) -> float:
    """Share of moving frames whose histogram is that of the frame before."""
    moving = known.filter(pl.col("speed_mps") > 1.0)
    same = (moving["hist_change"].fill_null(1.0) <= change_max).to_numpy()
    return float(same.mean()) if len(same) else 0.0
