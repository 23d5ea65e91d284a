"""A regular city made from a seed: avenues along X, streets along Y, blocks of buildings between.

Axes are CARLA's (X forward, Y right, metres). Crossing (i, j) lies at
`(origin_x_m + i * pitch_x_m, j * pitch_y_m)`; one avenue runs along Y = 0, where the recorded game
waits before a scenario begins. A block's four frontages carry buildings of their own height and
facade; the pattern of blocks repeats every `PERIOD` crossings, so that a city has no end.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

ROAD_HALF_M = 7.0
LANE_OFFSET_M = 3.5
SETBACK_M = 10.0
CELL_M = 2.0
PERIOD = 8
FACADES = 8
MAX_HEIGHT_M = 64.0
LOW_Y, HIGH_Y, LOW_X, HIGH_X = range(4)
# Corners of a block as (x, y) bits, at the start and at the end of each frontage.
_CORNERS = {
    LOW_Y: ((0, 0), (1, 0)),
    HIGH_Y: ((0, 1), (1, 1)),
    LOW_X: ((0, 0), (0, 1)),
    HIGH_X: ((1, 0), (1, 1)),
}


@dataclass(frozen=True, kw_only=True)
class City:
    """Streets and frontages of a generated city.

    Attributes:
        pitch_x_m: Distance of two streets.
        pitch_y_m: Distance of two avenues.
        origin_x_m: X of street 0.
        height_m: Building height, `(PERIOD, PERIOD, 4, cells)`: block, frontage, 2 m cell.
        facade: Facade number, same shape.
    """

    pitch_x_m: float
    pitch_y_m: float
    origin_x_m: float
    height_m: FloatArray
    facade: IntArray

    def crossing_m(self, i: int, j: int) -> tuple[float, float]:
        """Return the centre of crossing (i, j)."""
        return self.origin_x_m + i * self.pitch_x_m, j * self.pitch_y_m

    def in_building(self, x_m: float, y_m: float, margin_m: float = 0.0) -> bool:
        """Say whether a point lies in a block, or closer than the margin to one."""
        edge_m = SETBACK_M - margin_m
        along_x = (x_m - self.origin_x_m) % self.pitch_x_m
        along_y = y_m % self.pitch_y_m
        return edge_m < along_x < self.pitch_x_m - edge_m and edge_m < along_y < self.pitch_y_m - edge_m


def make_city(seed: int) -> City:
    """Make the city of a seed."""
    rng = np.random.default_rng([seed, 1])
    pitch_x_m, pitch_y_m = float(rng.uniform(72, 96)), float(rng.uniform(92, 128))
    cells = int(max(pitch_x_m, pitch_y_m) / CELL_M) + 1
    height_m = np.zeros((PERIOD, PERIOD, 4, cells), np.float32)
    facade = np.zeros(height_m.shape, np.int32)
    for i, j in np.ndindex(PERIOD, PERIOD):
        corner_m = rng.uniform(10, 58, (2, 2))
        for side in range(4):
            length_m = (pitch_x_m if side in {LOW_Y, HIGH_Y} else pitch_y_m) - 2 * SETBACK_M
            height_m[i, j, side], facade[i, j, side] = _frontage(rng, cells, length_m, corner_m, side)
    return City(
        pitch_x_m=pitch_x_m,
        pitch_y_m=pitch_y_m,
        origin_x_m=float(rng.uniform(0, pitch_x_m)),
        height_m=height_m,
        facade=facade,
    )


def _frontage(
    rng: np.random.Generator, cells: int, length_m: float, corner_m: npt.NDArray[np.float64], side: int
) -> tuple[FloatArray, IntArray]:
    """Cut a frontage into buildings 8 to 22 m wide; its ends take the block's corner buildings."""
    breaks_m = np.cumsum(rng.uniform(8, 22, 16))
    index = np.searchsorted(breaks_m, np.arange(cells) * CELL_M)  # building of each cell
    heights_m = np.minimum(rng.gamma(4.0, 6.0, 17) + 8, MAX_HEIGHT_M - 2)
    facades = rng.integers(0, FACADES, 17)
    first, last = _CORNERS[side]
    heights_m[0], facades[0] = corner_m[first], int(corner_m[first] * 10) % FACADES
    last_index = int(np.searchsorted(breaks_m, length_m - CELL_M))
    heights_m[last_index:], facades[last_index:] = corner_m[last], int(corner_m[last] * 10) % FACADES
    return heights_m[index].astype(np.float32), facades[index].astype(np.int32)
