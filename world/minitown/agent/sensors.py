"""What an agent's sensors see: cameras, speedometer, GNSS, IMU and the map.

Limits and data layouts are the Leaderboard's (agent_wrapper.py and sensor_interface.py of 2.1); the
camera's image is BGRA, its field of view horizontal. A camera's `sensor_tick` (CARLA's attribute, in
seconds; upstream's wrapper passes it over) is kept here: between captures the last image is given
again, which costs an agent nothing that looks no more often. Lidar and radar are allowed there and not
simulated here: an agent that asks for them is told so.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from world.camera.views import CameraPose
from world.minitown.agent.errors import SensorsInvalidError

if TYPE_CHECKING:
    from world.camera import Renderer
    from world.minitown.simulator import Simulator

MAX_RADIUS_M = 3.0
LATITUDE_DEG, LONGITUDE_DEG = 40.75, -73.98
EARTH_RADIUS_M = 6_378_137.0
ICONS = {
    "sensor.camera.rgb": "carla_camera",
    "sensor.lidar.ray_cast": "carla_lidar",
    "sensor.other.radar": "carla_radar",
    "sensor.other.gnss": "carla_gnss",
    "sensor.other.imu": "carla_imu",
    "sensor.opendrive_map": "carla_opendrive_map",
    "sensor.speedometer": "carla_speedometer",
}
_LIMITS = dict(zip(ICONS, (8, 2, 4, 1, 1, 1, 1), strict=True))
_QUALIFIER_LIMITS = dict(zip(ICONS, (4, 1, 2, 1, 1, 1, 1), strict=True))
_NOT_SIMULATED = ("sensor.lidar.ray_cast", "sensor.other.radar")


def check_sensors(suite: list[dict[str, Any]], track: str) -> None:
    """Apply the Leaderboard's rules to a sensor suite.

    Args:
        suite: What the agent's `sensors()` returned.
        track: `SENSORS`, `MAP` or a qualifier of them.

    Raises:
        SensorsInvalidError: For the first rule broken.
    """
    seen: set[str] = set()
    counts: dict[str, int] = {}
    for sensor in suite:
        kind, name = str(sensor.get("type")), str(sensor.get("id"))
        if name in seen:
            raise SensorsInvalidError(f"sensor id {name!r} is used twice; ids must differ")
        seen.add(name)
        if kind not in ICONS or (kind == "sensor.opendrive_map" and track.startswith("SENSORS")):
            raise SensorsInvalidError(f"sensor {name!r}: type {kind!r} is not allowed on track {track}")
        if kind in _NOT_SIMULATED:
            raise SensorsInvalidError(f"sensor {name!r}: minitown does not simulate {kind}; use cameras")
        mount = [float(sensor.get(axis, 0.0)) for axis in "xyz"]
        if math.dist(mount, (0, 0, 0)) > MAX_RADIUS_M:
            raise SensorsInvalidError(f"sensor {name!r} is mounted more than {MAX_RADIUS_M} m from the car")
        counts[kind] = counts.get(kind, 0) + 1
    limits = _QUALIFIER_LIMITS if track.endswith("QUALIFIER") else _LIMITS
    for kind, count in counts.items():
        if count > limits[kind]:
            raise SensorsInvalidError(f"{count} sensors of type {kind}; at most {limits[kind]} are allowed")


def gps_of(x_m: float, y_m: float) -> tuple[float, float]:
    """Latitude and longitude in degrees of a world point (spherical Mercator, as CARLA's)."""
    scale = math.cos(math.radians(LATITUDE_DEG))
    east_m = scale * math.radians(LONGITUDE_DEG) * EARTH_RADIUS_M + x_m
    north_m = scale * EARTH_RADIUS_M * math.log(math.tan(math.radians((90.0 + LATITUDE_DEG) / 2.0))) - y_m
    longitude = math.degrees(east_m / (EARTH_RADIUS_M * scale))
    latitude = 2.0 * math.degrees(math.atan(math.exp(north_m / (EARTH_RADIUS_M * scale)))) - 90.0
    return latitude, longitude


@dataclass(frozen=True)
class _Mount:
    forward_m: float
    right_m: float
    up_m: float
    yaw_rad: float
    pitch_rad: float


class SensorRig:
    """The sensors of one agent on one route."""

    def __init__(self, suite: list[dict[str, Any]], sim: "Simulator") -> None:
        self._suite = suite
        self._cameras: dict[str, tuple[Renderer, _Mount]] = {}
        self._last = (sim.car.speed_mps, sim.car.yaw_rad)
        self._captured: dict[str, tuple[float, npt.NDArray[np.uint8]]] = {}
        for sensor in suite:
            if sensor["type"] == "sensor.camera.rgb":
                renderer = sim.town.renderer(
                    width_px=int(sensor["width"]),
                    height_px=int(sensor["height"]),
                    fov_deg=float(sensor["fov"]),
                    fov_axis="horizontal",
                    weather=sim.route.weather,
                )
                self._cameras[sensor["id"]] = (renderer, _mount(sensor))

    def read(self, sim: "Simulator") -> dict[str, tuple[int, Any]]:
        """`input_data` of `run_step`: sensor id -> (frame, data)."""
        data = {sensor["id"]: (sim.tick, self._read(sensor, sim)) for sensor in self._suite}
        self._last = (sim.car.speed_mps, sim.car.yaw_rad)
        return data

    def _read(self, sensor: dict[str, Any], sim: "Simulator") -> Any:
        kind = sensor["type"]
        if kind == "sensor.camera.rgb":
            return self._capture(sensor, sim)
        if kind == "sensor.speedometer":
            return {"speed": sim.car.speed_mps}
        if kind == "sensor.other.gnss":
            return np.array([*gps_of(sim.car.x_m, sim.car.y_m), 0.0])
        if kind == "sensor.other.imu":
            return self._imu(sim)
        return {"opendrive": sim.town.opendrive()}

    def _capture(self, sensor: dict[str, Any], sim: "Simulator") -> npt.NDArray[np.uint8]:
        name, every_s = sensor["id"], float(sensor.get("sensor_tick", 0.0))
        last = self._captured.get(name)
        if last is None or sim.t_s >= last[0] + every_s - 0.5 * sim.dt_s:
            last = self._captured[name] = (sim.t_s, self._image(name, sim))
        return last[1]

    def _image(self, name: str, sim: "Simulator") -> npt.NDArray[np.uint8]:
        """`(H, W, 4) uint8` BGRA."""
        renderer, mount = self._cameras[name]
        cos, sin = math.cos(sim.car.yaw_rad), math.sin(sim.car.yaw_rad)
        pose = CameraPose(
            x_m=sim.car.x_m + cos * mount.forward_m - sin * mount.right_m,
            y_m=sim.car.y_m + sin * mount.forward_m + cos * mount.right_m,
            z_m=mount.up_m,
            yaw_rad=sim.car.yaw_rad + mount.yaw_rad,
            pitch_rad=mount.pitch_rad,
        )
        rgb = renderer.render(pose, sim.actors, sim.light_views(), t_s=sim.t_s)
        image = np.empty((*rgb.shape[:2], 4), np.uint8)
        image[..., :3] = rgb[..., ::-1]
        image[..., 3] = 255
        return image

    def _imu(self, sim: "Simulator") -> npt.NDArray[np.float64]:
        """Acceleration (m/s2), angular velocity (rad/s), compass (rad from north, which is -Y)."""
        speed, yaw = self._last
        yaw_rate = (sim.car.yaw_rad - yaw) / sim.dt_s
        forward = (sim.car.speed_mps - speed) / sim.dt_s
        compass = (sim.car.yaw_rad + math.pi / 2) % (2 * math.pi)
        return np.array([forward, sim.car.speed_mps * yaw_rate, 9.81, 0.0, 0.0, yaw_rate, compass])


def _mount(sensor: dict[str, Any]) -> _Mount:
    return _Mount(
        forward_m=float(sensor.get("x", 0.0)),
        right_m=float(sensor.get("y", 0.0)),
        up_m=float(sensor.get("z", 1.6)),
        yaw_rad=math.radians(float(sensor.get("yaw", 0.0))),
        pitch_rad=math.radians(float(sensor.get("pitch", 0.0))),
    )
