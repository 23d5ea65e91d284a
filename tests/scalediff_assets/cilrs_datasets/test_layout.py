"""A day's data set: every passing frame exactly once, the same bytes each time, published last."""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.cilrs_datasets.layout import (
    MissingFramesError,
    content_sha256,
    dataset_hash,
    pack_segments,
)
from scalediff_assets.cilrs_datasets.shards import indexed_segments
from scalediff_assets.schemas import DATASET_INDEX, SHARD_FRAMES
from scalediff_assets.segments.shards import parquet_bytes

MANIFEST_KEY = "cilrs_datasets/2026-02-01/manifest.json"


def rows_by_segment(day: Any, index: pl.DataFrame) -> dict[str, pl.DataFrame]:
    read = day.reader()
    return {segment.segment_id: read(segment) for segment in indexed_segments(index)}


def test_every_frame_of_every_passing_segment_lies_where_the_index_says(day: Any) -> None:
    refused = list(day.passed)[4]
    day.passed[refused] = False
    index = day.build()
    stored = rows_by_segment(day, index)
    assert DATASET_INDEX.problems(index) == []
    assert set(stored) == set(day.passed) - {refused}
    for segment_id, rows in stored.items():
        source = day.shards[segment_id.rpartition("_")[0]].filter(pl.col("segment_id") == segment_id)
        assert rows.equals(source)
        assert rows.schema == SHARD_FRAMES.schema


def test_shards_hold_whole_segments_up_to_the_limit_and_nothing_else(day: Any) -> None:
    index = day.build(shard_frames=120)
    assert index.group_by("shard_key").agg(pl.col("rows").sum())["rows"].max() == 100
    shards = {key: pl.read_parquet(io.BytesIO(day.store.get(key))) for key in index["shard_key"].unique()}
    assert sum(shard.height for shard in shards.values()) == index["rows"].sum() == 450
    assert len(day.store.objects) == len(shards) + 1


def test_a_segment_larger_than_a_shard_gets_its_own(day: Any) -> None:
    index = day.build(shard_frames=20)
    assert index["shard_key"].n_unique() == 9


def test_each_segment_is_a_row_group_of_its_shard(day: Any) -> None:
    index = day.build(shard_frames=1000)
    file = pq.ParquetFile(io.BytesIO(day.store.get(index["shard_key"][0])))
    assert file.num_row_groups == 9
    assert set(file.read_row_group(4)["segment_id"].to_pylist()) == {index["segment_id"][4]}


def test_building_twice_writes_the_same_bytes_in_any_order_of_rows(make_day: Callable[..., Any]) -> None:
    first, second = make_day(), make_day()
    second.shards = {
        key: frame.sample(fraction=1, shuffle=True, seed=3) for key, frame in second.shards.items()
    }
    second.passed = dict(reversed(second.passed.items()))
    assert first.build().equals(second.build())
    assert first.store.objects == second.store.objects


def test_shards_are_named_by_their_content_and_the_manifest_comes_last(day: Any) -> None:
    index = day.build()
    *shards, last = day.store.objects
    assert last == MANIFEST_KEY
    for key in shards:
        digest = hashlib.sha256(day.store.get(key)).hexdigest()
        assert key == f"cilrs_datasets/2026-02-01/{digest[:16]}.parquet"
    assert index["shard_key"].unique(maintain_order=True).to_list() == shards


def test_the_manifest_says_what_the_day_holds(day: Any) -> None:
    index = day.build()
    manifest = json.loads(day.store.get(MANIFEST_KEY))
    assert manifest["dataset_hash"] == dataset_hash(index)
    assert manifest["frames"] == 450
    assert manifest["segments"] == 9
    assert manifest["policy_hashes"] == ["p" * 64]
    assert manifest["segments_by_origin"] == {"game": 9}
    assert sum(manifest["frames_by_command"].values()) == 450
    assert [shard["shard_key"] for shard in manifest["shards"]] == list(day.store.objects)[:-1]
    assert list(manifest["columns"]) == sorted(SHARD_FRAMES.schema.names())


def test_each_sessions_shard_is_read_once(day: Any) -> None:
    day.build()
    assert day.read == list(day.shards)


def test_a_day_without_passing_segments_publishes_an_empty_manifest(day: Any) -> None:
    day.passed = dict.fromkeys(day.passed, False)
    assert day.build().equals(DATASET_INDEX.empty())
    assert json.loads(day.store.get(MANIFEST_KEY))["segments"] == 0
    assert day.read == []


def test_a_passing_segment_without_frames_is_named(day: Any) -> None:
    day.passed["session_1769925785000_a_009"] = True
    with pytest.raises(MissingFramesError, match=r"session_1769925785000_a_009: 0 frames .* run segments"):
        day.build()
    assert MANIFEST_KEY not in day.store.objects


def test_commands_are_counted_and_unknown_ones_are_not(day: Any) -> None:
    first = day.shards["session_1769925785000_a"]
    unknown = pl.when(pl.col("command") == 1).then(None).otherwise(pl.col("command"))
    day.shards["session_1769925785000_a"] = first.with_columns(command=unknown.cast(pl.Int8))
    row = day.build().row(0, named=True)
    assert (row["frames_left"], row["frames_right"], row["frames_straight"]) == (0, 12, 12)
    assert row["duration_ms"] == 4900


def test_the_content_hash_sees_labels_nulls_and_pictures(make_frames: Callable[..., pl.DataFrame]) -> None:
    rows = make_frames("session_1769925785000_a", 1)
    changes: list[dict[str, pl.Expr]] = [
        {"steer": pl.col("steer") + 1e-12},
        {"rtt_ms": pl.when(pl.col("rtt_ms") > 0).then(None)},
        {"speed_game": pl.lit(0.0)},
        {"jpeg": pl.col("jpeg").reverse()},
        {"keys_other": pl.lit("p")},
    ]
    hashes = {content_sha256(SHARD_FRAMES.conform(rows.with_columns(**change))) for change in [{}, *changes]}
    assert len(hashes) == len(changes) + 1


def test_policy_and_content_change_the_dataset_hash(make_day: Callable[..., Any]) -> None:
    plain = dataset_hash(make_day().build())
    assert dataset_hash(make_day().build()) == plain
    assert dataset_hash(replace(make_day(), policy_hash="q" * 64).build()) != plain
    assert dataset_hash(make_day().build(shard_frames=300)) == plain


@given(
    st.lists(
        st.tuples(st.text("abc", min_size=1, max_size=8), st.sampled_from("xy"), st.sampled_from("pq")),
        unique_by=lambda row: row[0],
    ),
    st.randoms(),
)
def test_the_dataset_hash_does_not_depend_on_row_order(rows: list[tuple[str, str, str]], random: Any) -> None:
    schema = {"segment_id": pl.String, "content_sha256": pl.String, "policy_hash": pl.String}
    shuffled = random.sample(rows, len(rows))
    assert dataset_hash(pl.DataFrame(rows, schema, orient="row")) == dataset_hash(
        pl.DataFrame(shuffled, schema, orient="row")
    )


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), limit=st.integers(1, 60))
def test_packing_keeps_every_row_exactly_once(sizes: list[int], limit: int) -> None:
    parts = [pl.DataFrame({"row": [(i, k) for k in range(size)]}) for i, size in enumerate(sizes)]
    packed = list(pack_segments(iter(parts), limit))
    assert [part for shard in packed for part in shard] == parts
    for shard in packed:
        assert len(shard) == 1 or sum(part.height for part in shard) <= limit


def test_stored_pictures_decode_to_256_pixels_in_colour(day: Any) -> None:
    rows = day.reader()(indexed_segments(day.build())[0])
    assert simplejpeg.decode_jpeg(rows["jpeg"][7]).shape == (256, 256, 3)


def test_row_groups_must_cover_the_frame() -> None:
    with pytest.raises(ValueError, match="row groups of 3 rows for a frame of 2"):
        parquet_bytes(pl.DataFrame({"a": [1, 2]}), row_groups=[3])
