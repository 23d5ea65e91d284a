"""A release as memory: decoded frames in one uint8 file, labels and places in Parquet beside it.

Trade in numbers (facts: 293 real frames, 2 cores): PIL with 2 workers 218 frames/s, JPEG by
simplejpeg 1,940, gathering decoded rows from a memory map 13,450. A frame of 256x256 takes 197 kB
decoded, ten times its JPEG: 7 GB an hour at 10 Hz, so frames are kept at the size that the network
wants, and a cache is named by what it holds. Normalising, warping and colour happen on the device.

The cache appears under its name only when it is complete: a build that dies leaves nothing that
looks finished.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import simplejpeg

from gpu_services.driving.labels import Labels, make_labels
from gpu_services.errors import NoSpaceError, ReleaseError
from gpu_services.places import Place
from scalediff_contract.driving import COMMANDS, FRAME_PX, Architecture, Recipe
from scalediff_contract.releases import ReleasedSegment, ReleaseManifest

_VERSION = 3
_NO_SPACE = 28
_GAP_MS = 400.0
_INDEX, _FRAMES = "index.parquet", "frames.uint8"
_COLUMNS = (
    "segment_id", "frame_idx", "game_t_ms", "x_m", "y_m", "yaw_rad", "speed_mps",
    "steer", "throttle", "brake", "command", "jpeg",
)  # fmt: skip

Bytes = npt.NDArray[np.uint8]
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class FrameStore:
    """Decoded frames of a release.

    Attributes:
        frames: `(N, H, W, 3) uint8` RGB, memory-mapped.
        index: N rows: `split, session_id, segment_id, command` (1 to 4) and the fields of `Labels`.
    """

    frames: Bytes
    index: pl.DataFrame

    def rows(self, split: str) -> npt.NDArray[np.int64]:
        """Rows of a split that can be learnt from."""
        usable = (pl.col("split") == split) & pl.col("command").is_between(1, len(COMMANDS))
        return self.index.with_row_index("row").filter(usable)["row"].cast(pl.Int64).to_numpy()


def read_manifest(clean: Place, key: str, expected_hash: str) -> ReleaseManifest:
    """A release's manifest, checked.

    Raises:
        ReleaseError: For a manifest of other content, or one that cannot teach anything.
    """
    manifest = ReleaseManifest.model_validate_json(clean.read(key))
    name = f"release {manifest.name}"
    if manifest.content_hash != expected_hash:
        problem = f"its hash is {manifest.content_hash[:16]}, not {expected_hash[:16]}"
        raise ReleaseError(name, problem, "name the release that is there")
    splits = {segment.split for segment in manifest.segments}
    if splits != {"train", "val"}:
        raise ReleaseError(name, f"its splits are {sorted(splits)}", "it needs both train and val")
    missing = [command for command in COMMANDS if not manifest.frames_by_command.get(command)]
    if missing:
        raise ReleaseError(name, f"no frame has command {missing[0]}", "release days in which it is driven")
    return manifest


def open_frames(
    clean: Place,
    manifest: ReleaseManifest,
    architecture: Architecture,
    recipe: Recipe,
    cache_dir: Path,
    on_progress: OnProgress = lambda *_: None,
) -> FrameStore:
    """The frames of a release at the network's size; decoded once per release and size.

    Raises:
        ReleaseError: For a shard whose content is not what its name says.
        NoSpaceError: The disk is full.
    """
    geometry = [architecture.picture_px, architecture.rows, recipe.labels, recipe.speed_horizon_s, _VERSION]
    name = hashlib.sha256(json.dumps([manifest.content_hash, geometry]).encode()).hexdigest()[:16]
    folder = cache_dir / f"frames-{name}"
    if not (folder / _INDEX).exists():
        _build(clean, manifest, architecture, recipe, folder, on_progress)
    index = pl.read_parquet(folder / _INDEX)
    shape = (index.height, *architecture.picture_px, 3)
    return FrameStore(frames=np.memmap(folder / _FRAMES, np.uint8, "c", shape=shape), index=index)


def _build(
    clean: Place,
    manifest: ReleaseManifest,
    architecture: Architecture,
    recipe: Recipe,
    folder: Path,
    on_progress: OnProgress,
) -> None:
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    part.mkdir(parents=True)
    total = sum(segment.rows for segment in manifest.segments)
    frames = np.memmap(part / _FRAMES, np.uint8, "w+", shape=(total, *architecture.picture_px, 3))
    indices, done = [], 0
    try:
        # Space is taken at once: a full disk is an error here, not a bus error on the first write.
        with (part / _FRAMES).open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, frames.nbytes)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for segment, rows in _segments(clean, manifest):
                decode_frames(rows["jpeg"], frames[done : done + rows.height], architecture, pool)
                indices.append(
                    rows.drop("jpeg").with_columns(
                        split=pl.lit(segment.split), session_id=pl.lit(segment.session_id)
                    )
                )
                done += rows.height
                on_progress(done, total)
        frames.flush()
        _index(pl.concat(indices), recipe).write_parquet(part / _INDEX)
        if folder.exists():
            shutil.rmtree(part)  # another process was faster
        else:
            part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        if error.errno == _NO_SPACE:
            problem = f"the disk is full ({frames.nbytes / 1e9:.1f} GB of frames)"
            raise NoSpaceError(str(folder), problem, "free some space and run again") from error
        raise
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _segments(clean: Place, manifest: ReleaseManifest) -> Iterator[tuple[ReleasedSegment, pl.DataFrame]]:
    """Every segment with its rows, shard by shard."""
    ordered = sorted(manifest.segments, key=lambda segment: (segment.shard_key, segment.first_row))
    for key, segments in groupby(ordered, key=lambda segment: segment.shard_key):
        shard = _read_shard(clean, key)
        for segment in segments:
            rows = shard.slice(segment.first_row, segment.rows)
            if rows.height != segment.rows or set(rows["segment_id"]) != {segment.segment_id}:
                raise ReleaseError(key, f"its rows are not those of {segment.segment_id}", "release again")
            yield segment, rows


def _read_shard(clean: Place, key: str) -> pl.DataFrame:
    content = clean.read(key)
    digest = hashlib.sha256(content).hexdigest()[:16]
    if digest != Path(key).stem:
        problem = f"its content has hash {digest}, so it is corrupt"
        raise ReleaseError(key, problem, "restore it from a backup, or pack its day again and release anew")
    return pl.read_parquet(content, columns=list(_COLUMNS))


def decode_frames(jpegs: pl.Series, out: Bytes, architecture: Architecture, pool: ThreadPoolExecutor) -> None:
    """Decode JPEGs into the network's pictures.

    Args:
        jpegs: N frames of 256x256, as bytes.
        out: `(N, H, W, 3) uint8` RGB, written.
        architecture: Which rows, and the picture's size.
        pool: Threads; the decoder lets go of the interpreter.
    """
    first, end = architecture.rows
    height, width = architecture.picture_px

    def one(row: int, jpeg: bytes) -> None:
        rgb = simplejpeg.decode_jpeg(jpeg, colorspace="RGB", fastdct=True, fastupsample=True)
        out[row] = picture_of(rgb, first, end, height, width)

    for _ in pool.map(one, range(len(jpegs)), jpegs):
        pass


def picture_of(rgb: Bytes, first: int, end: int, height: int, width: int) -> Bytes:
    """The network's picture of a 256x256 frame: some rows, averaged down; the agent does the same.

    Args:
        rgb: `(256, 256, 3) uint8`.
        first: First row.
        end: Row after the last.
        height: Of the picture.
        width: Of the picture.

    Returns:
        `(height, width, 3) uint8`.
    """
    cut = rgb[first:end]
    if cut.shape[:2] == (height, width):
        return cut
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def squash(rgb: Bytes) -> Bytes:
    """A camera's picture as the 256x256 frame of a dataset."""
    return np.asarray(cv2.resize(rgb, (FRAME_PX, FRAME_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _index(rows: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Labels of all frames, in their order; a session's frames teach across segment borders.

    Args:
        rows: All frames without their pictures, with `split` and `session_id`.
        recipe: Which labels.
    """
    ordered = rows.with_row_index("row").sort("session_id", "frame_idx")
    gap = (pl.col("game_t_ms").diff().fill_null(0.0) > _GAP_MS) | (
        pl.col("session_id") != pl.col("session_id").shift(1)
    )
    stretches = ordered.with_columns(gap.fill_null(True).cum_sum().alias("stretch"))
    parts = []
    for stretch in stretches.partition_by("stretch", maintain_order=True):
        labels = make_labels(stretch, kind=recipe.labels, horizon_s=recipe.speed_horizon_s)
        taught = {name: getattr(labels, name) for name in Labels.__dataclass_fields__}
        parts.append(
            stretch.select("row", "split", "session_id", "segment_id", "command").with_columns(
                **{name: pl.Series(values) for name, values in taught.items()}
            )
        )
    return pl.concat(parts).sort("row").drop("row").with_columns(pl.col("command").cast(pl.Int8).fill_null(0))
