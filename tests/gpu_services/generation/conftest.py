"""Small clips that a model can learn: a square that moves; what it looks like tells the category."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gpu_services.generation.clips import Clips, write_clips, write_manifest
from gpu_services.generation.train import train_video
from gpu_services.places import Place
from scalediff_contract.clip_manifests import ClipManifest, ClipsPlace, ManifestClip
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_models import VIDEO_PRESETS, ClipSpec
from scalediff_contract.video_training import TrainVideoSpec

TINY = VIDEO_PRESETS["tiny"]
COLOURS = {"fire_truck": (220, 60, 40), "snow_plough": (60, 90, 220)}


def quiet(label: str, done: int, total: int, note: str) -> None:
    """Progress that nobody watches."""


def moving_square(category: str, seed: int, spec: ClipSpec = TINY.spec) -> Clips:
    """A square of the category's colour on a road, somewhere else in each clip."""
    rng = np.random.default_rng(seed)
    side = spec.height_px // 3
    top, left = rng.integers(0, spec.height_px - side), rng.integers(0, spec.width_px - side - spec.frames)
    clip = np.full(spec.shape, 110, np.uint8)
    clip[:, : spec.height_px // 3] = (150, 180, 210)
    for frame in range(spec.frames):
        clip[frame, top : top + side, left + frame : left + frame + side] = COLOURS[category]
    return clip


def write_moving_squares(
    folder: Path, *, train: int = 24, val: int = 12, spec: ClipSpec = TINY.spec
) -> ClipsPlace:
    """A manifest of them, half of each category."""
    place = Place(str(folder))
    names = tuple(COLOURS)
    frames = np.stack([moving_square(names[row % 2], row, spec) for row in range(train + val)])
    shard = write_clips(place, frames, "clips/all.npy")
    clips = tuple(
        ManifestClip(
            clip_id=f"c{row}",
            origin="game",
            source="drawn",
            block=row,
            split="train" if row < train else "val",
            category=names[row % 2],
            caption=f"dashcam view of a {names[row % 2].replace('_', ' ')} on a street",
            first_frame=row,
            shard=shard.key,
            row=row,
        )
        for row in range(train + val)
    )
    manifest = ClipManifest(
        name="squares", spec=spec, stride_frames=1, guard_frames=0, clips=clips, shards=(shard,)
    )
    return write_manifest(place, manifest)


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> ClipsPlace:
    return write_moving_squares(tmp_path_factory.mktemp("clips"))


MakeSpec = Callable[..., TrainVideoSpec]
Recipe = dict[str, object]


@pytest.fixture
def make_spec(tmp_path: Path, squares: ClipsPlace) -> MakeSpec:
    """A spec on the squares; keyword arguments change it, `recipe` by fields."""

    def make(
        run: str = "run", *, recipe: dict[str, object] | None = None, **changes: object
    ) -> TrainVideoSpec:
        return spec_on(squares, tmp_path / run, recipe or {}).model_copy(update=changes)

    return make


def spec_on(clips: ClipsPlace, output: Path, recipe: dict[str, object]) -> TrainVideoSpec:
    return TrainVideoSpec(
        training_run=output.name,
        version="v0.1.0",
        architecture=TINY.architecture,
        recipe=TINY.recipe.model_copy(update=recipe),
        clips=clips,
        output_url=str(output),
        tracking=TrackingTarget(uri="unused"),
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, squares: ClipsPlace) -> str:
    """Folder of a model that has seen the squares for a while."""
    output = tmp_path_factory.mktemp("trained") / "squares"
    train_video(spec_on(squares, output, {"steps": 120}), quiet)
    return str(output)
