"""A small release: drives of drawn pictures, as shards with real JPEGs and a manifest."""

import hashlib
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import simplejpeg

from scalediff_contract.driving import PRESETS, Architecture, Recipe
from scalediff_contract.jobs import TrackingTarget, TrainSpec
from scalediff_contract.releases import ReleasedSegment, ReleaseManifest

FRAMES = 40
TINY = Architecture(
    width=8,
    picture_px=(32, 64),
    rows=(64, 192),
    join_hidden=16,
    branch_hidden=(16, 16),
    branch_dropout=(0.0, 0.5),
    speed_head_hidden=(16,),
)
RECIPE = PRESETS["demo"].recipe.model_copy(
    update={"steps": 6, "batch": 8, "warmup_steps": 2, "save_every": 2, "validate_every": 3, "lr": 1e-3}
)


def drive(session: int, command: int) -> pl.DataFrame:
    """A drive at 10 Hz whose bend, speed and picture's brightness follow the command."""
    speed_mps = 3.0 + command
    curvature = {1: -0.08, 2: 0.08, 3: 0.0, 4: 0.01}[command]
    t_s = np.arange(FRAMES) * 0.1
    yaw = curvature * speed_mps * t_s
    jpegs = []
    for frame in range(FRAMES):
        rng = np.random.default_rng([session, frame])
        picture = np.full((256, 256, 3), 60 * command - 20, np.uint8)
        picture[100:140, 20:60] = rng.integers(0, 255, 3)
        jpegs.append(simplejpeg.encode_jpeg(picture, quality=90))
    return pl.DataFrame(
        {
            "segment_id": [f"s{session}_001"] * FRAMES,
            "frame_idx": np.arange(FRAMES),
            "game_t_ms": t_s * 1000.0,
            "x_m": np.cumsum(np.cos(yaw)) * 0.1 * speed_mps,
            "y_m": np.cumsum(np.sin(yaw)) * 0.1 * speed_mps,
            "yaw_rad": yaw,
            "speed_mps": np.full(FRAMES, speed_mps),
            "steer": np.full(FRAMES, math.tanh(5 * curvature)),
            "throttle": np.tile([1.0, 0.0], FRAMES // 2),
            "brake": np.zeros(FRAMES),
            "command": np.full(FRAMES, command),
            "jpeg": jpegs,
        }
    )


def write_release(clean: Path, *, name: str = "r1") -> ReleaseManifest:
    """Eight sessions of four players, two of them held out."""
    segments = []
    for session in range(8):
        # The held-out sessions turn: where all goes straight ahead, to say "straight" is a good guess.
        rows = drive(session, (session + 2) % 4 + 1)
        buffer = io.BytesIO()
        rows.write_parquet(buffer)
        content = buffer.getvalue()
        key = f"cilrs_datasets/2026-01-01/{hashlib.sha256(content).hexdigest()[:16]}.parquet"
        (clean / key).parent.mkdir(parents=True, exist_ok=True)
        (clean / key).write_bytes(content)
        segments.append(
            ReleasedSegment(
                segment_id=f"s{session}_001",
                session_id=f"s{session}",
                wallet=f"w{session // 2}",
                day="2026-01-01",
                split="val" if session >= 6 else "train",
                shard_key=key,
                first_row=0,
                rows=FRAMES,
                content_sha256=hashlib.sha256(content).hexdigest(),
            )
        )
    manifest = ReleaseManifest(
        name=name,
        content_hash=hashlib.sha256(name.encode()).hexdigest(),
        days=("2026-01-01",),
        policy_hashes=("p",),
        split_by="player",
        val_share=0.25,
        segments=tuple(segments),
        near_duplicates={},
        frames_by_command=dict.fromkeys(("left", "right", "straight", "follow"), 2 * FRAMES),
    )
    folder = clean / "dataset_releases" / name
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    return manifest


@pytest.fixture
def release(tmp_path: Path) -> ReleaseManifest:
    return write_release(tmp_path / "clean")


@pytest.fixture
def make_spec(tmp_path: Path, release: ReleaseManifest) -> Callable[..., TrainSpec]:
    """A spec on the small release; keyword arguments change it."""

    def make(run: str = "run", *, recipe: Recipe = RECIPE, **changes: object) -> TrainSpec:
        spec = TrainSpec(
            training_run=run,
            preset="demo",
            architecture=TINY,
            recipe=recipe,
            pedals="speed",
            clean_url=str(tmp_path / "clean"),
            release_key="dataset_releases/r1/manifest.json",
            release_hash=release.content_hash,
            output_url=str(tmp_path / "runs" / run),
            cache_dir=str(tmp_path / "cache"),
            tracking=TrackingTarget(uri="unused"),
        )
        return spec.model_copy(update=changes)

    return make
