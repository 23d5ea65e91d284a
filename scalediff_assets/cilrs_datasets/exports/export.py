"""Exports a data set into a folder, in one of four layouts, whole or not at all.

Everything is written beside the target and moved there in one rename, so a folder that exists is
complete. What went in is said in its `export.json`.

Errors: `ExportError(ValueError)`: the target is in use, an argument is out of range, or no frame
is left to write.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from scalediff_assets.cilrs_datasets.exports.cilrs import write_routes
from scalediff_assets.cilrs_datasets.exports.clean_bucket import write_segments
from scalediff_assets.cilrs_datasets.exports.grid import DEFAULT_HZ
from scalediff_assets.cilrs_datasets.exports.lerobot import write_lerobot
from scalediff_assets.cilrs_datasets.exports.segment_source import ReadRows, Source, Written
from scalediff_assets.cilrs_datasets.exports.webdataset_tar import write_tars
from scalediff_assets.cilrs_datasets.layout import dataset_hash
from scalediff_assets.cilrs_datasets.shards import IndexedSegment, indexed_segments

Layout = Literal["cilrs", "clean-bucket", "webdataset", "lerobot"]
Progress = Callable[[int, int], None]
_MAX_HZ = 60


class ExportError(ValueError):
    """An export that cannot be made; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class ExportSummary:
    """What an export holds.

    Attributes:
        layout: One of the four layouts.
        dataset_hash: Content hash of the exported index.
        segments: Segments in the index.
        segments_written: Segments of which at least one frame was written.
        units: Routes, segment folders, tar files or LeRobot episodes.
        frames: Frames in the index.
        frames_written: Frames written; the others lack labels, or lie between grid points.
        hz: Rate of the grid; None for layouts that keep every frame.
        max_grid_error_ms: Largest distance of a frame from its grid point; None without a grid.
        digits: Digits of the picture names; None where they are not numbered.
    """

    layout: Layout
    dataset_hash: str
    segments: int
    segments_written: int
    units: int
    frames: int
    frames_written: int
    hz: int | None
    max_grid_error_ms: float | None
    digits: int | None


def export_dataset(
    index: pl.DataFrame,
    read_rows: ReadRows,
    out: Path,
    *,
    layout: Layout,
    digits: Literal[4, 5] = 4,
    hz: int = DEFAULT_HZ,
    progress: Progress | None = None,
) -> ExportSummary:
    """Write the segments of an index into a new folder; one segment is in memory at a time.

    Args:
        index: DATASET_INDEX rows, of one day or many.
        read_rows: A segment to its frames (SHARD_FRAMES).
        out: Folder to make; it must not exist, or be empty.
        layout: `cilrs`, `clean-bucket`, `webdataset` or `lerobot`.
        digits: Digits of picture names in `cilrs` and `clean-bucket`; the trainer reads 4.
        hz: Rate of `cilrs` and `lerobot`, 1 to 60; the others keep every stored frame.
        progress: Called with (segments done, segments in all) after each segment.

    Raises:
        ExportError: If `out` is in use, an argument is out of range, or no frame can be written.
    """
    _check(out, digits, hz)
    segments = indexed_segments(index)
    source = _source(segments, read_rows, progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.partial-") as partial:
        folder = Path(partial) / out.name
        folder.mkdir()
        written = _write(source, folder, layout, digits, hz)
        if not written.frames:
            raise ExportError(
                f"{layout}: none of {len(segments)} segments has a frame to write; "
                "choose days with passing segments, or a lower hz"
            )
        summary = _summary(index, written, layout, digits, hz)
        text = json.dumps(asdict(summary), indent=1)
        (folder / "export.json").write_text(text, encoding="utf-8")
        folder.replace(out)
    return summary


def _check(out: Path, digits: int, hz: int) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out} exists and is not an empty folder; name a new one or remove it")
    if digits not in (4, 5):
        raise ExportError(f"digits {digits} is not 4 (the trainer's names) or 5 (its README's)")
    if not 1 <= hz <= _MAX_HZ:
        raise ExportError(f"hz {hz} is not in 1 to {_MAX_HZ}; frames are stored at about 10 Hz")


def _source(segments: Sequence[IndexedSegment], read_rows: ReadRows, progress: Progress | None) -> Source:
    def frames() -> Iterator[tuple[IndexedSegment, pl.DataFrame]]:
        for done, segment in enumerate(segments, start=1):
            yield segment, read_rows(segment).sort("frame_idx")
            if progress is not None:
                progress(done, len(segments))

    return frames()


def _write(source: Source, folder: Path, layout: Layout, digits: int, hz: int) -> Written:
    if layout == "cilrs":
        return write_routes(source, folder, hz=hz, digits=digits)
    if layout == "clean-bucket":
        return write_segments(source, folder, digits=digits)
    if layout == "webdataset":
        return write_tars(source, folder)
    if layout == "lerobot":
        return write_lerobot(source, folder, hz=hz)
    raise ExportError(f"layout {layout!r} is not cilrs, clean-bucket, webdataset or lerobot")


def _summary(index: pl.DataFrame, written: Written, layout: Layout, digits: int, hz: int) -> ExportSummary:
    return ExportSummary(
        layout=layout,
        dataset_hash=dataset_hash(index),
        segments=index.height,
        segments_written=written.segments,
        units=written.units,
        frames=int(index["rows"].sum()),
        frames_written=written.frames,
        hz=hz if layout in ("cilrs", "lerobot") else None,
        max_grid_error_ms=written.max_grid_error_ms,
        digits=digits if layout in ("cilrs", "clean-bucket") else None,
    )
