"""Frame shards: JPEG bytes and all per-frame columns of a session in one Parquet file.

A row group is a segment, so that one segment is read without the others. JPEG bytes are stored as
they are, because they do not compress; other columns with zstd. Equal rows give equal bytes:
nothing of the time or the machine goes in.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from scalediff_assets.schemas import SHARD_FRAMES


def session_shard(frames: pl.DataFrame, segments: pl.DataFrame, jpegs: dict[int, bytes]) -> bytes:
    """The shard of one session.

    Args:
        frames: FRAMES of the session.
        segments: Its SEGMENTS; those with a `skip_reason` are left out.
        jpegs: Frame index to JPEG bytes; frames without one are left out.

    Returns:
        Parquet bytes with the columns of SHARD_FRAMES.
    """
    pictures = pl.DataFrame(
        {"frame_idx": list(jpegs), "jpeg": list(jpegs.values())},
        schema={"frame_idx": pl.Int32, "jpeg": pl.Binary},
    )
    exported = frames.join(pictures, on="frame_idx", maintain_order="left")
    judged = segments.filter(pl.col("skip_reason").is_null())
    parts = [
        exported.filter(
            (pl.col("frame_idx") >= row["first_frame_idx"]) & (pl.col("frame_idx") < row["end_frame_idx"])
        ).with_columns(segment_id=pl.lit(row["segment_id"]))
        for row in judged.iter_rows(named=True)
    ]
    parts = [SHARD_FRAMES.conform(part) for part in parts if part.height]
    return parquet_bytes(
        pl.concat([SHARD_FRAMES.empty(), *parts]), row_groups=[part.height for part in parts]
    )


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


def read_shard(path: Path) -> pl.DataFrame:
    """All rows of a shard (SHARD_FRAMES)."""
    return pl.read_parquet(path)
