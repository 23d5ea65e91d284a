"""The procedural city's street grid: 28 corridors along z about 80 m apart, 11 along x.

The scenarios' road and its three crossings stand still for every seed; the other corridors keep
their order and move a little. Whole centimetres throughout, so that the same seed gives the same
grid on every machine.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from world.city.file import StreetEntry

HALF_CM = 114_000
MAIN_CM = -22_591
MAIN_WIDTH_CM = 1_400
ANCHORS_CM = (-57_098, -41_298, -25_798)
ANCHOR_WIDTH_CM = 1_800
_BESIDE_MAIN_CM = 8_000
# Widths of the 27 corridors beside the main road, and of the 8 beside the anchors.
_STREET_WIDTHS_CM = (1_400,) * 17 + (1_000,) * 3 + (1_200,) * 3 + (1_600,) * 2 + (2_800,) * 2
_AVENUE_WIDTHS_CM = (1_800, 2_000, 2_000, 2_200, 2_400, 2_400, 2_600, 2_800)


@dataclass(frozen=True, kw_only=True)
class Corridor:
    """A straight gap across the whole map.

    Attributes:
        axis: The game axis that it runs along.
        centre_cm: Centre line on the other axis.
        width_cm: Even, so that both edges are whole centimetres.
    """

    axis: Literal["x", "z"]
    centre_cm: int
    width_cm: int

    @property
    def low_cm(self) -> int:
        """Lower edge."""
        return self.centre_cm - self.width_cm // 2

    @property
    def high_cm(self) -> int:
        """Upper edge."""
        return self.centre_cm + self.width_cm // 2


def corridors_along_z(rng: np.random.Generator) -> list[Corridor]:
    """The 28 narrow streets, by rising x; the main road is the twelfth."""
    before = _spread(rng, MAIN_CM - _BESIDE_MAIN_CM, -int(rng.integers(110_200, 110_900)), steps=10)
    after = _spread(rng, MAIN_CM + _BESIDE_MAIN_CM, int(rng.integers(109_300, 110_300)), steps=15)
    widths = [int(width) for width in rng.permutation(_STREET_WIDTHS_CM)]
    streets = [
        Corridor(axis="z", centre_cm=centre, width_cm=width)
        for centre, width in zip([*before, *after], widths, strict=True)
    ]
    main = Corridor(axis="z", centre_cm=MAIN_CM, width_cm=MAIN_WIDTH_CM)
    return sorted([*streets, main], key=lambda corridor: corridor.centre_cm)


def corridors_along_x(rng: np.random.Generator) -> list[Corridor]:
    """The 11 wide avenues, by rising z; the three anchors are the third to the fifth."""
    first = ANCHORS_CM[0] - int(rng.integers(22_500, 25_500))
    before = [first, first - int(rng.integers(22_500, 25_500))]
    last = int(rng.integers(103_000, 106_000))
    span = last - ANCHORS_CM[-1]
    after = [
        ANCHORS_CM[-1] + span * step // 6 + (int(rng.integers(-1_500, 1_501)) if step < 6 else 0)
        for step in range(1, 7)
    ]
    widths = [int(width) for width in rng.permutation(_AVENUE_WIDTHS_CM)]
    avenues = [
        Corridor(axis="x", centre_cm=centre, width_cm=width)
        for centre, width in zip([*before, *after], widths, strict=True)
    ]
    anchors = [Corridor(axis="x", centre_cm=centre, width_cm=ANCHOR_WIDTH_CM) for centre in ANCHORS_CM]
    return sorted([*avenues, *anchors], key=lambda corridor: corridor.centre_cm)


def _spread(rng: np.random.Generator, first_cm: int, last_cm: int, *, steps: int) -> list[int]:
    """`steps + 1` coordinates from the first to the last, evenly spaced but for 2.5 m either way."""
    span = last_cm - first_cm
    inner = [first_cm + span * step // steps + int(rng.integers(-250, 251)) for step in range(1, steps)]
    return [first_cm, *inner, last_cm]


def street_entries(corridors: list[Corridor]) -> list[StreetEntry]:
    """The corridors as a city file's streets, with an interrupt where each other one crosses."""
    return [
        StreetEntry(
            axis=corridor.axis,
            center=corridor.centre_cm / 100,
            width=corridor.width_cm / 100,
            start=-HALF_CM / 100,
            end=HALF_CM / 100,
            interrupts=[
                (other.low_cm / 100, other.high_cm / 100)
                for other in corridors
                if other.axis != corridor.axis
            ],
        )
        for corridor in corridors
    ]
