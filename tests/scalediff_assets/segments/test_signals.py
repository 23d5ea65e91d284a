"""The signals against plain numpy."""

import cv2
import numpy as np
import pytest

from scalediff_assets.schemas import SIGNALS
from scalediff_assets.segments.signals import FrameMeasures, entropy_bits, luma_std, pdq

RNG = np.random.default_rng(5)
PICTURES = [
    RNG.integers(0, 256, (256, 256)).astype(np.uint8),
    np.add.outer(np.arange(256), np.arange(256)).astype(np.uint8) // 2,
    np.full((256, 256), 200, np.uint8),
    (RNG.normal(90, 20, (256, 256))).clip(0, 255).astype(np.uint8),
]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, object]]:
    measures = FrameMeasures()
    for index, picture in enumerate(PICTURES):
        measures.add(index, index * 40, picture, pdq(picture) if index == 1 else None)
    made = measures.frame("session_1769925785000_abc", exported={2})
    assert SIGNALS.problems(made) == []
    return made.to_dicts()


def laplacian(picture: np.ndarray) -> np.ndarray:
    padded = np.pad(picture.astype(np.float64), 1, mode="reflect")
    around = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]
    return around - 4 * padded[1:-1, 1:-1]


def shares(picture: np.ndarray) -> np.ndarray:
    return np.histogram(picture, bins=64, range=(0, 256))[0] / picture.size


@pytest.mark.parametrize("n", range(len(PICTURES)))
def test_sharpness_is_the_mean_square_of_the_laplacian(n: int, rows: list[dict[str, object]]) -> None:
    assert rows[n]["sharpness"] == pytest.approx(np.mean(laplacian(PICTURES[n]) ** 2), rel=1e-5)


@pytest.mark.parametrize("n", range(len(PICTURES)))
def test_mean_and_spread_are_those_of_the_pixels(n: int, rows: list[dict[str, object]]) -> None:
    assert rows[n]["luma_mean"] == pytest.approx(PICTURES[n].mean(), rel=1e-5)
    assert rows[n]["luma_std"] == pytest.approx(PICTURES[n].std(), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("n", range(len(PICTURES)))
def test_entropy_is_that_of_64_gray_levels(n: int, rows: list[dict[str, object]]) -> None:
    p = shares(PICTURES[n])
    expected = -sum(x * np.log2(x) for x in p if x > 0)
    assert rows[n]["entropy_bits"] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("n", range(1, len(PICTURES)))
def test_change_and_motion_compare_with_the_frame_before(n: int, rows: list[dict[str, object]]) -> None:
    before, after = PICTURES[n - 1], PICTURES[n]
    motion = np.abs(after.astype(float) - before.astype(float)).mean()
    assert rows[n]["hist_change"] == pytest.approx(np.abs(shares(after) - shares(before)).sum() / 2, rel=1e-5)
    assert rows[n]["motion"] == pytest.approx(motion, rel=1e-5)


def test_the_first_frame_has_nothing_to_compare_with(rows: list[dict[str, object]]) -> None:
    assert rows[0]["hist_change"] is rows[0]["motion"] is None
    assert not rows[0]["cut"]


def test_another_scene_is_a_cut_and_a_little_movement_is_none() -> None:
    scene = PICTURES[3]
    measures = FrameMeasures()
    for index, picture in enumerate([scene, np.roll(scene, 2, axis=1), PICTURES[2]]):
        measures.add(index, index * 40, picture, None)
    assert measures.frame("s", set())["cut"].to_list() == [False, False, True]


def test_only_hashed_frames_carry_a_hash_and_only_exported_ones_the_flag(
    rows: list[dict[str, object]],
) -> None:
    assert [row["pdq_hash"] is not None for row in rows] == [False, True, False, False]
    assert [row["exported"] for row in rows] == [False, False, True, False]


def test_no_frame_at_all_is_an_empty_table() -> None:
    assert FrameMeasures().frame("s", set()).equals(SIGNALS.empty())


def test_a_flat_histogram_has_six_bits_and_a_single_level_none() -> None:
    flat, single = np.full(256, 1 / 256), np.eye(256)[17]
    assert entropy_bits(np.stack([flat, single])).tolist() == pytest.approx([6.0, 0.0])
    assert luma_std(np.stack([single])).tolist() == [0.0]


def test_the_hash_survives_noise_and_tells_scenes_apart() -> None:
    tiles = RNG.integers(0, 256, (24, 24)).astype(np.uint8)
    scene = np.asarray(cv2.resize(tiles, (256, 256)), np.uint8)
    noisy = (scene.astype(int) + RNG.integers(-4, 5, scene.shape)).clip(0, 255).astype(np.uint8)

    def distance(a: np.ndarray, b: np.ndarray) -> int:
        return (int(pdq(a)[0], 16) ^ int(pdq(b)[0], 16)).bit_count()

    assert len(pdq(scene)[0]) == 64
    assert distance(scene, noisy) <= 30
    assert distance(scene, scene[::-1].T.copy()) > 90
