"""Frame shards: what is in them, in which groups, byte for byte."""

import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from scalediff_assets.schemas import SEGMENTS, SHARD_FRAMES
from scalediff_assets.segments.shards import parquet_bytes, read_shard, session_shard

SESSION_ID = "session_1769925785000_abc"
JPEGS = {index: b"\xff\xd8" + bytes([index]) * 500 for index in range(0, 90, 3)}


def segments_of(*bounds: tuple[int, int, str | None]) -> pl.DataFrame:
    return SEGMENTS.frame(
        [
            {
                "segment_id": f"{SESSION_ID}_{number:03d}",
                "session_id": SESSION_ID,
                "origin": "game",
                "segment_index": number,
                "first_frame_idx": first,
                "end_frame_idx": end,
                "start_pts_ms": first * 40,
                "end_pts_ms": (end - 1) * 40,
                "frames": end - first,
                "exported_frames": (end - first) // 3,
                "skip_reason": skip_reason,
            }
            for number, (first, end, skip_reason) in enumerate(bounds, start=1)
        ]
    )


@pytest.fixture
def frames(make_frames: Callable[..., pl.DataFrame]) -> pl.DataFrame:
    return make_frames([k * 40 for k in range(90)])


def test_a_shard_holds_the_exported_frames_of_its_segments(frames: pl.DataFrame) -> None:
    shard = session_shard(frames, segments_of((0, 30, None), (60, 90, None)), JPEGS)
    rows = pl.read_parquet(io.BytesIO(shard))
    assert rows.schema == SHARD_FRAMES.schema
    assert SHARD_FRAMES.problems(rows) == []
    assert rows["frame_idx"].to_list() == [*range(0, 30, 3), *range(60, 90, 3)]
    assert rows["jpeg"].to_list() == [JPEGS[index] for index in rows["frame_idx"]]
    assert rows["segment_id"].unique(maintain_order=True).to_list() == [
        f"{SESSION_ID}_001",
        f"{SESSION_ID}_002",
    ]


def test_a_segment_is_a_row_group(frames: pl.DataFrame) -> None:
    shard = session_shard(frames, segments_of((0, 30, None), (30, 45, None), (45, 90, None)), JPEGS)
    file = pq.ParquetFile(io.BytesIO(shard))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [10, 5, 15]
    third = pl.from_arrow(file.read_row_group(2))
    assert isinstance(third, pl.DataFrame)
    assert set(third["segment_id"]) == {f"{SESSION_ID}_003"}


def test_idle_segments_and_segments_without_pictures_are_left_out(frames: pl.DataFrame) -> None:
    segments = segments_of((0, 30, "idle"), (30, 60, None), (61, 63, None))
    rows = pl.read_parquet(io.BytesIO(session_shard(frames, segments, JPEGS)))
    assert set(rows["segment_id"]) == {f"{SESSION_ID}_002"}


def test_equal_rows_give_equal_bytes(frames: pl.DataFrame) -> None:
    segments = segments_of((0, 45, None), (45, 90, None))
    shuffled = dict(sorted(JPEGS.items(), reverse=True))
    first = session_shard(frames, segments, JPEGS)
    assert first == session_shard(frames.clone(), segments, shuffled)
    assert first != session_shard(frames, segments, JPEGS | {0: b"another picture"})


def test_a_shard_on_disk_is_read_whole(frames: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "shard.parquet"
    path.write_bytes(session_shard(frames, segments_of((0, 30, None)), JPEGS))
    assert read_shard(path).height == 10


def test_pictures_are_stored_as_they_are(frames: pl.DataFrame) -> None:
    shard = session_shard(frames, segments_of((0, 90, None)), JPEGS)
    group = pq.ParquetFile(io.BytesIO(shard)).metadata.row_group(0)
    by_name = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert by_name["jpeg"].compression == "UNCOMPRESSED"
    assert by_name["pts_ms"].compression == "ZSTD"
    assert all(jpeg in shard for jpeg in JPEGS.values())


def test_row_groups_must_add_up() -> None:
    with pytest.raises(ValueError, match="row groups of 3 rows for a frame of 2"):
        parquet_bytes(pl.DataFrame({"a": [1, 2]}), row_groups=[3])
