"""Single-precision geometry as CARLA's `Location` does it.

CARLA keeps coordinates, differences and distances as 32-bit floats, and genuine route lengths and
completions carry that rounding. Each step here rounds a double result to single precision, which
for + - * and the square root of singles is the exact single-precision result (a double has more
than twice the digits).
"""

import itertools
import math
from collections.abc import Sequence
from struct import Struct

_SINGLE = Struct("f")


def to_single(value: float) -> float:
    """The nearest 32-bit float; infinite beyond its range."""
    try:
        rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


def distance_m(a: Sequence[float], b: Sequence[float]) -> float:
    """Distance of two points of single-precision coordinates."""
    total = 0.0
    for p, q in zip(a, b, strict=True):
        difference = to_single(q - p)
        total = to_single(total + to_single(difference * difference))
    return to_single(math.sqrt(total))


def polyline_length_m(points_m: Sequence[Sequence[float]]) -> float:
    """Sum of the distances between neighbours; 0 for fewer than two points."""
    singles = [[to_single(value) for value in point] for point in points_m]
    length = 0.0
    for previous, point in itertools.pairwise(singles):
        length += distance_m(previous, point)
    return length
