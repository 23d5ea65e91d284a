"""Boxes from geometry, average precision, honest tests of gains, and the whole comparison."""

from pathlib import Path

import numpy as np
import pytest

from gpu_services.generation.boxed_pictures import draw_boxed_pictures
from gpu_services.generation.detector import Found, average_precision, overlap
from gpu_services.generation.downstream import conclusion, downstream_ap
from gpu_services.generation.errors import ClipDataError
from gpu_services.generation.gains import gain_of, seeds_needed
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.video_evaluation import DownstreamSpec
from scalediff_contract.video_models import ClipSpec
from tests.gpu_services.generation.conftest import quiet, write_moving_squares


def found(*boxes: tuple[float, ...]) -> Found:
    rows = np.array(boxes, np.float64).reshape(-1, 5)
    return Found(boxes=rows[:, :4], scores=rows[:, 4])


BOX = np.array([[10.0, 10, 20, 20]])


def test_average_precision_of_the_known_cases() -> None:
    right, wrong = (10.0, 10, 20, 20), (40.0, 40, 50, 50)
    assert average_precision([found((*right, 0.9))], [BOX]) == 1.0
    assert average_precision([found((*wrong, 0.9))], [BOX]) == 0.0
    assert average_precision([found()], [BOX]) == 0.0
    assert average_precision([found((*wrong, 0.9), (*right, 0.8))], [BOX]) == pytest.approx(0.5)
    assert average_precision([found((*right, 0.9), (*right, 0.8))], [BOX]) == 1.0, "the second is a false one"
    assert average_precision([found((*right, 0.9)), found()], [BOX, BOX]) == 0.5
    with pytest.raises(ValueError, match="no true box"):
        average_precision([found()], [np.zeros((0, 4))])


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(
        BOX[0], np.array([[10.0, 10, 20, 20], [15, 10, 25, 20], [30, 30, 40, 40]])
    ) == pytest.approx([1.0, 1 / 3, 0.0])


@pytest.mark.parametrize(("spread", "seeds"), [(0.003, 3), (0.005, 6), (0.010, 17), (0.015, 37)])
def test_seeds_for_a_gain_of_one_point(spread: float, seeds: int) -> None:
    assert seeds_needed(0.01, spread) == pytest.approx(seeds, abs=1)


def test_a_gain_is_judged_over_seeds() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(0.6, 0.02, 8)
    clear = gain_of(base.tolist(), (base + 0.05 + rng.normal(0, 0.005, 8)).tolist())
    assert clear.low > 0
    assert clear.p_paired < 0.001
    assert conclusion(clear, 8).startswith("synthetic pictures help: +4.6 points")
    nothing = gain_of(base.tolist(), (base + rng.normal(0, 0.02, 8)).tolist())
    assert conclusion(nothing, 8).startswith("no difference is shown")
    with pytest.raises(ValueError, match="1 and 1 seeds"):
        gain_of([0.1], [0.2])


def test_boxes_lie_on_the_vehicles_that_are_drawn() -> None:
    with_cars = draw_boxed_pictures(8, side_px=64, seed=3, held_out=False)
    assert with_cars.pictures.shape == (8, 64, 64, 3)
    assert all((boxes >= 0).all() and (boxes <= 64).all() for boxes in with_cars.boxes)
    assert sum(len(boxes) for boxes in with_cars.boxes) >= 6
    again = draw_boxed_pictures(8, side_px=64, seed=3, held_out=False)
    assert np.array_equal(with_cars.pictures, again.pictures)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> ClipsPlace:
    size = ClipSpec(frames=2, height_px=64, width_px=64)
    return write_moving_squares(tmp_path_factory.mktemp("synthetic"), train=6, val=2, spec=size)


def spec_of(folder: Path, synthetic: ClipsPlace, **changes: object) -> DownstreamSpec:
    spec = DownstreamSpec(
        real_pictures=60,
        test_pictures=30,
        synthetic=synthetic,
        seeds=(0, 1),
        steps=60,
        output_url=str(folder),
    )
    return spec.model_copy(update=changes)


@pytest.mark.slow
def test_both_arms_are_trained_at_equal_steps_and_compared(tmp_path: Path, synthetic: ClipsPlace) -> None:
    result = downstream_ap(spec_of(tmp_path, synthetic), quiet)
    assert len(result.ap_real) == len(result.ap_mixed) == 2
    assert all(0 < value < 1 for value in result.ap_real), "the detector finds some vehicles on other streets"
    assert result.low <= result.gain <= result.high
    assert "2 seeds" in result.conclusion
    assert (tmp_path / "downstream.json").exists()


def test_synthetic_pictures_of_another_size_are_refused(tmp_path: Path, squares: ClipsPlace) -> None:
    with pytest.raises(ClipDataError, match="pictures are 16x16, not 64 px square"):
        downstream_ap(spec_of(tmp_path, squares, real_pictures=8, test_pictures=8), quiet)
