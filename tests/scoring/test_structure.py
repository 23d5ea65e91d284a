"""Structure consistency: blind to colour, light and grain; sees moved walls, objects that come or go."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.structure import PairShapeError, StructureConsistency, structure_consistency

Luma = NDArray[np.uint8]


@pytest.fixture(scope="module")
def street() -> Luma:
    """Walls with windows, a road with marks, a sky."""
    picture = np.full((256, 256), 150, np.uint8)
    picture[130:] = 70
    for left, gray in ((0, 95), (60, 125), (170, 80), (215, 110)):
        picture[30:150, left : left + 38] = gray
        for top in range(40, 130, 22):
            for pane in range(left + 5, left + 34, 11):
                picture[top : top + 10, pane : pane + 6] = gray - 35
    cv2.line(picture, (128, 130), (20, 255), 220, 3)
    cv2.line(picture, (128, 130), (236, 255), 220, 3)
    return picture


def of(source: Luma, painted: NDArray[np.generic]) -> StructureConsistency:
    return structure_consistency(source, np.asarray(painted).clip(0, 255).astype(np.uint8))


def grainy(rng: np.random.Generator, levels: float) -> NDArray[np.float64]:
    return rng.normal(0, levels, (256, 256))


@pytest.mark.parametrize("name", ["same", "darker", "negative", "gamma", "blurred", "grain"])
def test_a_recolouring_keeps_the_structure(street: Luma, name: str) -> None:
    levels = street.astype(np.float64)
    painted = {
        "same": levels,
        "darker": levels * 0.35 + 8,
        "negative": 255 - levels,
        "gamma": 255 * (levels / 255) ** 1.8,
        "blurred": cv2.GaussianBlur(levels, (0, 0), 1.5),
        "grain": levels + grainy(np.random.default_rng(0), 6),
    }[name]
    found = of(street, painted)
    assert found.layout > 0.8
    assert max(found.lost, found.added) < 6


def test_a_moved_street_is_no_longer_explained(street: Luma) -> None:
    assert of(street, np.roll(street, 14, axis=1)).layout < 0.5
    assert of(street, np.roll(street, 1, axis=1)).layout > 0.8  # painters do not keep lines to the pixel


def test_an_object_is_lost_on_one_side_and_added_on_the_other(street: Luma) -> None:
    with_car = street.copy()
    with_car[160:190, 90:130] = 200
    with_car[168:176, 96:124] = 30
    appears, vanishes, honest = of(street, with_car), of(with_car, street), of(street, street)
    assert appears.added > 3 * max(honest.added, 1.0)
    assert vanishes.lost > 3 * max(honest.lost, 1.0)
    assert appears.added == pytest.approx(vanishes.lost)
    assert appears.lost < appears.added
    assert vanishes.added < vanishes.lost


def test_the_comparison_is_the_same_backwards(street: Luma) -> None:
    other = np.roll(street, 5, axis=0)
    forth, back = structure_consistency(street, other), structure_consistency(other, street)
    assert (forth.lost, forth.added) == pytest.approx((back.added, back.lost))


def test_pictures_without_structure_are_consistent() -> None:
    flat = np.full((128, 128), 90, np.uint8)
    found = structure_consistency(flat, flat + 20)
    assert found == StructureConsistency(layout=1.0, lost=0.0, added=0.0)


@pytest.mark.parametrize(
    ("source", "painted"),
    [((256, 256), (256, 128)), ((64, 64), (64, 64)), ((256, 256, 3), (256, 256, 3))],
)
def test_pictures_that_are_no_pair_are_refused(source: tuple[int, ...], painted: tuple[int, ...]) -> None:
    with pytest.raises(PairShapeError, match="scale them alike"):
        structure_consistency(np.zeros(source, np.uint8), np.zeros(painted, np.uint8))
