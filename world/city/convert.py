"""Turns footprints in longitude and latitude into a city: project, turn, fill, clip, recentre, round.

The steps and constants are those of the reference's recipe (facts, 4.2). Longitude and latitude
become metres at 111,320 m per degree around the data's middle; the grid, which stands 29 degrees
from north in Manhattan, is turned until avenues run along x. A 120 m grid of built cells, its gaps
filled twice, gives the largest rectangle that is built throughout; buildings whose centre lies in it
stay.

A courtyard cannot be written: an outline has no holes. A building around one is cut in two through
it, so that no area is lost or added; both parts keep one colour. Holes below 4 m2 are filled.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import Polygon

from world.city.colours import GROUND, SKY, wall_colours
from world.city.errors import FootprintsError
from world.city.file import BuildingEntry, CityFile, MapEntry
from world.city.footprints import Footprint, FootprintSet, Refusal
from world.city.rectangle import filled, largest_rectangle
from world.city.streets import find_streets

Floats = npt.NDArray[np.float64]
METRES_PER_DEGREE = 111_320.0
MANHATTAN_GRID_DEG = 29.0
BLOCK_M = 120.0
SMALLEST_HOLE_M2 = 4.0
SMALLEST_PART_M2 = 1.0
FARTHEST_M = 30_000.0


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Between longitude and latitude and the game's ground plane.

    Attributes:
        longitude_deg: Of the origin.
        latitude_deg: Of the origin.
        grid_angle_deg: How far the street grid stands from north, clockwise.
    """

    longitude_deg: float
    latitude_deg: float
    grid_angle_deg: float = MANHATTAN_GRID_DEG

    def to_game(self, lonlat_deg: Floats) -> Floats:
        """`(N, 2)` degrees to `(N, 2)` metres x, z; the grid is turned clockwise onto the axes."""
        metres = (lonlat_deg - [self.longitude_deg, self.latitude_deg]) * self._metres_per_degree()
        east, north = metres[:, 0], metres[:, 1]
        c, s = self._turn()
        return np.column_stack((east * c + north * s, east * s - north * c))

    def to_lonlat(self, points_m: Floats) -> Floats:
        """`(N, 2)` metres x, z to `(N, 2)` degrees."""
        x, z = points_m[:, 0], points_m[:, 1]
        c, s = self._turn()
        metres = np.column_stack((x * c + z * s, x * s - z * c))
        return np.asarray(metres / self._metres_per_degree() + [self.longitude_deg, self.latitude_deg])

    def _turn(self) -> tuple[float, float]:
        angle = math.radians(90.0 - self.grid_angle_deg)
        return math.cos(angle), math.sin(angle)

    def _metres_per_degree(self) -> Floats:
        return np.array([METRES_PER_DEGREE * math.cos(math.radians(self.latitude_deg)), METRES_PER_DEGREE])


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A city made from footprints, and what became of them.

    Attributes:
        city: The city.
        features: Features in the file.
        outside: Outlines that lie outside the rectangle.
        without_height: Features without a roof height.
        mended: Outlines that were repaired.
        opened: Outlines that were cut open through a courtyard.
        refusals: What could not be used.
    """

    city: CityFile
    features: int
    outside: int
    without_height: int
    mended: int
    opened: int
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, kw_only=True)
class _Piece:
    polygon: Polygon
    footprint: Footprint


def convert_footprints(
    found: FootprintSet, *, source: str, grid_angle_deg: float = MANHATTAN_GRID_DEG
) -> Conversion:
    """A city from footprints.

    Args:
        found: The footprints, at least one.
        source: What the file says about its origin.
        grid_angle_deg: How far the street grid stands from north, clockwise.

    Raises:
        FootprintsError: The buildings are strewn over the globe, or all are slivers.
    """
    pieces, strays = _projected(found.footprints, grid_angle_deg)
    if not pieces:
        raise FootprintsError(source, f"no building to convert; {strays[0].feature}: {strays[0].reason}")
    opened = [
        _Piece(polygon=part, footprint=p.footprint) for p in pieces for part in without_holes(p.polygon)
    ]
    inside, size = _clipped(opened)
    rounded, slivers = _rounded(inside)
    if not rounded:
        raise FootprintsError(source, f"no building to convert; {slivers[0].feature}: {slivers[0].reason}")
    boxes = shapely.bounds(np.array([piece.polygon for piece in rounded], dtype=object)).reshape(-1, 4)
    city = CityFile(
        source=source,
        map=MapEntry(width=size[0], depth=size[1], color=GROUND, sky_color=SKY),
        tile_width=size[0],
        tile_depth=size[1],
        grid_angle_deg=grid_angle_deg,
        buildings=_entries(rounded),
        streets=find_streets(boxes, width_m=size[0], depth_m=size[1]),
    )
    return Conversion(
        city=city,
        features=found.features,
        outside=len(opened) - len(inside),
        without_height=found.without_height,
        mended=found.mended,
        opened=sum(_has_court(piece.polygon) for piece in pieces),
        refusals=(*found.refusals, *strays, *slivers),
    )


def _projected(
    footprints: tuple[Footprint, ...], grid_angle_deg: float
) -> tuple[list[_Piece], list[Refusal]]:
    """The outlines in metres around the middle of the data; those far from it are refused."""
    polygons = np.array([footprint.polygon for footprint in footprints], dtype=object)
    centres = shapely.get_coordinates(shapely.centroid(polygons))
    # The median: one building at (0, 0) must not move the city into the sea.
    longitude, latitude = (float(value) for value in np.median(centres, axis=0))
    projection = Projection(longitude_deg=longitude, latitude_deg=latitude, grid_angle_deg=grid_angle_deg)
    distances_m = np.hypot(*projection.to_game(centres).T)
    local = shapely.transform(polygons, projection.to_game)
    pieces: list[_Piece] = []
    strays: list[Refusal] = []
    for footprint, polygon, distance_m in zip(footprints, local, distances_m, strict=True):
        if distance_m <= FARTHEST_M:
            pieces.append(_Piece(polygon=polygon, footprint=footprint))
        else:
            reason = f"{distance_m / 1000:.0f} km from the other buildings (limit {FARTHEST_M / 1000:.0f} km)"
            strays.append(Refusal(feature=footprint.feature, reason=reason))
    return pieces, strays


def _has_court(polygon: Polygon) -> bool:
    return any(Polygon(ring).area >= SMALLEST_HOLE_M2 for ring in polygon.interiors)


def without_holes(polygon: Polygon) -> list[Polygon]:
    """The polygon as parts without holes: cut across each courtyard, tiny holes filled.

    Args:
        polygon: Valid, in metres.

    Returns:
        Parts that together cover what the polygon covers, and the holes below 4 m2.
    """
    courts = [ring for ring in polygon.interiors if Polygon(ring).area >= SMALLEST_HOLE_M2]
    if not courts:
        return [Polygon(polygon.exterior)]
    x0, y0, x1, y1 = polygon.bounds
    middle = Polygon(courts[0]).centroid
    # Across the longer side, so that the cut is short.
    if x1 - x0 >= y1 - y0:
        halves = (shapely.box(x0, y0, middle.x, y1), shapely.box(middle.x, y0, x1, y1))
    else:
        halves = (shapely.box(x0, y0, x1, middle.y), shapely.box(x0, middle.y, x1, y1))
    whole = Polygon(polygon.exterior, courts)
    return [
        part
        for half in halves
        for piece in _polygons(shapely.intersection(whole, half))
        for part in without_holes(piece)
    ]


def _polygons(geometry: shapely.Geometry) -> list[Polygon]:
    if isinstance(geometry, Polygon):
        return [geometry] if geometry.area > 0.0 else []
    return [polygon for part in getattr(geometry, "geoms", ()) for polygon in _polygons(part)]


def _clipped(pieces: list[_Piece]) -> tuple[list[_Piece], tuple[float, float]]:
    """The pieces whose centre lies in the largest built rectangle, moved to its middle; its size."""
    polygons = np.array([piece.polygon for piece in pieces], dtype=object)
    centres = shapely.get_coordinates(shapely.centroid(polygons))
    corner = shapely.bounds(polygons)[:, :2].min(axis=0)
    cells = np.floor((centres - corner) / BLOCK_M).astype(np.int64)
    built = np.zeros(cells.max(axis=0)[::-1] + 1, np.bool_)
    built[cells[:, 1], cells[:, 0]] = True
    row0, column0, row1, column1 = largest_rectangle(filled(built, rounds=2))
    low, high = np.array([column0, row0]), np.array([column1, row1])
    inside = np.all((cells >= low) & (cells < high), axis=1)
    middle = corner + (low + high) / 2 * BLOCK_M
    moved = shapely.transform(polygons[inside], lambda points: points - middle)
    kept = [
        _Piece(polygon=polygon, footprint=pieces[index].footprint)
        for polygon, index in zip(moved, np.flatnonzero(inside), strict=True)
    ]
    size = (high - low) * BLOCK_M
    return kept, (float(size[0]), float(size[1]))


def _rounded(pieces: list[_Piece]) -> tuple[list[_Piece], list[Refusal]]:
    """The pieces on whole centimetres; what rounding breaks is mended, slivers are refused."""
    kept: list[_Piece] = []
    refusals: list[Refusal] = []
    for piece in pieces:
        snapped = shapely.set_precision(piece.polygon, 0.01)
        parts = [part for part in _polygons(snapped) if part.area >= SMALLEST_PART_M2]
        kept += [
            _Piece(polygon=part, footprint=piece.footprint)
            for whole in parts
            for part in without_holes(whole)
        ]
        if not parts:
            area = piece.polygon.area
            reason = f"{area:.2f} m2 (minimum {SMALLEST_PART_M2:g} m2)"
            refusals.append(Refusal(feature=piece.footprint.feature, reason=reason))
    return kept, refusals


def _entries(pieces: list[_Piece]) -> list[BuildingEntry]:
    heights_m = [max(round(piece.footprint.height_m, 1), 0.1) for piece in pieces]
    centres = [(round(c.x * 100), round(c.y * 100)) for c in (piece.polygon.centroid for piece in pieces)]
    colours = wall_colours(centres, heights_m, [piece.footprint.group for piece in pieces])
    return [
        BuildingEntry(vertices=_vertices(piece.polygon), height=height_m, color=colour)
        for piece, height_m, colour in zip(pieces, heights_m, colours, strict=True)
    ]


def _vertices(polygon: Polygon) -> list[tuple[float, float]]:
    # Adding zero turns -0.0 into 0.0.
    return [(round(x, 2) + 0.0, round(z, 2) + 0.0) for x, z in polygon.exterior.coords]
