"""Stand-ins for the few names of `carla` and `leaderboard` that agent files import.

The real packages win where they are installed (the carla wheel needs no server for these types).
What is here speaks the same interface for value types only: no client, no world. Signatures are
those of CARLA 0.9.16's Python API and of leaderboard 2.1.
"""

import importlib
import math
import sys
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import ModuleType
from typing import Any


class RoadOption(IntEnum):
    """Navigation commands as `agents.navigation.local_planner` numbers them."""

    VOID = -1
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    LANEFOLLOW = 4
    CHANGELANELEFT = 5
    CHANGELANERIGHT = 6


class Track(Enum):
    """The leaderboard's tracks."""

    SENSORS = "SENSORS"
    MAP = "MAP"
    SENSORS_QUALIFIER = "SENSORS_QUALIFIER"
    MAP_QUALIFIER = "MAP_QUALIFIER"


@dataclass
class VehicleControl:
    """`carla.VehicleControl`."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0


@dataclass
class Vector3D:
    """`carla.Vector3D`."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def length(self) -> float:
        """Euclidean length."""
        return math.sqrt(self.x * self.x + self.y * self.y + self.z * self.z)


@dataclass
class Location(Vector3D):
    """`carla.Location`, metres."""

    def distance(self, location: Vector3D) -> float:
        """Distance in metres."""
        return Vector3D(location.x - self.x, location.y - self.y, location.z - self.z).length()


@dataclass
class Rotation:
    """`carla.Rotation`, degrees."""

    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0

    def get_forward_vector(self) -> Vector3D:
        """Unit vector along the heading."""
        pitch, yaw = math.radians(self.pitch), math.radians(self.yaw)
        return Vector3D(math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch))


@dataclass
class Transform:
    """`carla.Transform`."""

    location: Location = field(default_factory=Location)
    rotation: Rotation = field(default_factory=Rotation)

    def get_forward_vector(self) -> Vector3D:
        """Unit vector along the heading."""
        return self.rotation.get_forward_vector()


class AutonomousAgent:
    """`leaderboard.autoagents.autonomous_agent.AutonomousAgent`: what agents derive from."""

    def __init__(self, carla_host: str, carla_port: int, debug: bool = False) -> None:
        self.carla_host, self.carla_port, self.debug = carla_host, carla_port, debug
        self.track = Track.SENSORS
        self._global_plan: list[tuple[dict[str, float], Any]] | None = None
        self._global_plan_world_coord: list[tuple[Any, Any]] | None = None

    def setup(self, path_to_conf_file: str) -> None:
        """Load what the agent needs."""

    def sensors(self) -> list[dict[str, Any]]:
        """The sensor suite that the agent asks for."""
        return []

    def run_step(self, input_data: dict[str, tuple[int, Any]], timestamp: float) -> Any:  # noqa: ARG002
        """Return the controls of one tick."""
        return control_class()()

    def destroy(self) -> None:
        """Let go of what `setup` took."""

    @staticmethod
    def get_ros_version() -> int:
        """-1: not a ROS agent."""
        return -1

    def set_global_plan(
        self,
        global_plan_gps: list[tuple[dict[str, float], Any]],
        global_plan_world_coord: list[tuple[Any, Any]],
    ) -> None:
        """Keep the plan, thinned to command changes and every 200 m."""
        kept = thin_plan(global_plan_world_coord)
        self._global_plan_world_coord = [global_plan_world_coord[number] for number in kept]
        self._global_plan = [global_plan_gps[number] for number in kept]


def thin_plan(plan: list[tuple[Any, Any]], spacing_m: float = 200.0) -> list[int]:
    """Indices of the plan's points that an agent is given (leaderboard `downsample_route`).

    The first and last point, each change of command, and one whenever 200 m have passed since.
    """
    kept: list[int] = []
    travelled_m = 0.0
    for number, (transform, option) in enumerate(plan):
        first, last = number == 0, number == len(plan) - 1
        if first or plan[number - 1][1] != option or travelled_m > spacing_m or last:
            kept.append(number)
            travelled_m = 0.0
        else:
            travelled_m += transform.location.distance(plan[number - 1][0].location)
    return kept


def install() -> None:
    """Make `import carla`, `leaderboard.autoagents.autonomous_agent` and `RoadOption` work here."""
    _provide("carla", VehicleControl, Vector3D, Location, Rotation, Transform)
    _provide("leaderboard.autoagents.autonomous_agent", AutonomousAgent, Track)
    _provide("agents.navigation.local_planner", RoadOption)


def control_class() -> Any:
    """`carla.VehicleControl`: the wheel's where it is installed."""
    install()
    return importlib.import_module("carla").VehicleControl


def _provide(name: str, *classes: type) -> None:
    try:
        importlib.import_module(name)
        return
    except ModuleNotFoundError:
        pass
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        path = ".".join(parts[:depth])
        if path not in sys.modules:
            sys.modules[path] = ModuleType(path, "A stand-in of minitown; the real package is not installed.")
        if depth > 1:
            setattr(sys.modules[".".join(parts[: depth - 1])], parts[depth - 1], sys.modules[path])
    for provided in classes:
        setattr(sys.modules[name], provided.__name__, provided)
