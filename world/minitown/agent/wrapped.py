"""A Leaderboard agent as a driver: set up, fed with sensors, asked for controls, destroyed."""

import math
from types import ModuleType
from typing import TYPE_CHECKING, Any

from world.minitown.agent import stand_ins
from world.minitown.agent.errors import AgentCrashedError
from world.minitown.agent.loading import agent_class
from world.minitown.agent.sensors import ICONS, SensorRig, check_sensors, gps_of
from world.physics import CarControls
from world.streets.network import RoutePlan

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator


class WrappedAgent:
    """Drives with an agent file; a new instance of its class for each route, as upstream does."""

    def __init__(self, module: ModuleType, config: str) -> None:
        self._module = module
        self._config = config
        self._agent: Any = None
        self._rig: SensorRig | None = None
        self.sensor_icons: tuple[str, ...] = ()

    def start(self, sim: "Simulator") -> None:
        """Make the agent, give it its plan, set it up, and check its sensors.

        Raises:
            SensorsInvalidError: For a sensor suite against the rules.
        """
        self._agent = agent_class(self._module)("localhost", 2000, False)
        self._agent.set_global_plan(*_plans(sim.plan))
        self._agent.setup(self._config)
        suite = list(self._agent.sensors())
        check_sensors(suite, str(getattr(self._agent.track, "value", self._agent.track)))
        self.sensor_icons = tuple(ICONS[sensor["type"]] for sensor in suite)
        self._rig = SensorRig(suite, sim)

    def act(self, sim: "Simulator") -> CarControls:
        """Ask for one tick's controls.

        Raises:
            AgentCrashedError: For controls that are not finite numbers.
        """
        if self._rig is None:
            raise AgentCrashedError("the agent was asked to drive before it was set up")
        control = self._agent.run_step(self._rig.read(sim), sim.t_s)
        values = [float(getattr(control, name)) for name in ("steer", "throttle", "brake")]
        if not all(math.isfinite(value) for value in values):
            raise AgentCrashedError(f"run_step returned controls that are not finite: {control}")
        steer, throttle, brake = values
        return CarControls(
            steer=min(1.0, max(-1.0, steer)),
            throttle=min(1.0, max(0.0, throttle)),
            brake=min(1.0, max(0.0, brake)),
            reverse=bool(control.reverse),
            hand_brake=bool(control.hand_brake),
        )

    def close(self) -> None:
        """Destroy the agent."""
        agent, self._agent, self._rig = self._agent, None, None
        if agent is not None:
            agent.destroy()


def _plans(plan: RoutePlan) -> tuple[list[tuple[dict[str, float], Any]], list[tuple[Any, Any]]]:
    """The route as the Leaderboard hands it over: GPS, and world transforms, each with its command."""
    import importlib

    stand_ins.install()
    carla = importlib.import_module("carla")
    option = importlib.import_module("agents.navigation.local_planner").RoadOption
    gps, world = [], []
    rows = zip(plan.points_m.tolist(), plan.yaw_rad.tolist(), plan.command.tolist(), strict=True)
    for (x_m, y_m), yaw_rad, command in rows:
        latitude, longitude = gps_of(x_m, y_m)
        where = carla.Transform(
            carla.Location(x=x_m, y=y_m, z=0.0),
            carla.Rotation(pitch=0.0, yaw=math.degrees(yaw_rad), roll=0.0),
        )
        gps.append(({"lat": latitude, "lon": longitude, "z": 0.0}, option(command)))
        world.append((where, option(command)))
    return gps, world
