"""What a layout writer reads and reports: segments with their frames, and counts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from scalediff_assets.cilrs_datasets.shards import IndexedSegment


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a layout writer made.

    Attributes:
        units: Routes, segment folders, tar files or LeRobot episodes.
        segments: Segments of which at least one frame was written.
        frames: Frames written.
        max_grid_error_ms: Largest distance of a frame from its grid point; None without a grid.
    """

    units: int
    segments: int
    frames: int
    max_grid_error_ms: float | None = None


ReadRows = Callable[[IndexedSegment], pl.DataFrame]
Source = Iterator[tuple[IndexedSegment, pl.DataFrame]]
