"""The ego view of the city: sky, ground, walls, road users, lights, fog; back to front.

A picture is a function of pose, actors, lights and time; on one machine the same input gives the
same bytes. What is computed once per city is shared by all renderers of it.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from world.actors import Actor
from world.camera.ground import Ground
from world.camera.lens import Lens
from world.camera.solids import SolidPainter, Thing, actor_thing, light_things, stop_sign_thing
from world.camera.views import CameraPose, LightView
from world.camera.walls import Fog, Walls
from world.city.model import City
from world.streets.network import Control, StreetNetwork

Picture = npt.NDArray[np.uint8]

FOG_PER_M = 0.002
_FOG_PER_PERCENT = 0.00025
_SIGN_WITHIN_M, _LIGHT_WITHIN_M = 60.0, 110.0
_SIGN_RIGHT_M = 0.6
_NOON_SKY = ((96, 152, 214), (190, 216, 236))
_DUSK_SKY = ((52, 58, 96), (226, 150, 104))


class CameraSizeError(ValueError):
    """A picture that cannot be made; the message names the side and its limits."""


class _Scene:
    """What is computed once per city."""

    def __init__(self, city: City, network: StreetNetwork) -> None:
        self.walls = Walls(city.buildings)
        self.ground = Ground(city, network)
        self.signs = [
            (
                line.x_m - math.sin(line.yaw_rad) * (line.half_width_m + _SIGN_RIGHT_M),
                line.y_m + math.cos(line.yaw_rad) * (line.half_width_m + _SIGN_RIGHT_M),
                line.yaw_rad,
            )
            for crossing in network.crossings
            if crossing.control is Control.ALL_WAY_STOP
            for line in crossing.stop_lines
        ]
        self.sign_x = np.array([sign[0] for sign in self.signs])
        self.sign_y = np.array([sign[1] for sign in self.signs])


class Renderer:
    """A camera of one size in one weather."""

    def __init__(
        self,
        city: City,
        network: StreetNetwork,
        *,
        width_px: int,
        height_px: int,
        fov_deg: float = 75.0,
        fov_axis: Literal["vertical", "horizontal"] = "vertical",
        fog_density: float = 0.0,
        sun_altitude_deg: float = 45.0,
    ) -> None:
        """Prepare a camera.

        Args:
            city: Buildings and streets.
            network: Lane marks, signs.
            width_px: Width, 16 to 4096.
            height_px: Height, 16 to 4096.
            fov_deg: Field of view, above 0 and below 180.
            fov_axis: Along which side (the game's is vertical, CARLA's horizontal).
            fog_density: 0 to 100, on top of the haze that is always there.
            sun_altitude_deg: 90 noon, 0 dusk, below night.

        Raises:
            CameraSizeError: For a size or a field of view out of range.
        """
        for name, value, low, high in (
            ("width_px", width_px, 16, 4096),
            ("height_px", height_px, 16, 4096),
            ("fov_deg", fov_deg, 1, 179),
        ):
            if not low <= value <= high:
                raise CameraSizeError(f"{name} is {value}; it must lie in [{low}, {high}]")
        self._scene = _scene(city, network)
        self._lens = Lens.of(width_px, height_px, fov_deg, fov_axis)
        day = min(1.0, max(0.0, (sun_altitude_deg + 4.0) / 24.0))
        light = 0.42 + 0.58 * day
        zenith, rim = (
            np.array(dusk) * (1 - day) + np.array(noon) * day
            for noon, dusk in zip(_NOON_SKY, _DUSK_SKY, strict=True)
        )
        self._fog = Fog(FOG_PER_M + _FOG_PER_PERCENT * fog_density, tuple(rim.tolist()), light)
        haze = min(0.9, fog_density / 110.0)
        share = np.linspace(0.0, 1.0, 256)[:, None] ** 0.7
        sky = zenith * (1 - share) + rim * share
        self._backdrop: tuple[float, Picture] | None = None
        self._sky = (sky * (1 - haze) + rim * haze).astype(np.uint8)

    def render(
        self,
        pose: CameraPose,
        actors: Sequence[Actor] = (),
        lights: Sequence[LightView] = (),
        t_s: float = 0.0,
    ) -> Picture:
        """Paint one picture.

        Args:
            pose: Where the camera is.
            actors: Road users and obstacles.
            lights: Traffic lights.
            t_s: Time, for what blinks and walks.

        Returns:
            `(H, W, 3) uint8` RGB, a new array.
        """
        lens = self._lens
        picture = self._sky_picture(pose)
        self._scene.ground.paint(picture, lens, pose, self._fog)
        depth = self._scene.walls.paint(picture, lens, pose, self._fog)
        painter = SolidPainter(picture, lens, pose, self._fog, depth)
        painter.paint(self._things(painter, pose, actors, lights, t_s))
        return picture

    def _sky_picture(self, pose: CameraPose) -> Picture:
        """A gradient from the zenith to the horizon."""
        lens = self._lens
        if self._backdrop is None or self._backdrop[0] != pose.pitch_rad:
            rows = np.arange(lens.height_px) / max(lens.horizon_px(pose), 1.0)
            index = np.clip(rows * 255.0, 0, 255).astype(np.intp)
            picture = np.empty((lens.height_px, lens.width_px, 3), np.uint8)
            picture[:] = self._sky[index][:, None, :]
            self._backdrop = (pose.pitch_rad, picture)
        return self._backdrop[1].copy()

    def _things(
        self,
        painter: SolidPainter,
        pose: CameraPose,
        actors: Sequence[Actor],
        lights: Sequence[LightView],
        t_s: float,
    ) -> list[Thing]:
        things = [
            actor_thing(actor, pose, t_s)
            for actor in actors
            if painter.is_in_view(actor.x_m, actor.y_m, actor.length_m)
        ]
        for light in lights:
            if math.hypot(light.x_m - pose.x_m, light.y_m - pose.y_m) < _LIGHT_WITHIN_M:
                things += [
                    thing
                    for thing in light_things(light, pose)
                    if painter.is_in_view(thing.solids[0].x_m, thing.solids[0].y_m, 1.0)
                ]
        return things + self._signs(painter, pose)

    def _signs(self, painter: SolidPainter, pose: CameraPose) -> list[Thing]:
        scene = self._scene
        near = np.flatnonzero(
            (np.abs(scene.sign_x - pose.x_m) < _SIGN_WITHIN_M)
            & (np.abs(scene.sign_y - pose.y_m) < _SIGN_WITHIN_M)
        )
        return [
            stop_sign_thing(x_m, y_m, yaw_rad, pose)
            for x_m, y_m, yaw_rad in (scene.signs[k] for k in near.tolist())
            if math.cos(yaw_rad - pose.yaw_rad) > 0.2 and painter.is_in_view(x_m, y_m, 1.0)
        ]


_SCENES: dict[tuple[str, int], _Scene] = {}


def _scene(city: City, network: StreetNetwork) -> _Scene:
    """The scene of a city, made once."""
    key = (city.content_hash, id(network))
    if key not in _SCENES:
        _SCENES.clear()
        _SCENES[key] = _Scene(city, network)
    return _SCENES[key]
