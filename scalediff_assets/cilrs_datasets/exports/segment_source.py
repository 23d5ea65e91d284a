"""What a layout writer reads and reports: indexed segments with their frames, and counts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import polars as pl


@dataclass(frozen=True, kw_only=True)
class IndexedSegment:
    """A row of DATASET_INDEX; the fields are explained there."""

    segment_id: str
    session_id: str
    wallet: str
    shard_key: str
    first_row: int
    rows: int
    duration_ms: int
    policy_hash: str
    align_method: str
    align_uncertainty_ms: float
    score: float
    frames_left: int
    frames_right: int
    frames_straight: int
    frames_follow: int
    content_sha256: str


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


def indexed_segments(index: pl.DataFrame) -> list[IndexedSegment]:
    """The rows of a DATASET_INDEX frame in segment order."""
    names = [field.name for field in fields(IndexedSegment)]
    rows = index.select(names).sort("segment_id").iter_rows(named=True)
    return [IndexedSegment(**row) for row in rows]
