"""A fixed time grid over a segment's stored frames, for layouts that assume a constant rate.

Frames come at the player's rate; trainers assume that list neighbours are one step apart. Each
grid point takes the nearest frame with complete labels, within half a step: so a frame is used at
most once and labels always belong to their picture (nothing is interpolated). A grid point
without a frame is a hole, and a hole ends the route: what follows is a route of its own. Routes
too short to hold a frame and its waypoints are left out.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

LABELS = ("x_m", "y_m", "yaw_rad", "speed_mps", "command", "steer", "throttle", "brake")
DEFAULT_HZ = 5
"""Divides the 10 Hz of stored frames exactly; real streams of 8 to 14 Hz fill it without holes."""

WAYPOINTS = 4
MIN_ROUTE_FRAMES = WAYPOINTS + 1


def routes_on_grid(frames: pl.DataFrame, hz: int) -> Iterator[pl.DataFrame]:
    """The hole-free stretches of one segment at a constant rate.

    Args:
        frames: SHARD_FRAMES rows of one segment.
        hz: Grid points per second; the grid starts at the first frame with complete labels.

    Yields:
        Frames in order with one more column `grid_error_ms`, the time from the grid point to the
        frame. Of two frames equally near the earlier one is taken.
    """
    usable = frames.sort("frame_idx").filter(_labelled())
    if usable.height < MIN_ROUTE_FRAMES:
        return
    pts_ms = usable["pts_ms"].to_numpy().astype(np.float64)  # (n,)
    step_ms = 1000.0 / hz
    grid_ms = np.arange(pts_ms[0], pts_ms[-1] + step_ms / 2, step_ms)  # (g,)
    nearest = _nearest(pts_ms, grid_ms)
    error_ms = pts_ms[nearest] - grid_ms
    filled = (error_ms > -step_ms / 2) & (error_ms <= step_ms / 2)
    for stretch in np.split(np.arange(len(grid_ms)), np.flatnonzero(~filled)):
        points = stretch[filled[stretch]]
        if len(points) >= MIN_ROUTE_FRAMES:
            errors = pl.Series("grid_error_ms", error_ms[points])
            yield usable[nearest[points].tolist()].with_columns(errors)


def _labelled() -> pl.Expr:
    """Every label known and finite, and the picture there."""
    known = [pl.col(name).is_not_null() & pl.col(name).cast(pl.Float64).is_finite() for name in LABELS]
    return pl.all_horizontal(*known, pl.col("jpeg").is_not_null())


def _nearest(pts_ms: np.ndarray, grid_ms: np.ndarray) -> np.ndarray:
    """Index of the frame nearest to each grid point."""
    after = np.searchsorted(pts_ms, grid_ms).clip(1, len(pts_ms) - 1)
    before_is_nearer = grid_ms - pts_ms[after - 1] <= pts_ms[after] - grid_ms
    nearest: np.ndarray = np.where(before_is_nearer, after - 1, after)
    return nearest
