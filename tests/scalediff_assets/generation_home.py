"""A home with clips that a tiny model learns in seconds: squares that move, each a recording of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpu_services.generation.clips import write_clips, write_manifest
from gpu_services.places import Place
from resources.settings import Settings
from scalediff_assets.driving_clips.tables import FOLDER
from scalediff_contract.clip_manifests import ClipManifest, ClipsPlace, ManifestClip
from scalediff_contract.video_models import VIDEO_PRESETS
from tests.gpu_services.generation.conftest import moving_square

SPEC = VIDEO_PRESETS["tiny"].spec
# What the squares stand for: two categories of the catalogue, so that plans may ask for them.
CATEGORIES = {"construction_zone": "fire_truck", "snow_ice": "snow_plough"}
FAST = {"n": 8, "seeds": [0], "steps": 2, "guidance": 1.5, "baseline_steps": 4}


def write_clip_set(
    settings: Settings, name: str, *, count: int = 48, first: int = 0, brighter: int = 0
) -> ClipsPlace:
    """A set of squares in the home's store of models; every fourth is held out.

    Args:
        settings: The home.
        name: Of the set.
        count: Clips.
        first: Seed of the first square.
        brighter: Gray levels that are added: a world that has moved.
    """
    place = Place(str(Path(settings.models_url) / FOLDER / name))
    names = tuple(CATEGORIES)
    rows = range(count)
    frames = np.stack([moving_square(CATEGORIES[names[row % 2]], first + row) for row in rows])
    frames = np.clip(frames.astype(int) + brighter, 0, 255).astype(np.uint8)
    shard = write_clips(place, frames, "clips/all.npy")
    manifest = ClipManifest(
        name=name, spec=SPEC, stride_frames=1, guard_frames=0, clips=_clips(rows, names, shard.key),
        shards=(shard,),
    )  # fmt: skip
    return write_manifest(place, manifest)


def _clips(rows: Sequence[int], names: tuple[str, ...], shard: str) -> tuple[ManifestClip, ...]:
    return tuple(
        ManifestClip(
            clip_id=f"square-{row}:00000",
            origin="game",
            source=f"square-{row}",
            block=0,
            split="val" if row % 4 > 1 and row % 8 > 3 else "train",
            category=names[row % 2],
            caption=f"dashcam view of {names[row % 2].replace('_', ' ')} on a street",
            first_frame=0,
            shard=shard,
            row=row,
        )
        for row in rows
    )


def release_form(clip_set: str, *, steps: int, seed: int = 0, **changes: Any) -> dict[str, Any]:
    """The launch form of `model_release` at the tiny size."""
    training = {"clip_set": clip_set, "preset": "tiny", "steps": steps, "seed": seed, **changes}
    return {
        "video_models": {
            "unit_tests": {"skip": True},
            "small_training": {"clip_set": clip_set, "skip": True},
            "full_training": training,
        },
        "video_evaluations": dict(FAST),
    }
