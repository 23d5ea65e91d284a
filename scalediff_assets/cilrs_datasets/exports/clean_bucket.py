"""The clean bucket's layout: every stored frame of a segment with all its aligned columns.

{wallet}/{session_id}/segment_001/frames/0000.jpg
{wallet}/{session_id}/segment_001/aligned.json    one row per frame, in frame order; null is unknown
{wallet}/{session_id}/segment_001/quality.json    score, policy, alignment and content hash
"""

import json
from dataclasses import asdict
from pathlib import Path

import polars as pl

from scalediff_assets.cilrs_datasets.exports.segment_source import Source, Written


def write_segments(source: Source, folder: Path, *, digits: int) -> Written:
    """Write one folder per segment; `file` in `aligned.json` names the picture of a row."""
    segments = frames = 0
    for segment, rows in source:
        place = folder / segment.wallet / segment.session_id / f"segment_{segment.segment_id[-3:]}"
        (place / "frames").mkdir(parents=True)
        names = [f"frames/{i:0{digits}d}.jpg" for i in range(rows.height)]
        for name, jpeg in zip(names, rows["jpeg"], strict=True):
            (place / name).write_bytes(jpeg)
        aligned = rows.drop("jpeg", "segment_id", "session_id").insert_column(0, pl.Series("file", names))
        _write_json(place / "aligned.json", aligned.to_dicts())
        quality = asdict(segment)
        for name in ("shard_key", "first_row"):  # where the frames lay, which means nothing here
            del quality[name]
        _write_json(place / "quality.json", quality)
        segments += 1
        frames += rows.height
    return Written(units=segments, segments=segments, frames=frames)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, allow_nan=False, indent=1), encoding="utf-8")
