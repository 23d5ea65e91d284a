"""Reads single segments and sample pictures of the training shards that `layout.py` writes."""

import io
from collections.abc import Callable
from dataclasses import dataclass, fields

import polars as pl

from resources.object_store import ObjectStore


@dataclass(frozen=True, kw_only=True)
class IndexedSegment:
    """A row of DATASET_INDEX; the fields are explained there."""

    segment_id: str
    session_id: str
    wallet: str
    origin: str
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


def indexed_segments(index: pl.DataFrame) -> list[IndexedSegment]:
    """The rows of a DATASET_INDEX frame in segment order."""
    names = [field.name for field in fields(IndexedSegment)]
    rows = index.select(names).sort("segment_id").iter_rows(named=True)
    return [IndexedSegment(**row) for row in rows]


class SegmentReader:
    """Reads segments of training shards; the shard read last is kept, so reading in index order is cheap.

    Example:
        export_dataset(index, SegmentReader(store.get), out, layout="cilrs")
    """

    def __init__(self, get: Callable[[str], bytes]) -> None:
        """Read through `get`, which gives the bytes of an object key."""
        self._get = get
        self._key: str | None = None
        self._shard = pl.DataFrame()

    def __call__(self, segment: IndexedSegment) -> pl.DataFrame:
        """The rows of one segment (SHARD_FRAMES)."""
        if segment.shard_key != self._key:
            self._shard = pl.read_parquet(io.BytesIO(self._get(segment.shard_key)))
            self._key = segment.shard_key
        return self._shard.slice(segment.first_row, segment.rows)


def sample_jpegs(index: pl.DataFrame, clean: ObjectStore, count: int = 18) -> list[bytes]:
    """A picture from the middle of up to `count` segments, spread over an index."""
    chosen = index.gather_every(max(1, index.height // count)).head(count)
    jpegs = []
    for (shard_key,), rows in chosen.group_by(["shard_key"], maintain_order=True):
        with clean.local_copy(str(shard_key)) as path:
            pictures = pl.scan_parquet(path).select("jpeg").collect()["jpeg"]
        jpegs += [pictures[row["first_row"] + row["rows"] // 2] for row in rows.iter_rows(named=True)]
    return jpegs
