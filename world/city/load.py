"""Reads `city.json` into the world's axes; about 0.1 s for a city of 4,800 buildings.

Outlines run clockwise seen from above (positive shoelace in X, Y) and are not closed, so the inside
lies to the right of every edge. Nothing here repairs a file: a fault is named and refused.
"""

import hashlib
import json
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from world.city.errors import CityFileError
from world.city.file import CITY_PATH, BuildingEntry, CityFile, StreetEntry, parse_city
from world.city.model import Building, City, Street

Points = npt.NDArray[np.float64]
MIN_AREA_M2 = 1e-4


def load_city(path: Path | None = None) -> City:
    """A city from its file.

    Args:
        path: The file; None is the city that ships.

    Returns:
        The city in world axes.

    Raises:
        CityFileError: The file is missing, is no JSON or breaks the format; file and field are named.
    """
    path = path or CITY_PATH
    try:
        text = path.read_bytes()
    except OSError as error:
        raise CityFileError(
            path, f"cannot be read ({error.strerror}); make one with `scalediff world build`"
        ) from None
    return city_of(parse_city(text, path), name=path, content_hash=content_hash(text))


def city_of(content: CityFile, *, name: Path | str, content_hash: str) -> City:
    """A checked city file's content in world axes.

    Raises:
        CityFileError: A footprint has no area.
    """
    return City(
        width_m=content.map.width,
        depth_m=content.map.depth,
        tile_m=(content.tile_depth, content.tile_width),
        ground_rgb=rgb_of(content.map.color),
        sky_rgb=rgb_of(content.map.sky_color),
        grid_angle_deg=content.grid_angle_deg,
        buildings=_buildings(content.buildings, name),
        streets=tuple(_street(street) for street in content.streets),
        content_hash=content_hash,
    )


def content_hash(text: bytes) -> str:
    """Hash of a JSON file's content: spacing and key order do not change it.

    Args:
        text: The file's bytes.

    Returns:
        The first 16 hex digits of the SHA-256 of its JSON with sorted keys and no spaces.
    """
    canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour such as `#87CEEB`."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _buildings(entries: list[BuildingEntry], name: Path | str) -> tuple[Building, ...]:
    if not entries:
        return ()
    rings = [_open(entry.vertices) for entry in entries]
    flat = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), dtype=np.float64)
    x, z = flat[0::2], flat[1::2]
    ends = np.cumsum([len(ring) for ring in rings])
    points = np.column_stack((-z, x))
    areas = _areas(points, ends)
    for index in np.flatnonzero(np.abs(areas) < MIN_AREA_M2):
        raise CityFileError(name, f"buildings[{index}].vertices: the outline has no area")
    colours = {entry.color: rgb_of(entry.color) for entry in entries}
    outlines = np.split(points, ends[:-1])
    return tuple(
        Building(
            outline_m=outline if area > 0.0 else outline[::-1].copy(),
            height_m=entry.height,
            rgb=colours[entry.color],
        )
        for outline, area, entry in zip(outlines, areas, entries, strict=True)
    )


def _open(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return ring[:-1] if ring[0] == ring[-1] else ring


def _areas(points: Points, ends: npt.NDArray[np.int64]) -> Points:
    """Signed areas of the rings that lie one after the other in `points`, `(rings,)`."""
    starts = np.concatenate(([0], ends[:-1]))
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = starts
    # Relative to each ring's first point: far from the origin the products lose the area's digits.
    local = points - np.repeat(points[starts], ends - starts, axis=0)
    after = local[following]
    twice = local[:, 0] * after[:, 1] - after[:, 0] * local[:, 1]
    return np.asarray(np.add.reduceat(twice, starts) / 2.0, dtype=np.float64)


def _street(entry: StreetEntry) -> Street:
    if entry.axis == "x":
        return Street(
            direction="y", centre_m=-entry.center, width_m=entry.width, start_m=entry.start, end_m=entry.end
        )
    return Street(
        direction="x", centre_m=entry.center, width_m=entry.width, start_m=-entry.end, end_m=-entry.start
    )
