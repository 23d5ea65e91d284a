"""LeRobot v3.0: Parquet tables, one mp4 per file of frames, and the metadata that ties them.

    meta/info.json  meta/stats.json  meta/tasks.parquet
    meta/episodes/chunk-000/file-000.parquet
    data/chunk-000/file-000.parquet
    videos/observation.images.front/chunk-000/file-000.mp4

"Episode" is this format's word for a hole-free route (`grid.py`), used here alone. The task of a
frame is its navigation command in words. Paths and fields follow codebase v3.0 of
huggingface/lerobot (`datasets/utils.py`, `dataset_metadata.py`, `dataset_writer.py`). Video is AV1,
crf 30, a keyframe every second frame, which is what makes random access fast.

The format's files are in `lerobot_tables.py` (tables, statistics) and `lerobot_video.py` (mp4).
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scalediff_assets.cilrs_datasets.exports.grid import routes_on_grid
from scalediff_assets.cilrs_datasets.exports.lerobot_tables import (
    ACTION,
    DATA_FEATURES,
    STATE,
    TASKS,
    DataFile,
    EpisodeTable,
    Statistics,
    array_statistics,
    merged_statistics,
    write_tasks,
)
from scalediff_assets.cilrs_datasets.exports.lerobot_video import PICTURE_PX, VideoFile
from scalediff_assets.cilrs_datasets.exports.segment_source import Source, Written

CODEBASE_VERSION = "v3.0"
VIDEO_KEY = "observation.images.front"
FILES_PER_CHUNK = 1_000
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200
FRAMES_PER_FILE = 20_000
"""At 4 KB a frame of video 80 MB, at 100 bytes a row 2 MB: both files stay under their limits."""


@dataclass(frozen=True, kw_only=True)
class _Episode:
    """One route, decoded: its rows, `(n, 256, 256, 3) uint8` pictures and per-feature arrays."""

    pictures: np.ndarray
    columns: dict[str, np.ndarray]

    @property
    def frames(self) -> int:
        return len(self.pictures)


def write_lerobot(source: Source, folder: Path, *, hz: int) -> Written:
    """Write a LeRobot v3.0 data set; one video file and one data file per 20,000 frames."""
    writer = _Writer(folder, hz)
    segments = 0
    worst_ms = 0.0
    with contextlib.closing(writer):
        for _, rows in source:
            before = writer.episodes
            for route in routes_on_grid(rows, hz):
                writer.add(_decoded(route, hz))
                worst_ms = max(worst_ms, float(np.abs(route["grid_error_ms"].to_numpy()).max()))
            segments += writer.episodes > before
    writer.write_metadata()
    return Written(units=writer.episodes, segments=segments, frames=writer.frames, max_grid_error_ms=worst_ms)


class _Writer:
    """Appends episodes to the current files and opens the next pair of files when they are full."""

    def __init__(self, folder: Path, hz: int) -> None:
        self.episodes = 0
        self.frames = 0
        self._folder = folder
        self._hz = hz
        self._file_number = -1
        self._data: DataFile | None = None
        self._video: VideoFile | None = None
        self._table = EpisodeTable()
        self._statistics: list[dict[str, Statistics]] = []

    def add(self, episode: _Episode) -> None:
        if self._data is None or self._video is None or self._data.rows + episode.frames > FRAMES_PER_FILE:
            self._data, self._video = self._next_files()
        start = self._video.frames
        counters = {
            "episode_index": np.full(episode.frames, self.episodes),
            "index": self.frames + np.arange(episode.frames),
        }
        columns = {**episode.columns, **counters}
        self._data.append(columns)
        self._video.append(episode.pictures)
        statistics = {name: array_statistics(values) for name, values in columns.items()}
        statistics[VIDEO_KEY] = array_statistics(episode.pictures / np.float32(255.0))
        self._statistics.append(statistics)
        self._table.append(self._episode_row(episode, start), statistics)
        self.episodes += 1
        self.frames += episode.frames

    def close(self) -> None:
        for file in (self._data, self._video):
            if file is not None:
                file.close()

    def write_metadata(self) -> None:
        meta = self._folder / "meta"
        meta.mkdir(exist_ok=True)
        write_tasks(meta / "tasks.parquet")
        self._table.write(meta / "episodes" / "chunk-000" / "file-000.parquet")
        _write_json(meta / "info.json", _info(self.episodes, self.frames, self._hz))
        _write_json(meta / "stats.json", merged_statistics(self._statistics))

    def _next_files(self) -> tuple[DataFile, VideoFile]:
        self.close()
        self._file_number += 1
        name = _file_name(self._file_number)
        data = DataFile(self._folder / "data" / f"{name}.parquet")
        return data, VideoFile(self._folder / "videos" / VIDEO_KEY / f"{name}.mp4", self._hz)

    def _episode_row(self, episode: _Episode, video_start: int) -> dict[str, Any]:
        chunk, file = divmod(self._file_number, FILES_PER_CHUNK)
        return {
            "episode_index": self.episodes,
            "tasks": [TASKS[i] for i in np.unique(episode.columns["task_index"])],
            "length": episode.frames,
            "data/chunk_index": chunk,
            "data/file_index": file,
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + episode.frames,
            f"videos/{VIDEO_KEY}/chunk_index": chunk,
            f"videos/{VIDEO_KEY}/file_index": file,
            f"videos/{VIDEO_KEY}/from_timestamp": video_start / self._hz,
            f"videos/{VIDEO_KEY}/to_timestamp": (video_start + episode.frames) / self._hz,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }


def _decoded(route: pl.DataFrame, hz: int) -> _Episode:
    import simplejpeg

    number = np.arange(route.height)
    return _Episode(
        pictures=np.stack([simplejpeg.decode_jpeg(jpeg, colorspace="RGB") for jpeg in route["jpeg"]]),
        columns={
            "observation.state": route.select(STATE).to_numpy().astype(np.float32),  # (n, 4)
            "action": route.select(ACTION).to_numpy().astype(np.float32),  # (n, 3)
            "timestamp": (number / hz).astype(np.float32),
            "frame_index": number,
            "task_index": route["command"].to_numpy().astype(np.int64) - 1,
        },
    )


def _file_name(number: int) -> str:
    chunk, file = divmod(number, FILES_PER_CHUNK)
    return f"chunk-{chunk:03d}/file-{file:03d}"


def _info(episodes: int, frames: int, hz: int) -> dict[str, Any]:
    video = {
        "dtype": "video",
        "shape": [PICTURE_PX, PICTURE_PX, 3],
        "names": ["height", "width", "channels"],
        "info": {
            "video.height": PICTURE_PX,
            "video.width": PICTURE_PX,
            "video.channels": 3,
            "video.codec": "av1",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False,
            "video.fps": hz,
            "has_audio": False,
        },
    }
    name = "chunk-{chunk_index:03d}/file-{file_index:03d}"
    return {
        "codebase_version": CODEBASE_VERSION,
        "robot_type": "car",
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": len(TASKS),
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": DATA_FILE_MB,
        "video_files_size_in_mb": VIDEO_FILE_MB,
        "fps": hz,
        "splits": {"train": f"0:{episodes}"},
        "data_path": f"data/{name}.parquet",
        "video_path": f"videos/{{video_key}}/{name}.mp4",
        "features": {**DATA_FEATURES, VIDEO_KEY: video},
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, allow_nan=False, indent=4), encoding="utf-8")
