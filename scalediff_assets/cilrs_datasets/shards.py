"""Training shards as bytes: the Parquet writer, and the reader of single segments.

JPEG bytes are stored as they are (they do not compress), every other column with zstd. Equal rows
give equal bytes: nothing of the time or the machine goes in.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import polars as pl


def parquet_bytes(frame: pl.DataFrame, *, row_groups: Sequence[int]) -> bytes:
    """Parquet bytes of a frame, cut into row groups of the given sizes.

    Raises:
        ValueError: If the sizes do not add up to the frame's rows.
    """
    import pyarrow.parquet as pq

    if sum(row_groups) != frame.height:
        raise ValueError(f"row groups of {sum(row_groups)} rows for a frame of {frame.height}")
    table = frame.to_arrow()
    plain = {name for name, dtype in frame.schema.items() if dtype == pl.Binary}
    buffer = io.BytesIO()
    with pq.ParquetWriter(
        buffer,
        table.schema,
        compression={name: "NONE" if name in plain else "ZSTD" for name in frame.columns},
        use_dictionary=[name for name in frame.columns if name not in plain],
        write_statistics=[name for name in frame.columns if name not in plain],
    ) as writer:
        first = 0
        for rows in row_groups:
            writer.write_table(table.slice(first, rows), row_group_size=rows)
            first += rows
    return buffer.getvalue()


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
