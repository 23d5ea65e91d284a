"""Footprints for the procedural city's lots: what stands on a lot, seen from above.

Each shape fills a box `(width, depth)` in whole centimetres; v = 0 is the street front. Low houses
have light shafts and rear wings, larger ones courts, towers cut, stepped or round corners. 4 to 19
corners; none crosses itself.
"""

from collections.abc import Callable, Sequence

import numpy as np

from world.city.lots import Front, Lot, Point
from world.trig import PI, sin_cos

Shape = Callable[[np.random.Generator, int, int], list[Point]]


def footprint(rng: np.random.Generator, lot: Lot, height_cm: int) -> list[Point]:
    """The outline of the building on a lot, open, in the lot's own axes and centimetres.

    Args:
        rng: Where chance comes from.
        lot: The ground.
        height_cm: The building's height; towers have other shapes than houses.
    """
    if lot.wedge:
        return list(lot.wedge)
    along_x = lot.front in (Front.LOW_Z, Front.HIGH_Z)
    width, depth = lot.rect.width_cm, lot.rect.depth_cm
    if not along_x:
        width, depth = depth, width
    shape = _choose(rng, width, depth, height_cm)
    return [_placed(lot, u, v) for u, v in shape(rng, width, depth)]


def _placed(lot: Lot, u: int, v: int) -> Point:
    rect = lot.rect
    if lot.front is Front.LOW_X:
        return rect.x0 + v, rect.z0 + u
    if lot.front is Front.HIGH_X:
        return rect.x1 - v, rect.z0 + u
    if lot.front is Front.LOW_Z:
        return rect.x0 + u, rect.z0 + v
    return rect.x0 + u, rect.z1 - v


def _choose(rng: np.random.Generator, width: int, depth: int, height_cm: int) -> Shape:
    if min(width, depth) < 700:
        return _rectangle
    if height_cm > 10_000:
        table: Sequence[tuple[int, Shape]] = _TOWERS
    elif min(width, depth) >= 1_400:
        table = _BLOCKS
    else:
        table = _HOUSES
    drawn = int(rng.integers(sum(weight for weight, _ in table)))
    for weight, shape in table:
        drawn -= weight
        if drawn < 0:
            return shape
    raise AssertionError("weights do not add up")


def _part(rng: np.random.Generator, length: int, low: float, high: float) -> int:
    """A random share of a length, from `low` to `high` of it."""
    return int(length * (low + (high - low) * rng.random()))


def _rectangle(_: np.random.Generator, w: int, d: int) -> list[Point]:
    return [(0, 0), (w, 0), (w, d), (0, d)]


def _rear_wing(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """An L: the rear keeps one side."""
    u, v = _part(rng, w, 0.4, 0.7), _part(rng, d, 0.45, 0.75)
    outline = [(0, 0), (w, 0), (w, v), (u, v), (u, d), (0, d)]
    return outline if rng.random() < 0.5 else _mirrored(outline, w)


def _stepped_rear(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    u, v = _part(rng, w, 0.25, 0.4), _part(rng, d, 0.45, 0.6)
    u2, v2 = _part(rng, w, 0.55, 0.75), _part(rng, d, 0.68, 0.85)
    outline = [(0, 0), (w, 0), (w, v), (u2, v), (u2, v2), (u, v2), (u, d), (0, d)]
    return outline if rng.random() < 0.5 else _mirrored(outline, w)


def _dumbbell(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """Light shafts in both side walls, as in New York's old tenements."""
    cut, v, v2 = _part(rng, w, 0.1, 0.2), _part(rng, d, 0.3, 0.42), _part(rng, d, 0.58, 0.72)
    right = [(w, 0), (w, v), (w - cut, v), (w - cut, v2), (w, v2), (w, d)]
    left = [(0, d), (0, v2), (cut, v2), (cut, v), (0, v), (0, 0)]
    return right + left


def _one_shaft(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    cut, v, v2 = _part(rng, w, 0.15, 0.35), _part(rng, d, 0.3, 0.45), _part(rng, d, 0.6, 0.75)
    outline = [(0, 0), (w, 0), (w, v), (w - cut, v), (w - cut, v2), (w, v2), (w, d), (0, d)]
    return outline if rng.random() < 0.5 else _mirrored(outline, w)


def _bay_front(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """Two slanted bays push out of a recessed front."""
    recess, slant = min(120, d // 8), w // 16
    u = _part(rng, w, 0.08, 0.14)
    bays = [(u, recess), (u + slant, 0), (w // 2 - u - slant, 0), (w // 2 - u, recess)]
    second = [(w - x, v) for x, v in reversed(bays)]
    return [(0, recess), *bays, *second, (w, recess), (w, d), (0, d)]


def _court(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """A U, open to the rear or to the street."""
    u, u2, v = _part(rng, w, 0.22, 0.36), _part(rng, w, 0.64, 0.78), _part(rng, d, 0.35, 0.6)
    outline = [(0, 0), (w, 0), (w, d), (u2, d), (u2, v), (u, v), (u, d), (0, d)]
    return outline if rng.random() < 0.75 else [(x, d - y) for x, y in outline]


def _inner_court(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """A courtyard that only a passage in one side wall opens."""
    u, u2 = _part(rng, w, 0.25, 0.35), _part(rng, w, 0.65, 0.75)
    v, v2 = _part(rng, d, 0.28, 0.38), _part(rng, d, 0.62, 0.72)
    gate = (v + v2) // 2
    half = max(min(150, (v2 - v) // 4), 40)
    inner = [(u2, gate - half), (u2, v), (u, v), (u, v2), (u2, v2), (u2, gate + half)]
    outline = [(0, 0), (w, 0), (w, gate - half), *inner, (w, gate + half), (w, d), (0, d)]
    return outline if rng.random() < 0.5 else _mirrored(outline, w)


def _letter_h(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    u, u2 = _part(rng, w, 0.28, 0.38), _part(rng, w, 0.62, 0.72)
    v, v2 = _part(rng, d, 0.2, 0.35), _part(rng, d, 0.62, 0.8)
    front = [(0, 0), (u, 0), (u, v), (u2, v), (u2, 0), (w, 0)]
    return [*front, (w, d), (u2, d), (u2, v2), (u, v2), (u, d), (0, d)]


def _letter_e(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """Three wings to the rear."""
    v, gap = _part(rng, d, 0.35, 0.55), _part(rng, w, 0.12, 0.18)
    a, b = w // 5, w - w // 5
    middle = w // 2 + gap // 4
    half = (b - a - 2 * gap) // 2
    rear = [(b, d), (b, v), (middle + half, v), (middle + half, d), (middle - half, d), (middle - half, v)]
    return [(0, 0), (w, 0), (w, d), *rear, (a, v), (a, d), (0, d)]


def _letter_t(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    u, u2, v = _part(rng, w, 0.15, 0.3), _part(rng, w, 0.7, 0.85), _part(rng, d, 0.4, 0.65)
    return [(0, 0), (w, 0), (w, v), (u2, v), (u2, d), (u, d), (u, v), (0, v)]


def _cut_corner(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    cut = _part(rng, min(w, d), 0.15, 0.35)
    outline = [(0, 0), (w - cut, 0), (w, cut), (w, d), (0, d)]
    return outline if rng.random() < 0.5 else _mirrored(outline, w)


def _chamfered(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    c = _part(rng, min(w, d), 0.07, 0.2)
    return [(c, 0), (w - c, 0), (w, c), (w, d - c), (w - c, d), (c, d), (0, d - c), (0, c)]


def _stepped_corners(rng: np.random.Generator, w: int, d: int) -> list[Point]:
    """A plus: every corner is taken out."""
    a, b = _part(rng, w, 0.12, 0.28), _part(rng, d, 0.12, 0.28)
    front = [(a, 0), (w - a, 0), (w - a, b), (w, b), (w, d - b), (w - a, d - b)]
    return [*front, (w - a, d), (a, d), (a, d - b), (0, d - b), (0, b), (a, b)]


def _round(_: np.random.Generator, w: int, d: int) -> list[Point]:
    """A circle of 18 corners in the middle of the lot."""
    radius = min(w, d) // 2
    turns = [sin_cos(2.0 * PI * corner / 18) for corner in range(18)]
    return [(w // 2 + _whole(radius * c), d // 2 + _whole(radius * s)) for s, c in turns]


def _round_corner(_: np.random.Generator, w: int, d: int) -> list[Point]:
    """One corner of the front follows a quarter circle."""
    radius = min(w, d) * 2 // 5
    turns = [sin_cos(PI * step / 12) for step in range(1, 6)]
    bend = [(w - radius + _whole(radius * s), radius - _whole(radius * c)) for s, c in turns]
    return [(0, 0), (w - radius, 0), *bend, (w, radius), (w, d), (0, d)]


def _whole(value: float) -> int:
    return int(value + 0.5) if value >= 0.0 else -int(0.5 - value)


def _mirrored(outline: list[Point], w: int) -> list[Point]:
    return [(w - u, v) for u, v in outline]


_HOUSES: Sequence[tuple[int, Shape]] = (
    (4, _rectangle), (6, _rear_wing), (4, _stepped_rear), (7, _dumbbell), (4, _one_shaft), (3, _bay_front),
)  # fmt: skip
_BLOCKS: Sequence[tuple[int, Shape]] = (
    (3, _rectangle), (3, _rear_wing), (3, _stepped_rear), (4, _court), (4, _inner_court), (4, _letter_h),
    (3, _letter_e), (4, _letter_t), (2, _cut_corner), (2, _dumbbell), (2, _bay_front), (1, _round_corner),
)  # fmt: skip
_TOWERS: Sequence[tuple[int, Shape]] = (
    (5, _rectangle), (3, _chamfered), (5, _stepped_corners), (2, _letter_h), (2, _letter_t), (1, _round),
    (2, _cut_corner), (2, _round_corner), (2, _rear_wing),
)  # fmt: skip
