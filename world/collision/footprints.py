"""All buildings, found by place: a grid of 32 m cells, each with the polygons whose box meets it.

The drawn city repeats in both directions, and so do its walls: a query is moved to the home tile, around
which copies of the polygons near its edges stand.

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
MARGIN_M = 64.0
"""How far around the home tile copies stand, and so the farthest look of a query where walls repeat."""

_AROUND = tuple((dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0))

Ring = tuple[float, ...]
Bounds = tuple[float, float, float, float]


class StaticIndex:
    """Immovable polygons."""

    def __init__(
        self, outlines: Sequence[npt.NDArray[np.float64]], *, tile_m: tuple[float, float] | None = None
    ) -> None:
        """Index polygons.

        Args:
            outlines: `(N, 2)` rings in metres, not closed.
            tile_m: Periods along X and Y at which they repeat, the home tile's middle being the origin;
                None: they stand once.
        """
        self._tile_m = tile_m
        self._count = len(outlines)
        self._numbers = list(range(len(outlines)))
        self._rings: list[Ring] = [tuple(ring.ravel().tolist()) for ring in outlines]
        self._bounds = [_bounds_of(ring) for ring in self._rings]
        self._cells: dict[tuple[int, int], list[int]] = {}
        if tile_m is not None:
            self._add_copies(tile_m)
        for place, (low_x, low_y, high_x, high_y) in enumerate(self._bounds):
            for column in range(floor(low_x / CELL_M), floor(high_x / CELL_M) + 1):
                for row in range(floor(low_y / CELL_M), floor(high_y / CELL_M) + 1):
                    self._cells.setdefault((column, row), []).append(place)

    def __len__(self) -> int:
        return self._count

    def _add_copies(self, tile_m: tuple[float, float]) -> None:
        """The repetitions of polygons that come within the margin of the home tile."""
        reach_x, reach_y = tile_m[0] / 2 + MARGIN_M, tile_m[1] / 2 + MARGIN_M
        for number in range(self._count):
            for dx, dy in _AROUND:
                ring = _moved(self._rings[number], dx * tile_m[0], dy * tile_m[1])
                low_x, low_y, high_x, high_y = bounds = _bounds_of(ring)
                if low_x <= reach_x and high_x >= -reach_x and low_y <= reach_y and high_y >= -reach_y:
                    self._numbers.append(number)
                    self._rings.append(ring)
                    self._bounds.append(bounds)

    def _home(self, x_m: float, y_m: float) -> tuple[float, float]:
        """The point's place in the home tile."""
        if self._tile_m is None:
            return x_m, y_m
        tile_x, tile_y = self._tile_m
        return x_m - floor(x_m / tile_x + 0.5) * tile_x, y_m - floor(y_m / tile_y + 0.5) * tile_y

    def _near(self, x_m: float, y_m: float, reach_m: float) -> list[int]:
        """Places in the lists of what comes, by its bounding box, within a distance of a point at home."""
        if self._tile_m is not None and reach_m > MARGIN_M:
            raise ValueError(f"a look of {reach_m:g} m is too far where walls repeat (limit {MARGIN_M:g} m)")
        cells, bounds = self._cells, self._bounds
        found: set[int] = set()
        for column in range(floor((x_m - reach_m) / CELL_M), floor((x_m + reach_m) / CELL_M) + 1):
            for row in range(floor((y_m - reach_m) / CELL_M), floor((y_m + reach_m) / CELL_M) + 1):
                for place in cells.get((column, row), ()):
                    low_x, low_y, high_x, high_y = bounds[place]
                    if (
                        low_x - reach_m <= x_m <= high_x + reach_m
                        and low_y - reach_m <= y_m <= high_y + reach_m
                    ):
                        found.add(place)
        return sorted(found)

    def contains(self, x_m: float, y_m: float) -> bool:
        """Whether a point lies in a polygon."""
        x_m, y_m = self._home(x_m, y_m)
        return any(point_in_polygon(x_m, y_m, self._rings[k]) for k in self._near(x_m, y_m, 0.0))

    def hits_circle(self, x_m: float, y_m: float, radius_m: float) -> int:
        """The first polygon that a circle touches, or -1."""
        x_m, y_m = self._home(x_m, y_m)
        for place in self._near(x_m, y_m, radius_m):
            if circle_hits_polygon(x_m, y_m, radius_m, self._rings[place]):
                return self._numbers[place]
        return -1

    def hits_box(self, x_m: float, y_m: float, yaw_rad: float, length_m: float, width_m: float) -> int:
        """The first polygon that an oriented box touches, or -1."""
        x_m, y_m = self._home(x_m, y_m)
        candidates = self._near(x_m, y_m, half_diagonal(length_m, width_m))
        if not candidates:
            return -1
        sin, cos = sin_cos(yaw_rad)
        for place in candidates:
            if box_hits_polygon(x_m, y_m, sin, cos, length_m / 2, width_m / 2, self._rings[place]):
                return self._numbers[place]
        return -1

    def clearance_m(self, x_m: float, y_m: float, at_most_m: float) -> float:
        """Distance to the nearest polygon, 0 inside one, `at_most_m` where none is nearer."""
        x_m, y_m = self._home(x_m, y_m)
        least2 = at_most_m * at_most_m
        for place in self._near(x_m, y_m, at_most_m):
            ring = self._rings[place]
            if point_in_polygon(x_m, y_m, ring):
                return 0.0
            least2 = min(least2, distance2_to_ring(x_m, y_m, ring))
        return sqrt(least2)


def _bounds_of(ring: Ring) -> Bounds:
    xs, ys = ring[0::2], ring[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def _moved(ring: Ring, dx_m: float, dy_m: float) -> Ring:
    return tuple(value + (dy_m if k % 2 else dx_m) for k, value in enumerate(ring))


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
