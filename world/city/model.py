"""The city as the Python world sees it: footprints and corridors in world axes, checked at loading.

`city.json` keeps the game's axes and rounding (facts: coordinates 0.01 m, heights 0.1 m); nothing
here knows how a city is made.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Direction = Literal["x", "y"]


@dataclass(frozen=True, kw_only=True)
class Building:
    """An extruded footprint.

    Attributes:
        outline_m: `(N, 2) float64` ring in world axes, not closed (the first point is not repeated).
        height_m: Above the ground.
        rgb: Wall colour.
    """

    outline_m: npt.NDArray[np.float64]
    height_m: float
    rgb: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Street:
    """A straight corridor between buildings.

    Attributes:
        direction: The world axis that it runs along.
        centre_m: Its centre line's coordinate on the other axis.
        width_m: Between kerbs.
        start_m: Lower end on its own axis.
        end_m: Upper end on its own axis.
    """

    direction: Direction
    centre_m: float
    width_m: float
    start_m: float
    end_m: float


@dataclass(frozen=True, kw_only=True)
class City:
    """A whole city.

    Attributes:
        width_m: Extent along world Y (the game's x).
        depth_m: Extent along world X (the game's z).
        tile_m: Periods along world X and Y at which the city repeats.
        ground_rgb: Colour of the ground.
        sky_rgb: Colour of the sky.
        grid_angle_deg: How far the street grid was turned from north.
        buildings: All of them.
        streets: All corridors.
        content_hash: SHA-256 of the file's canonical JSON, first 16 hex digits.
    """

    width_m: float
    depth_m: float
    tile_m: tuple[float, float]
    ground_rgb: tuple[int, int, int]
    sky_rgb: tuple[int, int, int]
    grid_angle_deg: float
    buildings: tuple[Building, ...]
    streets: tuple[Street, ...]
    content_hash: str
