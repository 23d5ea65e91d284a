"""Finds straight streets as the gaps between buildings: raster, valleys, extents, interrupts.

The buildings' bounding boxes fill a 2 m raster. A run of columns (or rows) of which less than 15 %
is built on, 8 to 40 m wide and between buildings, is a corridor; its edges are then taken from the
boxes themselves, to the centimetre. It reaches as far as its middle is free; an end inside the map
is cut back to its last crossing, because a road that leads nowhere is none.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from world.city.file import StreetEntry

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
CELL_M = 2.0
VALLEY_SHARE = 0.15
NARROWEST_M = 8.0
WIDEST_M = 40.0
_SHORTEST_M = 60.0
# A footbridge over the road blocks it in the raster, not for a car.
_BRIDGE_M = 10.0


@dataclass(frozen=True, kw_only=True)
class _Gap:
    axis: Literal["x", "z"]
    low: float
    high: float
    start: float
    end: float
    open_start: bool
    open_end: bool

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2

    def crosses(self, other: "_Gap") -> bool:
        return self.start <= other.centre <= self.end and other.start <= self.centre <= other.end


def find_streets(boxes_m: Floats, *, width_m: float, depth_m: float) -> list[StreetEntry]:
    """The corridors between buildings, those along z first, each group by rising centre.

    Args:
        boxes_m: `(N, 4)` bounding boxes (x0, z0, x1, z1), metres, the map's centre at the origin.
        width_m: The map's extent along x.
        depth_m: The map's extent along z.
    """
    raster = _raster(boxes_m, width_m, depth_m)
    turned = boxes_m[:, [1, 0, 3, 2]]
    gaps = _gaps("z", raster, boxes_m, width_m, depth_m)
    gaps += _gaps("x", raster.T, turned, depth_m, width_m)
    kept = _connected(gaps)
    return [_entry(gap, kept) for gap in kept]


def _raster(boxes_m: Floats, width_m: float, depth_m: float) -> Bools:
    """`(depth, width)` cells of 2 m, true where a bounding box covers the cell's centre."""
    shape = (int(np.ceil(depth_m / CELL_M)), int(np.ceil(width_m / CELL_M)))
    occupied = np.zeros(shape, np.bool_)
    shift = np.array([width_m, depth_m, width_m, depth_m]) / 2
    cells = np.round((boxes_m + shift) / CELL_M).astype(np.int64)
    for x0, z0, x1, z1 in np.maximum(cells, 0):
        occupied[z0:z1, x0:x1] = True
    return occupied


def _gaps(
    axis: Literal["x", "z"], raster: Bools, boxes_m: Floats, across_m: float, along_m: float
) -> list[_Gap]:
    """Corridors along the raster's first dimension; boxes are (across, along) pairs."""
    profile = raster.mean(axis=0)
    breaks, shares = _exact_profile(boxes_m, across_m, along_m)
    gaps: list[_Gap] = []
    for first, last in _runs(profile < VALLEY_SHARE):
        if first == 0 or last == len(profile):
            continue
        middle = (first + last) * CELL_M / 2 - across_m / 2
        low, high = _edges(breaks, shares, middle)
        if not NARROWEST_M <= high - low <= WIDEST_M:
            continue
        quarter = (last - first) // 4
        blocked = raster[:, first + quarter : last - quarter].mean(axis=1) > 0.5
        gaps += [
            _Gap(axis=axis, low=low, high=high, start=start, end=end, open_start=opens, open_end=closes)
            for start, end, opens, closes in _extents(blocked, along_m)
        ]
    return gaps


def _exact_profile(boxes_m: Floats, across_m: float, along_m: float) -> tuple[Floats, Floats]:
    """Share built on as a step function: between `breaks[i]` and `breaks[i + 1]` it is `shares[i]`."""
    half = along_m / 2
    lengths = np.clip(boxes_m[:, 3], -half, half) - np.clip(boxes_m[:, 1], -half, half)
    places = np.concatenate((boxes_m[:, 0], boxes_m[:, 2], [-across_m / 2, across_m / 2]))
    steps = np.concatenate((lengths, -lengths, [0.0, 0.0])) / along_m
    order = np.argsort(places, kind="stable")
    return places[order], np.cumsum(steps[order])


def _edges(breaks: Floats, shares: Floats, middle: float) -> tuple[float, float]:
    """The valley's edges around a place in it."""
    # A sum of many steps does not return to exactly the threshold.
    high_ground = shares >= VALLEY_SHARE - 1e-9
    at = int(np.searchsorted(breaks, middle, side="right")) - 1
    before = np.flatnonzero(high_ground[: max(at, 0)])
    after = np.flatnonzero(high_ground[at + 1 :])
    low = float(breaks[before[-1] + 1]) if len(before) else float(breaks[0])
    high = float(breaks[at + 1 + after[0]]) if len(after) else float(breaks[-1])
    return low, high


def _extents(blocked: Bools, along_m: float) -> list[tuple[float, float, bool, bool]]:
    """Free stretches: start, end, and whether each of the two lies on the map's edge."""
    passable = ~blocked
    for first, last in _runs(blocked):
        if first > 0 and last < len(blocked) and (last - first) * CELL_M <= _BRIDGE_M:
            passable[first:last] = True
    half = along_m / 2
    return [
        (
            first * CELL_M - half,
            min(last * CELL_M - half, half),
            first == 0,
            last == len(passable),
        )
        for first, last in _runs(passable)
        if (last - first) * CELL_M >= _SHORTEST_M
    ]


def _runs(flags: Bools) -> list[tuple[int, int]]:
    """Half-open index ranges of consecutive true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def _connected(gaps: list[_Gap]) -> list[_Gap]:
    """The gaps without dead ends; those that cross no other are left out."""
    while True:
        trimmed = [cut for gap in gaps if (cut := _trimmed(gap, gaps)) is not None]
        if trimmed == gaps:
            return gaps
        gaps = trimmed


def _trimmed(gap: _Gap, gaps: list[_Gap]) -> _Gap | None:
    crossing = [other for other in gaps if other.axis != gap.axis and gap.crosses(other)]
    if not crossing:
        return None
    first = min(crossing, key=lambda other: other.low)
    last = max(crossing, key=lambda other: other.high)
    start = gap.start if gap.open_start else max(gap.start, first.low)
    end = gap.end if gap.open_end else min(gap.end, last.high)
    return replace(gap, start=start, end=end)


def _entry(gap: _Gap, gaps: list[_Gap]) -> StreetEntry:
    crossing = sorted(
        (other.low, other.high) for other in gaps if other.axis != gap.axis and gap.crosses(other)
    )
    return StreetEntry(
        axis=gap.axis,
        center=round(gap.centre, 2),
        width=round(gap.high - gap.low, 2),
        start=round(gap.start, 2),
        end=round(gap.end, 2),
        interrupts=[(round(low, 2), round(high, 2)) for low, high in crossing],
    )
