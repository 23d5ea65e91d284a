"""Cuts the procedural city's blocks into lots, in whole centimetres.

A block has large lots at its two avenue ends and two rows of lots back to back between them;
downtown the lots are wider and some reach through the block. A diagonal promenade cuts the lots on
its way into wedges, and the scenarios' pavements are kept clear. Lots never touch each other.
"""

import math
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

Point = tuple[int, int]
PAVEMENT_CM = 100
_NARROW_BLOCK_CM = 4_400
_SHORT_BLOCK_CM = 11_000
_SMALLEST_SIDE_CM = 450
_WEDGE_AREA_CM2 = 900_000
_TIP_CM = 300
# Where the scenarios' people walk beside the main road, (x0, z0, x1, z1): no building stands there.
CLEARINGS_CM = ((-24_350, -44_600, -20_950, -38_600), (-24_350, -25_000, -20_950, -23_500))


class Front(IntEnum):
    """The side of a lot that faces its street."""

    LOW_X = 0
    HIGH_X = 1
    LOW_Z = 2
    HIGH_Z = 3


@dataclass(frozen=True, kw_only=True)
class Rect:
    """An axis-aligned rectangle, centimetres."""

    x0: int
    z0: int
    x1: int
    z1: int

    @property
    def width_cm(self) -> int:
        """Extent along x."""
        return self.x1 - self.x0

    @property
    def depth_cm(self) -> int:
        """Extent along z."""
        return self.z1 - self.z0

    @property
    def area_cm2(self) -> int:
        """Area."""
        return self.width_cm * self.depth_cm

    @property
    def centre(self) -> Point:
        """Middle, rounded down."""
        return (self.x0 + self.x1) // 2, (self.z0 + self.z1) // 2

    def overlaps(self, other: "Rect") -> bool:
        """Whether the two share area."""
        return self.x0 < other.x1 and other.x0 < self.x1 and self.z0 < other.z1 and other.z0 < self.z1

    def corners(self) -> tuple[Point, ...]:
        """The four corners in order."""
        return ((self.x0, self.z0), (self.x1, self.z0), (self.x1, self.z1), (self.x0, self.z1))


@dataclass(frozen=True, kw_only=True)
class Lot:
    """Ground for one building.

    Attributes:
        rect: What the building may use.
        front: The side that faces the street.
        wedge: Convex outline that the building must have instead, where the promenade cuts the lot.
    """

    rect: Rect
    front: Front
    wedge: tuple[Point, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Promenade:
    """A diagonal strip without buildings: points with |a x + b z + c| < half_width * length(a, b).

    Attributes:
        a: Normal's x component, thousandths.
        b: Normal's z component, thousandths.
        c_cm: Offset along the normal, times a thousand.
        reach_cm: Half width, times a thousand and times the normal's length.
    """

    a: int
    b: int
    c_cm: int
    reach_cm: int

    def offset(self, point: Point) -> int:
        """Scaled signed distance of a point from the centre line."""
        return self.a * point[0] + self.b * point[1] + self.c_cm


def block_lots(rng: np.random.Generator, block: Rect, density: float) -> list[Lot]:
    """The lots of one block.

    Args:
        rng: Where chance comes from.
        block: Between the corridors' edges.
        density: 0 at the city's edge, 1 downtown.
    """
    inner = Rect(
        x0=block.x0 + PAVEMENT_CM,
        z0=block.z0 + PAVEMENT_CM,
        x1=block.x1 - PAVEMENT_CM,
        z1=block.z1 - PAVEMENT_CM,
    )
    if inner.width_cm < _SMALLEST_SIDE_CM or inner.depth_cm < _SMALLEST_SIDE_CM:
        return []
    if inner.depth_cm < _SHORT_BLOCK_CM:
        return _short_block(rng, inner, density)
    near, far = (int(rng.integers(2_300, 3_300 + int(1_200 * density))) for _ in range(2))
    lots = _end_lots(rng, replace(inner, z1=inner.z0 + near), density, Front.LOW_Z)
    lots += _middle_lots(rng, replace(inner, z0=inner.z0 + near, z1=inner.z1 - far), density)
    return lots + _end_lots(rng, replace(inner, z0=inner.z1 - far), density, Front.HIGH_Z)


def _short_block(rng: np.random.Generator, block: Rect, density: float) -> list[Lot]:
    """A block at the map's edge: all its lots face an avenue."""
    if block.depth_cm < _NARROW_BLOCK_CM:
        return _end_lots(rng, block, density, Front.HIGH_Z if block.z0 < 0 else Front.LOW_Z)
    seam = (block.z0 + block.z1) // 2 + int(rng.integers(-250, 251))
    near = _end_lots(rng, replace(block, z1=seam), density, Front.LOW_Z)
    return near + _end_lots(rng, replace(block, z0=seam), density, Front.HIGH_Z)


def _middle_lots(rng: np.random.Generator, middle: Rect, density: float) -> list[Lot]:
    if middle.width_cm < _NARROW_BLOCK_CM:
        return _row(rng, middle, density, Front.LOW_X if rng.random() < 0.5 else Front.HIGH_X)
    lots: list[Lot] = []
    z = middle.z0
    while z < middle.z1:
        stretch = int(rng.integers(3_500, 8_000))
        end = middle.z1 if middle.z1 - z - stretch < 2_500 else z + stretch
        part = replace(middle, z0=z, z1=end)
        if rng.random() < 0.06 + 0.34 * density:
            lots += _row(rng, part, 1.0, Front.LOW_X if rng.random() < 0.5 else Front.HIGH_X)
        else:
            seam = (middle.x0 + middle.x1) // 2 + int(rng.integers(-250, 251))
            lots += _row(rng, replace(part, x1=seam), density, Front.LOW_X)
            lots += _row(rng, replace(part, x0=seam), density, Front.HIGH_X)
        z = end
    return lots


def _row(rng: np.random.Generator, strip: Rect, density: float, front: Front) -> list[Lot]:
    """Lots side by side along z."""
    low = 950 + int(1_250 * density)
    high = 2_700 + int(2_600 * density) if rng.random() < 0.55 + 0.45 * density else low + 500
    lots: list[Lot] = []
    z = strip.z0
    for width in _cuts(rng, strip.depth_cm, low, high):
        lots.append(_lot(rng, replace(strip, z0=z, z1=z + width), front, density))
        z += width
    return lots


def _end_lots(rng: np.random.Generator, strip: Rect, density: float, front: Front) -> list[Lot]:
    """Lots side by side along x, facing the avenue."""
    low = 1_300 + int(900 * density)
    lots: list[Lot] = []
    x = strip.x0
    for width in _cuts(rng, strip.width_cm, low, 3_000 + int(3_600 * density)):
        lots.append(_lot(rng, replace(strip, x0=x, x1=x + width), front, density))
        x += width
    return lots


def _cuts(rng: np.random.Generator, length: int, low: int, high: int) -> list[int]:
    """Widths from `low` to about `high` that fill the length."""
    widths: list[int] = []
    left = length
    while left > high + low:
        widths.append(int(rng.integers(low, high + 1)))
        left -= widths[-1]
    if left >= 2 * low and left > high:
        widths.append(left // 2)
        left -= widths[-1]
    return [*widths, left]


def _lot(rng: np.random.Generator, plot: Rect, front: Front, density: float) -> Lot:
    """A plot less its gaps: nearly none at the sides, a yard at the rear, now and then a forecourt."""
    side = int(rng.integers(5, 30))
    other = int(rng.integers(5, 30)) if rng.random() < 0.9 else int(rng.integers(100, 350))
    along_x = front in (Front.LOW_Z, Front.HIGH_Z)
    deep = plot.depth_cm if along_x else plot.width_cm
    ahead = int(rng.integers(0, 60)) if rng.random() < 0.93 else int(rng.integers(150, 600))
    share = 0.02 + 0.10 * rng.random() + (1.0 - density) * (0.12 + 0.26 * rng.random())
    behind = 40 if along_x else max(40, int(share * deep))
    if front in (Front.HIGH_X, Front.HIGH_Z):
        ahead, behind = behind, ahead
    if along_x:
        rect = Rect(x0=plot.x0 + side, x1=plot.x1 - other, z0=plot.z0 + ahead, z1=plot.z1 - behind)
    else:
        rect = Rect(x0=plot.x0 + ahead, x1=plot.x1 - behind, z0=plot.z0 + side, z1=plot.z1 - other)
    return Lot(rect=rect, front=front)


def cleared(lot: Lot) -> Lot:
    """The lot outside the clearings, cut where that costs the least."""
    for x0, z0, x1, z1 in CLEARINGS_CM:
        clearing = Rect(x0=x0, z0=z0, x1=x1, z1=z1)
        if lot.rect.overlaps(clearing):
            rect = lot.rect
            rests = (
                replace(rect, x1=x0), replace(rect, x0=x1), replace(rect, z1=z0), replace(rect, z0=z1)
            )  # fmt: skip
            best = max(rests, key=lambda rest: min(rest.width_cm, rest.depth_cm, 1) * max(rest.area_cm2, 0))
            lot = replace(lot, rect=best)
    return lot


def usable(lot: Lot) -> bool:
    """Whether a building fits."""
    return min(lot.rect.width_cm, lot.rect.depth_cm) >= _SMALLEST_SIDE_CM


def cut_by(lot: Lot, promenade: Promenade) -> list[Lot]:
    """What a promenade leaves of a lot: the lot itself, or up to two wedges beside the strip."""
    offsets = [promenade.offset(corner) for corner in lot.rect.corners()]
    if min(offsets) >= promenade.reach_cm or max(offsets) <= -promenade.reach_cm:
        return [lot]
    wedges = [_blunted(_clip(lot.rect.corners(), promenade, sign)) for sign in (1, -1)]
    return [
        replace(lot, rect=_bounds(wedge), wedge=wedge)
        for wedge in wedges
        if len(wedge) >= 3 and _twice_area(wedge) >= 2 * _WEDGE_AREA_CM2
    ]


def _clip(corners: tuple[Point, ...], promenade: Promenade, sign: int) -> tuple[Point, ...]:
    """The convex outline's part on one side of the strip."""
    depths = [sign * promenade.offset(corner) - promenade.reach_cm for corner in corners]
    kept: list[Point] = []
    for index, corner in enumerate(corners):
        following = (index + 1) % len(corners)
        if depths[index] >= 0:
            kept.append(corner)
        if (depths[index] >= 0) != (depths[following] >= 0):
            share = depths[index] / (depths[index] - depths[following])
            after = corners[following]
            kept.append((_between(corner[0], after[0], share), _between(corner[1], after[1], share)))
    return tuple(dict.fromkeys(kept))


def _blunted(outline: tuple[Point, ...]) -> tuple[Point, ...]:
    """The outline without sharp tips: a corner under about 60 degrees loses 3 m of both its walls."""
    blunt: list[Point] = []
    for index, (x, z) in enumerate(outline):
        before, after = outline[index - 1], outline[(index + 1) % len(outline)]
        ax, az, bx, bz = before[0] - x, before[1] - z, after[0] - x, after[1] - z
        a, b = math.sqrt(ax * ax + az * az), math.sqrt(bx * bx + bz * bz)
        if ax * bx + az * bz > 0.5 * a * b and min(a, b) > 2.5 * _TIP_CM:
            for end, length in ((before, a), (after, b)):
                share = _TIP_CM / length
                blunt.append((_between(x, end[0], share), _between(z, end[1], share)))
        else:
            blunt.append((x, z))
    return tuple(blunt)


def _between(start: int, end: int, share: float) -> int:
    return (
        start + int((end - start) * share + 0.5) if end >= start else start - int((start - end) * share + 0.5)
    )


def _bounds(outline: tuple[Point, ...]) -> Rect:
    xs, zs = [point[0] for point in outline], [point[1] for point in outline]
    return Rect(x0=min(xs), z0=min(zs), x1=max(xs), z1=max(zs))


def _twice_area(outline: tuple[Point, ...]) -> int:
    pairs = zip(outline, (*outline[1:], outline[0]), strict=True)
    return abs(sum(x0 * z1 - x1 * z0 for (x0, z0), (x1, z1) in pairs))
