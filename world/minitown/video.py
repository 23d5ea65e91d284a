"""A route as a film: the ego view with what the driver does written over it, MP4 through PyAV."""

from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import numpy.typing as npt

from world.camera.views import CameraPose
from world.streets.network import Command

if TYPE_CHECKING:
    from world.camera import Renderer
    from world.minitown.simulator import Simulator

Picture = npt.NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX, FPS = 640, 360, 20
EYE_HEIGHT_M = 1.6
_WHITE, _SHADE, _ALERT = (245, 245, 245), (25, 25, 25), (230, 70, 60)
_NOTICE_TICKS = 40


class RouteVideo:
    """Writes one route's film; use as a context manager."""

    def __init__(
        self, path: Path, sim: "Simulator", *, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX
    ) -> None:
        """Open the file.

        Args:
            path: Where the MP4 goes; it appears when the film is complete.
            sim: The simulator to be filmed.
            width_px: Even.
            height_px: Even.
        """
        self._path, self._part = path, path.with_suffix(".part.mp4")
        self._renderer = sim.town.renderer(width_px=width_px, height_px=height_px, weather=sim.route.weather)
        self._container = av.open(str(self._part), "w")
        self._stream = self._container.add_stream(
            "libx264", rate=FPS, options={"crf": "26", "preset": "veryfast"}
        )
        self._stream.width, self._stream.height, self._stream.pix_fmt = width_px, height_px, "yuv420p"
        self._notice, self._notice_until = "", -1

    def add(self, sim: "Simulator") -> None:
        """Film the simulator's state now."""
        picture = ego_picture(self._renderer, sim)
        if sim.contacts.wall or sim.contacts.actors:
            touched = [actor.type_id for actor in sim.contacts.actors] or ["a building"]
            self._notice, self._notice_until = f"contact: {', '.join(touched)}", sim.tick + _NOTICE_TICKS
        draw_status(picture, sim, self._notice if sim.tick < self._notice_until else "")
        for packet in self._stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
            self._container.mux(packet)

    def close(self) -> None:
        """Finish the film and let it appear."""
        for packet in self._stream.encode():
            self._container.mux(packet)
        self._container.close()
        self._part.replace(self._path)


def ego_picture(renderer: "Renderer", sim: "Simulator") -> Picture:
    """What the driver sees, `(H, W, 3) uint8` RGB."""
    car = sim.car
    pose = CameraPose(x_m=car.x_m, y_m=car.y_m, z_m=EYE_HEIGHT_M, yaw_rad=car.yaw_rad)
    return renderer.render(pose, sim.actors, sim.light_views(), t_s=sim.t_s)


def draw_status(picture: Picture, sim: "Simulator", notice: str) -> None:
    """Write speed, command, progress, scenario and the last contact over a picture, in place."""
    done = 100.0 * sim.track.along_m / sim.plan.length_m
    command = Command(sim.command).name.replace("_", " ").lower()
    left = f"{sim.car.speed_mps * 3.6:3.0f} km/h   {command}"
    right = f"route {sim.route.route_id}   {done:3.0f} %   {sim.t_s:5.1f} s"
    height, width = picture.shape[:2]
    picture[height - 26 :] = picture[height - 26 :] // 3
    _text(picture, left, (10, height - 8), _WHITE)
    _text(picture, right, (width - 12 - 8 * len(right), height - 8), _WHITE)
    if sim.scenario is not None:
        _text(picture, f"scenario: {sim.scenario.scenario.name}", (10, 20), _WHITE)
    elif sim.finished:
        last = sim.finished[-1]
        _text(picture, f"scenario: {last.scenario.name}: {last.outcome}", (10, 20), _WHITE)
    if notice:
        _text(picture, notice, (10, 42), _ALERT)


def _text(picture: Picture, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    under = (at[0] + 1, at[1] + 1)
    cv2.putText(picture, text, under, cv2.FONT_HERSHEY_SIMPLEX, 0.45, _SHADE, 1, cv2.LINE_AA)
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
