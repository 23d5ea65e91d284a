"""The generator behind the worker: equal requests, equal bits; batches; first pictures; refusals."""

import subprocess
import sys

import numpy as np
import pytest

from gpu_services.errors import CheckpointError, JobError
from gpu_services.generation.errors import GenerationError
from gpu_services.generation.generator import ClipRequest, load_generator
from gpu_services.generation.resident import ResidentModel
from tests.gpu_services.generation.conftest import COLOURS, moving_square


def request(seed: int = 1, category: str = "fire_truck", **changes: object) -> ClipRequest:
    fields: dict[str, object] = {
        "prompt": f"dashcam view of a {category.replace('_', ' ')}", "category": category, "seed": seed,
        "steps": 6, "guidance": 3.0,
    }  # fmt: skip
    return ClipRequest(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_clip_is_a_function_of_its_request_alone(trained: str) -> None:
    one, four = ResidentModel.load(trained, "cpu"), ResidentModel.load(trained, "cpu", batch=4)
    asked = [request(3), request(5, steps=4), request(7, "snow_plough"), request(3)]
    made = four.generate(asked)
    assert np.array_equal(made[0], made[3])
    assert not np.array_equal(made[0], made[2])
    assert np.array_equal(made[1], four.generate([asked[1]])[0]), "whatever else is in the batch"
    assert np.array_equal(
        one.generate([asked[0]])[0], ResidentModel.load(trained, "cpu").generate([asked[0]])[0]
    )
    assert made[0].shape == one.spec.shape
    assert made[0].dtype == np.uint8


@pytest.mark.slow
def test_the_category_decides_what_is_seen(trained: str) -> None:
    """The truck is red, the plough blue: the difference of red and blue must tell them apart."""
    model = load_generator(trained, "cpu")
    redness = {
        category: np.mean(
            [
                clip.astype(float)[..., 0].mean() - clip.astype(float)[..., 2].mean()
                for clip in model.generate([request(seed, category, steps=10) for seed in range(6)])
            ]
        )
        for category in COLOURS
    }
    assert redness["fire_truck"] > redness["snow_plough"] + 5


def test_a_first_picture_is_kept_and_stages_are_told(trained: str) -> None:
    model = load_generator(trained)
    first = moving_square("fire_truck", 99)[0]
    steps: list[tuple[int, int]] = []
    clip = model.generate(
        [request(first_frame=first, steps=3)], lambda done, total: steps.append((done, total))
    )[0]
    error = np.mean((clip[0].astype(float) - first) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 30, "PSNR in dB"
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert set(model.stage_s) == {"encode", "denoise", "decode"}
    assert model.version == "v0.1.0"


def test_a_first_picture_of_another_shape_is_cut_and_scaled(trained: str) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 200
    clip = load_generator(trained).generate([request(first_frame=wide, steps=1)])[0]
    assert clip[0].mean() == pytest.approx(200, abs=1), "the middle third fills the picture"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps is 0; choose 1 to 1000"),
        ({"steps": 5_000}, "steps is 5000"),
        ({"guidance": -1.0}, "guidance is -1.0"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"seed": -4}, "seed is out of range"),
        ({"first_frame": np.zeros((4, 4), np.uint8)}, r"first_frame is \(4, 4\) uint8"),
    ],
)
def test_absurd_requests_are_refused(trained: str, changes: dict[str, object], message: str) -> None:
    with pytest.raises(GenerationError, match=message):
        load_generator(trained).generate([request(**changes)])  # type: ignore[arg-type]


def test_no_checkpoint_and_no_gpu_are_named(trained: str, tmp_path: object) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_generator(str(tmp_path))
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(JobError, match="device cuda: there is no GPU"):
            load_generator(trained, "cuda")


@pytest.mark.slow
def test_the_seam_loads_no_torch() -> None:
    code = "import sys, gpu_services.generation.generator; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
