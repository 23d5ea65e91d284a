"""A day of the clean data set: training shards, their index, the content hash and the manifest.

Belongs here: packing passing segments into shards, and reading them back. What a segment must do
to pass is decided in `quality_scores`; other people's layouts are made in `exports/`.

Segments are packed whole, in id order, into Parquet shards of about 2,000 frames, a row group for
each segment: one object holds enough frames for sequential reading (about 35 MB), and one segment
can be read alone. Shards are named by their content and the manifest is written last, so a build
that dies leaves nothing that looks finished, and a build done twice writes the same bytes.

Keys: `cilrs_datasets/{day}/{sha256[:16]}.parquet` and `cilrs_datasets/{day}/manifest.json`.

Errors: `MissingFramesError(ValueError)`: a passing segment that its session's shard lacks.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl

from scalediff_assets.schemas import DATASET_INDEX, SHARD_FRAMES, CilrsDataset
from scalediff_assets.segments.shards import parquet_bytes

SHARD_FRAMES_TARGET = 2_000
SCHEMA_VERSION = 1
COMMAND_NAMES = ("left", "right", "straight", "follow")

ReadShard = Callable[[str], pl.DataFrame]
Put = Callable[[str, bytes], Any]


class MissingFramesError(ValueError):
    """A segment passed, but its session's frame shard holds none of its frames."""

    def __init__(self, segment_id: str, session_id: str) -> None:
        self.segment_id = segment_id
        self.session_id = session_id
        super().__init__(
            f"{segment_id}: 0 frames in the shard of {session_id} (minimum 1); "
            "run segments and quality_scores again for the session's hour"
        )


def build_day(
    *,
    day: str,
    verdicts: pl.DataFrame,
    alignments: pl.DataFrame,
    read_shard: ReadShard,
    put: Put,
    shard_frames: int = SHARD_FRAMES_TARGET,
) -> CilrsDataset:
    """Pack the passing segments of a day and publish its manifest.

    Holds one session and one shard of frames in memory.

    Args:
        day: Partition, `2026-02-01`.
        verdicts: VERDICTS of the day.
        alignments: ALIGNMENTS of the day.
        read_shard: Session id to its frames (SHARD_FRAMES).
        put: Stores bytes under a key, replacing what is there.
        shard_frames: Frames at which a shard is closed.

    Raises:
        MissingFramesError: If a passing segment has no frames.
    """
    methods = alignments.select("session_id", "align_method")
    passing = verdicts.filter(pl.col("passed")).join(methods, on="session_id").sort("segment_id")
    rows: list[dict[str, object]] = []
    for shard in pack_segments(_segment_frames(passing, read_shard), shard_frames):
        content = parquet_bytes(pl.concat(shard), row_groups=[segment.height for segment in shard])
        key = f"cilrs_datasets/{day}/{hashlib.sha256(content).hexdigest()[:16]}.parquet"
        put(key, content)
        rows += _index_rows(shard, key)
    placed = pl.DataFrame(rows, schema=_PLACED)
    verdict_columns = passing.select(
        "segment_id",
        "session_id",
        "wallet",
        "origin",
        "policy_hash",
        "align_method",
        pl.col("alignment_uncertainty_ms").alias("align_uncertainty_ms"),
        "score",
    )
    index = DATASET_INDEX.conform(verdict_columns.join(placed, on="segment_id")).sort("segment_id")
    put(f"cilrs_datasets/{day}/manifest.json", _manifest(day, index))
    return CilrsDataset(segments=index)


def dataset_hash(index: pl.DataFrame) -> str:
    """sha256 over the sorted `segment_id content_sha256 policy_hash` lines of an index, in any row order."""
    lines = sorted(index.select("segment_id", "content_sha256", "policy_hash").iter_rows())
    return hashlib.sha256("".join(f"{' '.join(line)}\n" for line in lines).encode()).hexdigest()


def content_sha256(rows: pl.DataFrame) -> str:
    """sha256 over the rows of a segment, JPEG bytes included.

    Defined on values, not on a file format: for each column in declared order its name, its null
    flags and its values (little-endian; text and bytes with their lengths).
    """
    digest = hashlib.sha256()
    for name in SHARD_FRAMES.schema.names():
        values = rows[name]
        digest.update(f"{name} {values.len()}\n".encode())
        digest.update(values.is_null().to_numpy().astype(np.uint8).tobytes())
        if values.dtype in (pl.String, pl.Binary):
            parts = [part.encode() if isinstance(part, str) else part or b"" for part in values.to_list()]
            digest.update(np.array([len(part) for part in parts], "<i8").tobytes())
            digest.update(b"".join(parts))
        elif values.dtype == pl.Boolean:
            digest.update(values.fill_null(False).to_numpy().astype(np.uint8).tobytes())
        else:
            known = values.fill_null(0).to_numpy()
            digest.update(known.astype(known.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


_PLACED = {
    "segment_id": pl.String,
    "shard_key": pl.String,
    "first_row": pl.Int32,
    "rows": pl.Int32,
    "duration_ms": pl.Int64,
    **{f"frames_{name}": pl.Int32 for name in COMMAND_NAMES},
    "content_sha256": pl.String,
}


def _segment_frames(passing: pl.DataFrame, read_shard: ReadShard) -> Iterator[pl.DataFrame]:
    """The frames of each passing segment, in id order; every session's shard is read once."""
    for (session_id,), wanted in passing.group_by(["session_id"], maintain_order=True):
        shard = SHARD_FRAMES.conform(read_shard(str(session_id))).sort("segment_id", "frame_idx")
        for segment_id in wanted["segment_id"]:
            frames = shard.filter(pl.col("segment_id") == segment_id)
            if not frames.height:
                raise MissingFramesError(segment_id, str(session_id))
            yield frames


def pack_segments(segments: Iterator[pl.DataFrame], shard_frames: int) -> Iterator[list[pl.DataFrame]]:
    """Groups of whole segments; a group is closed when the next segment would pass `shard_frames`."""
    group: list[pl.DataFrame] = []
    rows = 0
    for segment in segments:
        if group and rows + segment.height > shard_frames:
            yield group
            group, rows = [], 0
        group.append(segment)
        rows += segment.height
    if group:
        yield group


def _index_rows(shard: list[pl.DataFrame], key: str) -> Iterator[dict[str, object]]:
    first_row = 0
    for segment in shard:
        yield {
            "segment_id": segment["segment_id"][0],
            "shard_key": key,
            "first_row": first_row,
            "rows": segment.height,
            "duration_ms": segment["pts_ms"][-1] - segment["pts_ms"][0],
            **{
                f"frames_{name}": int((segment["command"] == number).sum())
                for number, name in enumerate(COMMAND_NAMES, start=1)
            },
            "content_sha256": content_sha256(segment),
        }
        first_row += segment.height


def _manifest(day: str, index: pl.DataFrame) -> bytes:
    """What the day holds, as JSON with sorted keys."""
    shards = index.group_by("shard_key", maintain_order=True).agg(
        pl.len().alias("segments"), pl.col("rows").sum()
    )
    content = {
        "schema_version": SCHEMA_VERSION,
        "day": day,
        "dataset_hash": dataset_hash(index),
        "segments": index.height,
        "sessions": index["session_id"].n_unique(),
        "frames": int(index["rows"].sum()),
        "frames_by_command": {name: int(index[f"frames_{name}"].sum()) for name in COMMAND_NAMES},
        "segments_by_origin": dict(index["origin"].value_counts(sort=True).iter_rows()),
        "policy_hashes": index["policy_hash"].unique().sort().to_list(),
        "shards": shards.to_dicts(),
        "columns": {name: str(dtype) for name, dtype in SHARD_FRAMES.schema.items()},
    }
    return json.dumps(content, indent=1, sort_keys=True).encode()
