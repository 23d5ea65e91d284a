"""One hour of good sessions, as tables, for the tests to spoil."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from scalediff_assets.quality_scores.duplicates import Fingerprints
from scalediff_assets.quality_scores.policy import QualityPolicy, load_policy
from scalediff_assets.quality_scores.verdict import judge
from scalediff_assets.schemas import FRAMES, SEGMENTS, SIGNALS

FPS = 20
FRAMES_PER_SEGMENT = 100


@dataclass(frozen=True, kw_only=True)
class Hour:
    """The tables that `judge` reads."""

    segments: pl.DataFrame
    frames: pl.DataFrame
    signals: pl.DataFrame
    sessions: pl.DataFrame

    def spoil(self, table: str, where: pl.Expr | None = None, **values: Any) -> "Hour":
        """A copy with columns of one table set to values where the condition holds."""
        frame: pl.DataFrame = getattr(self, table)
        chosen = pl.lit(True) if where is None else where
        changed = [
            pl.when(chosen)
            .then(value if isinstance(value, pl.Expr) else pl.lit(value))
            .otherwise(pl.col(name))
            .cast(frame.schema[name])
            .alias(name)
            for name, value in values.items()
        ]
        return replace(self, **{table: frame.with_columns(changed)})

    def judged(
        self, policy: QualityPolicy | None = None, earlier: Fingerprints | None = None
    ) -> pl.DataFrame:
        """The hour's verdicts."""
        return judge(
            segments=self.segments,
            frames=self.frames,
            signals=self.signals,
            sessions=self.sessions,
            policy=policy or load_policy(),
            earlier=earlier or Fingerprints(),
        )


def session_id_of(number: int) -> str:
    return f"session_{1_769_925_785_000 + number:013d}_s{number}"


def _hour(
    sessions: int = 1, segments: int = 2, fps: int = FPS, per_segment: int = FRAMES_PER_SEGMENT
) -> Hour:
    rng = np.random.default_rng(sessions * 1000 + segments)
    frames_each = segments * per_segment
    ids = [session_id_of(i) for i in range(sessions)]
    idx = np.tile(np.arange(frames_each), sessions)
    owner = np.repeat(np.array(ids), frames_each)
    t_ms = idx * 1000.0 / fps
    n = len(idx)
    frames = pl.DataFrame(
        {
            "session_id": owner,
            "frame_idx": idx,
            "sim_frame": idx,
            "pts_ms": t_ms.astype(np.int64),
            "pts_valid": True,
            "run_id": 0,
            "game_t_ms": t_ms + 5000.0,
            "rtt_ms": 40.0,
            **{f"held_{key}": np.full(n, key == "w") for key in "wasd"},
            "keys_other": "",
            "keys_uncertain": False,
            "key_events": (idx % per_segment == 10).astype(int),
            "mouse_dx_px": 0.0,
            "mouse_dy_px": 0.0,
            "x_m": t_ms / 100.0,
            "y_m": 0.0,
            "z_m": 1.6,
            "yaw_rad": 0.0,
            "pose_gap_ms": 50.0,
            "teleport": False,
            "speed_mps": 10.0,
            "speed_game": 10.0,
            "steer": 0.0,
            "throttle": 1.0,
            "brake": 0.0,
            "control_source": "logged",
            "command": 4,
            "command_source": "route",
            "key_command": None,
        }
    )
    hashed = idx % fps == 0
    hashes = [rng.bytes(32).hex() if flag else None for flag in hashed]
    signals = pl.DataFrame(
        {
            "session_id": owner,
            "frame_idx": idx,
            "pts_ms": t_ms.astype(np.int64),
            "exported": idx % 2 == 0,
            "sharpness": 300.0,
            "hist_change": np.where(idx == 0, np.nan, 0.04),
            "motion": np.where(idx == 0, np.nan, 3.0),
            "luma_mean": 80.0,
            "luma_std": 40.0,
            "entropy_bits": 4.7,
            "cut": False,
            "pdq_hash": hashes,
            "pdq_quality": np.where(hashed, 90, 0),
        }
    ).with_columns(pl.col("hist_change", "motion").fill_nan(None))
    rows = [
        {
            "segment_id": f"{sid}_{k + 1:03d}",
            "session_id": sid,
            "origin": "game",
            "segment_index": k + 1,
            "first_frame_idx": k * per_segment,
            "end_frame_idx": (k + 1) * per_segment,
            "start_pts_ms": int(k * per_segment * 1000 / fps),
            "end_pts_ms": int(((k + 1) * per_segment - 1) * 1000 / fps),
            "frames": per_segment,
            "exported_frames": per_segment // 2,
            "skip_reason": None,
        }
        for sid in ids
        for k in range(segments)
    ]
    table = pl.DataFrame(
        {
            "session_id": ids,
            "wallet": [f"wallet{i}" for i in range(sessions)],
            "completed_ms": [1_769_925_900_000 + i for i in range(sessions)],
            "start_uncertainty_ms": 0.0,
            "confidence": 1.0,
            "contacts": pl.Series([None] * sessions, dtype=pl.Int32),
            "scenario_result": pl.Series([None] * sessions, dtype=pl.String),
        }
    )
    return Hour(
        segments=SEGMENTS.frame(rows),
        frames=FRAMES.conform(frames),
        signals=SIGNALS.conform(signals),
        sessions=table,
    )


@pytest.fixture
def make_hour() -> Callable[..., Hour]:
    """Builds an hour of `sessions` x `segments` whose every segment passes policy v1."""
    return _hour


@pytest.fixture
def hour() -> Hour:
    """One session of two good segments of 5 s at 20 frames a second."""
    return _hour()
