"""Reads building footprints from NYC Open Data's GeoJSON, and says what it could not use.

Exports differ: `height_roof`, `HEIGHTROOF` or `Height Roof`, numbers as text. Property names are
compared by their letters and digits only. Broken outlines are mended where shapely can; the rest is
refused with the feature's id. Nothing here is projected: outlines stay longitude and latitude.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely
from shapely import LinearRing, MultiPolygon, Polygon

from world.city.errors import FootprintsError
from world.city.file import HEIGHT_LIMIT_M

FEET_PER_METRE = 3.281
_LOWEST_M = 0.05
_ID_NAMES = ("bin", "doittid", "objectid")
_LONGITUDE_LATITUDE = ("crs84", "4326", "wgs84", "wgs 84", "4269")

Json = dict[str, Any]
Position = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A feature, or one part of it, that became no building.

    Attributes:
        feature: Its id, such as `bin 1015862`.
        reason: What is wrong with it.
    """

    feature: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """One outline of a building.

    Attributes:
        feature: The feature's id.
        group: The feature's number in the file; all its parts share it.
        polygon: Valid, longitude and latitude; may have holes.
        height_m: Of the roof above the ground.
    """

    feature: str
    group: int
    polygon: Polygon
    height_m: float


@dataclass(frozen=True, kw_only=True)
class FootprintSet:
    """What a file held.

    Attributes:
        features: How many features it has.
        footprints: The usable outlines.
        refusals: What could not be used.
        without_height: Features dropped because their roof height is missing or zero.
        mended: Outlines that were broken and could be repaired.
    """

    features: int
    footprints: tuple[Footprint, ...]
    refusals: tuple[Refusal, ...]
    without_height: int
    mended: int


class _UnusableError(Exception):
    """Why a feature or a part cannot be used; becomes a `Refusal`."""


class _ProjectedError(_UnusableError):
    """The coordinates are no longitude and latitude."""


def read_footprints(path: Path) -> FootprintSet:
    """All usable footprints of a GeoJSON file.

    Args:
        path: A FeatureCollection in longitude and latitude (WGS 84).

    Raises:
        FootprintsError: It is no such file, or no feature of it can be used.
    """
    features = _features(path)
    footprints: list[Footprint] = []
    refusals: list[Refusal] = []
    without_height = mended = 0
    projected = ""
    for index, feature in enumerate(features):
        name = _name(feature, index)
        try:
            height_m = _height_m(feature)
            if height_m is None:
                without_height += 1
                continue
            for part, rings in _parts(feature, name):
                try:
                    polygons, broken = _mended(rings)
                    mended += broken
                    footprints += [
                        Footprint(feature=part, group=index, polygon=polygon, height_m=height_m)
                        for polygon in polygons
                    ]
                except _UnusableError as error:
                    projected = projected or (str(error) if isinstance(error, _ProjectedError) else "")
                    refusals.append(Refusal(feature=part, reason=str(error)))
        except _UnusableError as error:
            refusals.append(Refusal(feature=name, reason=str(error)))
    if not footprints:
        raise FootprintsError(path, _nothing_usable(len(features), without_height, refusals, projected))
    return FootprintSet(
        features=len(features),
        footprints=tuple(footprints),
        refusals=tuple(refusals),
        without_height=without_height,
        mended=mended,
    )


def _nothing_usable(count: int, without_height: int, refusals: list[Refusal], projected: str) -> str:
    if projected:
        return f"{projected}; export the file as WGS 84 (EPSG:4326)"
    if count == 0:
        return "the FeatureCollection has no features"
    parts = [f"none of {count} features is a usable building"]
    if without_height:
        parts.append(f"{without_height} have no height_roof above 0")
    if refusals:
        parts.append(f"{refusals[0].feature}: {refusals[0].reason}")
    return "; ".join(parts)


def _features(path: Path) -> list[Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise FootprintsError(path, f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise FootprintsError(path, f"no JSON: {error}; export the footprints as GeoJSON") from None
    kind = content.get("type") if isinstance(content, dict) else type(content).__name__
    if not isinstance(content, dict) or kind != "FeatureCollection":
        raise FootprintsError(path, f"type is {kind!r}, not 'FeatureCollection'; export it as GeoJSON")
    _check_crs(path, content.get("crs"))
    features = content.get("features")
    if not isinstance(features, list):
        raise FootprintsError(path, "features: missing or no list")
    return features


def _check_crs(path: Path, crs: Any) -> None:
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name") if isinstance(properties, dict) else crs)
    if not any(known in name.lower() for known in _LONGITUDE_LATITUDE):
        raise FootprintsError(
            path, f"crs: {name} is no longitude and latitude; export the file as WGS 84 (EPSG:4326)"
        )


def _properties(feature: Any) -> Json:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {"".join(filter(str.isalnum, str(key))).lower(): value for key, value in properties.items()}


def _name(feature: Any, index: int) -> str:
    properties = _properties(feature)
    for key in _ID_NAMES:
        value = properties.get(key)
        # The city gives 1000000, 2000000 and so on to every building that has no number yet.
        if value not in (None, "") and not (key == "bin" and str(value).endswith("000000")):
            return f"{'doitt_id' if key == 'doittid' else key} {value}"
    if isinstance(feature, dict) and isinstance(feature.get("id"), (str, int)):
        return f"id {feature['id']}"
    return f"features[{index}]"


def _height_m(feature: Any) -> float | None:
    """The roof's height; None when it is missing or zero."""
    value = _properties(feature).get("heightroof")
    try:
        height_m = float(value) / FEET_PER_METRE if value not in (None, "") else 0.0
    except (TypeError, ValueError, OverflowError):
        raise _UnusableError(f"height_roof {value!r} is no number") from None
    if math.isnan(height_m) or height_m < _LOWEST_M:
        return None
    if height_m > HEIGHT_LIMIT_M:
        limit_ft = HEIGHT_LIMIT_M * FEET_PER_METRE
        raise _UnusableError(f"height_roof {value} ft (limit {limit_ft:g} ft)")
    return height_m


def _parts(feature: Json, name: str) -> Iterator[tuple[str, Any]]:
    """The feature's polygons with a name each, as lists of rings."""
    geometry = feature.get("geometry")
    if not isinstance(geometry, dict):
        raise _UnusableError("no geometry")
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise _UnusableError(f"geometry is {kind!r} (Polygon or MultiPolygon)")
    if not isinstance(coordinates, list) or not coordinates:
        raise _UnusableError("the geometry is empty")
    if kind == "Polygon":
        yield name, coordinates
    else:
        for number, rings in enumerate(coordinates, start=1):
            yield (f"{name} part {number}" if len(coordinates) > 1 else name), rings


def _mended(rings: Any) -> tuple[list[Polygon], int]:
    """Valid polygons of a polygon's rings, and 1 if they had to be repaired."""
    if not isinstance(rings, list) or not rings:
        raise _UnusableError("the polygon is empty")
    outer, broken = _ring(rings[0], 0)
    holes: list[list[Position]] = []
    for number, ring in enumerate(rings[1:], start=1):
        try:
            hole, unclosed = _ring(ring, number)
            holes.append(hole)
            broken |= unclosed
        except _UnusableError:
            broken = True
    polygon = Polygon(outer, holes)
    if polygon.is_valid and polygon.area > 0.0:
        return [polygon], int(broken)
    repaired = _polygons(shapely.make_valid(polygon))
    if not repaired:
        raise _UnusableError("the outline has no area")
    return repaired, 1


def _ring(ring: Any, number: int) -> tuple[list[Position], bool]:
    """A ring's positions, and whether it was not closed."""
    if not isinstance(ring, list):
        raise _UnusableError(f"ring {number} is no list of positions")
    points = [_position(position, number, index) for index, position in enumerate(ring)]
    distinct = len(set(points))
    if distinct < 3:
        raise _UnusableError(f"ring {number} has {distinct} distinct points (minimum 3)")
    return points, points[0] != points[-1]


def _position(position: Any, ring: int, index: int) -> Position:
    try:
        longitude, latitude = float(position[0]), float(position[1])
    except (TypeError, ValueError, OverflowError, IndexError, KeyError):
        raise _UnusableError(f"ring {ring} point {index} is no position: {position!r}") from None
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        raise _UnusableError(f"ring {ring} point {index} is not finite: {position!r}")
    if abs(longitude) > 180.0 or abs(latitude) > 90.0:
        raise _ProjectedError(f"({longitude:g}, {latitude:g}) is no longitude and latitude")
    return longitude, latitude


def _polygons(geometry: shapely.Geometry) -> list[Polygon]:
    """The polygons in whatever `make_valid` returned; lines and points are left out."""
    if isinstance(geometry, Polygon):
        return [geometry] if geometry.area > 0.0 else []
    if isinstance(geometry, LinearRing) or not hasattr(geometry, "geoms"):
        return []
    parts = geometry.geoms if not isinstance(geometry, MultiPolygon) else list(geometry.geoms)
    return [polygon for part in parts for polygon in _polygons(part)]
