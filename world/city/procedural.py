"""A Manhattan-like city from a seed: 2,280 m square, 39 corridors, about 4,800 buildings.

The same seed gives the same bytes on every machine: whole centimetres, IEEE-exact arithmetic and
integer or uniform random numbers only. The city that ships is seed 0:
`scalediff world build --source procedural --seed 0`.
"""

from itertools import pairwise

import numpy as np

from world.city.colours import GROUND, SKY, wall_colours
from world.city.file import BuildingEntry, CityFile, MapEntry
from world.city.grid import HALF_CM, Corridor, corridors_along_x, corridors_along_z, street_entries
from world.city.lots import Lot, Point, Promenade, Rect, block_lots, cleared, cut_by, usable
from world.city.shapes import footprint
from world.city.skyline import centres, density_at, heights_cm

SIZE_M = 2 * HALF_CM / 100
GRID_ANGLE_DEG = 29.0
_GRID, _LOTS, _HEIGHTS, _SHAPES = range(4)
_PARK_SHARE = 0.015


def procedural_city(seed: int = 0) -> CityFile:
    """The city of a seed.

    Args:
        seed: Any whole number from 0.
    """
    streets, avenues = _corridors(seed)
    hills = centres(np.random.default_rng([seed, _GRID, 1]))
    lots = _lots(seed, _blocks(streets, avenues), hills)
    rects = [lot.rect for lot in lots]
    densities = [density_at(rect.centre, hills) for rect in rects]
    heights = heights_cm(np.random.default_rng([seed, _HEIGHTS]), rects, densities)
    return CityFile(
        source=f"procedural seed {seed}",
        map=MapEntry(width=SIZE_M, depth=SIZE_M, color=GROUND, sky_color=SKY),
        tile_width=SIZE_M,
        tile_depth=SIZE_M,
        grid_angle_deg=GRID_ANGLE_DEG,
        buildings=_buildings(np.random.default_rng([seed, _SHAPES]), lots, heights),
        streets=street_entries([*streets, *avenues]),
    )


def _corridors(seed: int) -> tuple[list[Corridor], list[Corridor]]:
    rng = np.random.default_rng([seed, _GRID])
    return corridors_along_z(rng), corridors_along_x(rng)


def _blocks(streets: list[Corridor], avenues: list[Corridor]) -> list[Rect]:
    """The rectangles between the corridors, row by row."""
    return [Rect(x0=x0, z0=z0, x1=x1, z1=z1) for z0, z1 in _gaps(avenues) for x0, x1 in _gaps(streets)]


def _gaps(corridors: list[Corridor]) -> list[tuple[int, int]]:
    edges = [-HALF_CM, *(edge for c in corridors for edge in (c.low_cm, c.high_cm)), HALF_CM]
    return [(low, high) for low, high in list(pairwise(edges))[::2]]


def _lots(seed: int, blocks: list[Rect], hills: list[tuple[Point, int, float]]) -> list[Lot]:
    rng = np.random.default_rng([seed, _LOTS])
    promenade = _promenade(rng)
    lots: list[Lot] = []
    for block in blocks:
        park = rng.random() < _PARK_SHARE
        density = density_at(block.centre, hills)
        found = [part for lot in block_lots(rng, block, density) for part in cut_by(cleared(lot), promenade)]
        if not park:
            lots += [lot for lot in found if usable(lot)]
    return lots


def _promenade(rng: np.random.Generator) -> Promenade:
    """A diagonal across the whole map, like Broadway: it drifts 600 to 800 m along z."""
    drift = int(rng.integers(600, 801)) * (1 if rng.random() < 0.5 else -1)
    middle = int(rng.integers(10_000, 45_000))
    # The normal of the direction (2280, drift) in metres; its length is about 2,390 to 2,420.
    a, b = -drift, 2_280
    return Promenade(a=a, b=b, c_cm=-b * middle, reach_cm=1_100 * 2_400)


def _buildings(rng: np.random.Generator, lots: list[Lot], heights: list[int]) -> list[BuildingEntry]:
    outlines = [footprint(rng, lot, height) for lot, height in zip(lots, heights, strict=True)]
    heights_m = [height / 100 for height in heights]
    colours = wall_colours([lot.rect.centre for lot in lots], heights_m)
    return [
        BuildingEntry(vertices=_ring(outline), height=height_m, color=colour)
        for outline, height_m, colour in zip(outlines, heights_m, colours, strict=True)
    ]


def _ring(outline: list[Point]) -> list[tuple[float, float]]:
    points = [(x / 100, z / 100) for x, z in outline]
    return [*points, points[0]]
