"""WebDataset tar shards for streaming from object stores.

    shard-000000.tar: {segment_id}_{frame_idx:06d}.jpg, {segment_id}_{frame_idx:06d}.json, ...

A sample is one stored frame with all its aligned columns and its segment's origin; null is unknown.
Segments are never split over shards. The bytes depend on the data alone: no times, owners or machine
names.
"""

import contextlib
import io
import json
import tarfile
from pathlib import Path

import polars as pl

from scalediff_assets.cilrs_datasets.exports.segment_source import Source, Written

SHARD_SAMPLES = 2_000


def write_tars(source: Source, folder: Path, *, shard_samples: int = SHARD_SAMPLES) -> Written:
    """Write tar shards of whole segments; a shard is closed at `shard_samples` samples or more."""
    shards = segments = frames = samples = 0
    with contextlib.ExitStack() as current:
        for segment, rows in source:
            if not shards or samples >= shard_samples:
                current.close()
                path = folder / f"shard-{shards:06d}.tar"
                tar = current.enter_context(tarfile.open(path, "w", format=tarfile.USTAR_FORMAT))
                shards, samples = shards + 1, 0
            _add_samples(tar, segment.segment_id, rows.with_columns(origin=pl.lit(segment.origin)))
            samples += rows.height
            frames += rows.height
            segments += 1
    return Written(units=shards, segments=segments, frames=frames)


def _add_samples(tar: tarfile.TarFile, segment_id: str, rows: pl.DataFrame) -> None:
    labels = rows.drop("jpeg").iter_rows(named=True)
    for label, jpeg in zip(labels, rows["jpeg"], strict=True):
        key = f"{segment_id}_{label['frame_idx']:06d}"
        _add_file(tar, f"{key}.jpg", jpeg)
        _add_file(tar, f"{key}.json", json.dumps(label, allow_nan=False, sort_keys=True).encode())


def _add_file(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)  # mtime, uid and gid are 0
    entry.size = len(content)
    entry.mode = 0o644
    tar.addfile(entry, io.BytesIO(content))
