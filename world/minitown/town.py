"""The town that routes are driven in: the city with everything that is computed once from it.

Built once per process and shared by all routes; nothing in it changes while driving.
"""

from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from world.city.load import load_city
from world.city.model import City
from world.collision import StaticIndex
from world.streets.build import build_network
from world.streets.locate import LaneLocator
from world.streets.network import StopLine, StreetNetwork

if TYPE_CHECKING:
    from world.camera import Renderer
    from world.minitown.routes import Weather

_CELL_M = 64.0


class Town:
    """A city, its streets and its indices."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.network: StreetNetwork = build_network(city)
        self.locator = LaneLocator(self.network)
        self.walls = StaticIndex([building.outline_m for building in city.buildings], tile_m=city.tile_m)
        self._stop_lines: dict[tuple[int, int], list[StopLine]] = {}
        for crossing in self.network.crossings:
            for line in crossing.stop_lines:
                for cell in _cells_around(line.x_m, line.y_m):
                    self._stop_lines.setdefault(cell, []).append(line)

    def stop_lines_near(self, x_m: float, y_m: float) -> list[StopLine]:
        """At least all stop lines within 64 m of a point."""
        return self._stop_lines.get((int(x_m // _CELL_M), int(y_m // _CELL_M)), [])

    def opendrive(self) -> str:
        """The street network as OpenDRIVE."""
        return self._opendrive

    @cached_property
    def _opendrive(self) -> str:
        from world.minitown.opendrive import export_opendrive

        return export_opendrive(self.network, self.city)

    def renderer(
        self,
        *,
        width_px: int,
        height_px: int,
        fov_deg: float = 75.0,
        fov_axis: Literal["vertical", "horizontal"] = "vertical",
        weather: "Weather | None" = None,
    ) -> "Renderer":
        """A camera of this town in a route's weather."""
        from world.camera import Renderer

        return Renderer(
            self.city,
            self.network,
            width_px=width_px,
            height_px=height_px,
            fov_deg=fov_deg,
            fov_axis=fov_axis,
            fog_density=weather.fog_density if weather else 0.0,
            sun_altitude_deg=weather.sun_altitude_angle if weather else 45.0,
        )


@cache
def load_town(city_path: Path | None = None) -> Town:
    """The town of a city file; None is the shipped city."""
    return Town(load_city(city_path))


def _cells_around(x_m: float, y_m: float) -> list[tuple[int, int]]:
    column, row = int(x_m // _CELL_M), int(y_m // _CELL_M)
    return [(column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
