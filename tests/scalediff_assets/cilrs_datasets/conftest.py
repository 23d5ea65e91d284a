"""A judged day with real JPEGs, and a store in memory to build it in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
import simplejpeg

from scalediff_assets.cilrs_datasets.layout import build_day
from scalediff_assets.cilrs_datasets.shards import SegmentReader
from scalediff_assets.schemas import ALIGNMENTS, SHARD_FRAMES, VERDICTS

DAY = "2026-02-01"


@dataclass(kw_only=True)
class Store:
    """Objects in memory; remembers the order in which they were put."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, content: bytes) -> None:
        self.objects.pop(key, None)
        self.objects[key] = content

    def get(self, key: str) -> bytes:
        return self.objects[key]


def jpeg_of(number: int) -> bytes:
    """A 256x256 picture whose brightness says its number: gray level 40 + 8 * (number mod 24)."""
    picture = np.full((256, 256, 3), 40 + 8 * (number % 24), np.uint8)
    encoded: bytes = simplejpeg.encode_jpeg(picture, quality=95, colorspace="RGB", colorsubsampling="420")
    return encoded


JPEGS = [jpeg_of(i) for i in range(24)]


def segment_frames(
    session_id: str, index: int, frames: int = 50, hz: float = 10.0, jitter_ms: int = 0, seed: int = 0
) -> pl.DataFrame:
    """SHARD_FRAMES rows of one segment; its picture i is `jpeg_of(i)`."""
    rng = np.random.default_rng(seed)
    number = np.arange(frames)
    pts_ms = (number * 1000 / hz).astype(np.int64) + index * 6000
    if jitter_ms:
        pts_ms = pts_ms + rng.integers(-jitter_ms, jitter_ms + 1, frames)
    frame = pl.DataFrame(
        {
            "segment_id": f"{session_id}_{index:03d}",
            "session_id": session_id,
            "frame_idx": number * 3 + index * 1000,
            "sim_frame": number * 3,
            "pts_ms": pts_ms,
            "pts_valid": True,
            "run_id": 0,
            "game_t_ms": pts_ms + 5000.0,
            "rtt_ms": 40.0,
            **{f"held_{key}": np.full(frames, key == "w") for key in "wasd"},
            "keys_other": "",
            "keys_uncertain": False,
            "key_events": 0,
            "mouse_dx_px": 0.0,
            "mouse_dy_px": 0.0,
            "x_m": pts_ms / 100.0,
            "y_m": 0.5 * number,
            "z_m": 1.6,
            "yaw_rad": 0.01 * number,
            "pose_gap_ms": None,
            "teleport": False,
            "speed_mps": 10.0 + 0.1 * number,
            "speed_game": None,
            "steer": rng.uniform(-1, 1, frames),
            "throttle": 1.0,
            "brake": 0.0,
            "control_source": "logged",
            "command": 1 + number // max(1, frames // 4) % 4,
            "command_source": "route",
            "key_command": None,
            "jpeg": [JPEGS[i % 24] for i in number],
        }
    )
    return SHARD_FRAMES.conform(frame)


@dataclass(kw_only=True)
class Day:
    """A day of sessions: what `build_day` reads, and where it writes."""

    shards: dict[str, pl.DataFrame]
    passed: dict[str, bool]
    policy_hash: str = "p" * 64
    store: Store = field(default_factory=Store)
    read: list[str] = field(default_factory=list)

    def read_shard(self, session_id: str) -> pl.DataFrame:
        self.read.append(session_id)
        return self.shards[session_id]

    def verdicts(self) -> pl.DataFrame:
        row: dict[str, object] = {name: 0 for name in VERDICTS.schema.names()}
        rows: list[dict[str, Any]] = [
            {
                **row,
                "segment_id": segment_id,
                "session_id": segment_id.rpartition("_")[0],
                "wallet": f"wallet-{segment_id.rpartition('_')[0][-1]}",
                "origin": "game",
                "policy_version": "v1",
                "policy_hash": self.policy_hash,
                "passed": passed,
                "reasons": [],
                "score": 0.75,
                "frames": 50,
                "alignment_uncertainty_ms": 12.5,
                "contacts": None,
                "scenario_result": None,
                "duplicate_of": None,
            }
            for segment_id, passed in self.passed.items()
        ]
        return VERDICTS.frame(rows)

    def alignments(self) -> pl.DataFrame:
        row: dict[str, object] = dict.fromkeys(ALIGNMENTS.schema.names())
        row |= {"verdict": "valid", "align_method": "frame_id", "frames": 1, "valid_frames": 1}
        return ALIGNMENTS.frame([{**row, "session_id": session_id} for session_id in self.shards])

    def build(self, shard_frames: int = 120) -> pl.DataFrame:
        """The day's index."""
        return build_day(
            day=DAY,
            verdicts=self.verdicts(),
            alignments=self.alignments(),
            read_shard=self.read_shard,
            put=self.store.put,
            shard_frames=shard_frames,
        ).segments

    def reader(self) -> SegmentReader:
        return SegmentReader(self.store.get)


def _day(sessions: int = 3, segments: int = 3, frames: int = 50, jitter_ms: int = 0) -> Day:
    shards: dict[str, Any] = {}
    passed: dict[str, Any] = {}
    for s in range(sessions):
        session_id = f"session_1769925785{s:03d}_{'abcdefghij'[s]}"
        parts = [
            segment_frames(session_id, k, frames, jitter_ms=jitter_ms, seed=s * 10 + k)
            for k in range(1, segments + 1)
        ]
        shards[session_id] = pl.concat(parts)
        passed |= {f"{session_id}_{k:03d}": True for k in range(1, segments + 1)}
    return Day(shards=shards, passed=passed)


@pytest.fixture(scope="session")
def make_day() -> Callable[..., Day]:
    """Builds a day of sessions whose every segment passes."""
    return _day


@pytest.fixture
def day() -> Day:
    """Three sessions of three passing segments of 50 frames at 10 Hz."""
    return _day()


@pytest.fixture
def make_frames() -> Callable[..., pl.DataFrame]:
    """Builds the frames of one segment."""
    return segment_frames
