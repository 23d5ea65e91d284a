"""All buildings, found by place: a grid of 32 m cells, each with the polygons whose box meets it.

Single queries by a car want few candidates and no call overhead: a dictionary of cells and scalar
tests take 2 us for a circle and 3.5 us for a car's box; numpy over all bounding boxes first takes
100 us, testing all 5,247 polygons 33 ms (benchmarks/collision.py).
"""

from collections.abc import Sequence
from math import floor, sqrt

import numpy as np
import numpy.typing as npt

from world.collision.polygons import (
    box_hits_polygon,
    circle_hits_polygon,
    distance2_to_ring,
    half_diagonal,
    point_in_polygon,
)
from world.trig import sin_cos

CELL_M = 32.0


class StaticIndex:
    """Immovable polygons."""

    def __init__(self, outlines: Sequence[npt.NDArray[np.float64]]) -> None:
        """Index polygons.

        Args:
            outlines: `(N, 2)` rings in metres, not closed.
        """
        self._rings: list[tuple[float, ...]] = [tuple(ring.ravel().tolist()) for ring in outlines]
        self._bounds: list[tuple[float, float, float, float]] = []
        self._cells: dict[tuple[int, int], list[int]] = {}
        for number, ring in enumerate(self._rings):
            xs, ys = ring[0::2], ring[1::2]
            low_x, low_y, high_x, high_y = min(xs), min(ys), max(xs), max(ys)
            self._bounds.append((low_x, low_y, high_x, high_y))
            for column in range(floor(low_x / CELL_M), floor(high_x / CELL_M) + 1):
                for row in range(floor(low_y / CELL_M), floor(high_y / CELL_M) + 1):
                    self._cells.setdefault((column, row), []).append(number)

    def __len__(self) -> int:
        return len(self._rings)

    def near(self, x_m: float, y_m: float, reach_m: float) -> list[int]:
        """Polygons whose bounding box comes within a distance of a point, in ascending order."""
        cells, bounds = self._cells, self._bounds
        found: set[int] = set()
        for column in range(floor((x_m - reach_m) / CELL_M), floor((x_m + reach_m) / CELL_M) + 1):
            for row in range(floor((y_m - reach_m) / CELL_M), floor((y_m + reach_m) / CELL_M) + 1):
                for number in cells.get((column, row), ()):
                    low_x, low_y, high_x, high_y = bounds[number]
                    if (
                        low_x - reach_m <= x_m <= high_x + reach_m
                        and low_y - reach_m <= y_m <= high_y + reach_m
                    ):
                        found.add(number)
        return sorted(found)

    def contains(self, x_m: float, y_m: float) -> bool:
        """Whether a point lies in a polygon."""
        return any(point_in_polygon(x_m, y_m, self._rings[k]) for k in self.near(x_m, y_m, 0.0))

    def hits_circle(self, x_m: float, y_m: float, radius_m: float) -> int:
        """The first polygon that a circle touches, or -1."""
        for number in self.near(x_m, y_m, radius_m):
            if circle_hits_polygon(x_m, y_m, radius_m, self._rings[number]):
                return number
        return -1

    def hits_box(self, x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float) -> int:
        """The first polygon that an oriented box touches, or -1."""
        candidates = self.near(x_m, y_m, half_diagonal(length_m, width_m))
        if not candidates:
            return -1
        sin, cos = sin_cos(yaw_rad)
        for number in candidates:
            if box_hits_polygon(x_m, y_m, sin, cos, length_m / 2, width_m / 2, self._rings[number]):
                return number
        return -1

    def clearance_m(self, x_m: float, y_m: float, at_most_m: float) -> float:
        """Distance to the nearest polygon, 0 inside one, `at_most_m` where none is nearer."""
        least2 = at_most_m * at_most_m
        for number in self.near(x_m, y_m, at_most_m):
            ring = self._rings[number]
            if point_in_polygon(x_m, y_m, ring):
                return 0.0
            least2 = min(least2, distance2_to_ring(x_m, y_m, ring))
        return sqrt(least2)


class ClearanceGate:
    """Answers "nothing can be near" without asking the index, until the car has gone that far.

    Conservative advancement: after a query that found the nearest wall at distance c, a car of
    radius r cannot touch anything before it has moved c - r.
    """

    def __init__(self, index: StaticIndex, radius_m: float, *, reach_m: float = 25.0) -> None:
        """Make a gate for one car.

        Args:
            index: The walls.
            radius_m: Of the circle around the car.
            reach_m: How far a query looks.
        """
        self._index, self._radius_m, self._reach_m = index, radius_m, reach_m
        self._x_m = self._y_m = 0.0
        self._free2 = -1.0

    def is_clear(self, x_m: float, y_m: float) -> bool:
        """True where no wall can touch the car; False means: look."""
        dx, dy = x_m - self._x_m, y_m - self._y_m
        if dx * dx + dy * dy < self._free2:
            return True
        free_m = self._index.clearance_m(x_m, y_m, self._reach_m) - self._radius_m
        if free_m <= 0.0:
            self._free2 = -1.0
            return False
        self._x_m, self._y_m, self._free2 = x_m, y_m, free_m * free_m
        return True
