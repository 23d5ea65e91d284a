"""Agent files: one contract for minitown and CARLA, and every way in which an agent can fail."""

import itertools
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scoring.leaderboard import ScorerVersion
from world.minitown.agent.errors import AgentNotFoundError, SensorsInvalidError
from world.minitown.agent.loading import check_agent
from world.minitown.agent.sensors import check_sensors, gps_of
from world.minitown.agent.stand_ins import Location, Transform, thin_plan
from world.minitown.drive import DriveOptions
from world.minitown.routes import load_route_set
from world.minitown.runner import DriveJob, run_job

HEADER = """
import time
import carla
from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track

def get_entry_point():
    return "Agent"

class Agent(AutonomousAgent):
    def setup(self, path_to_conf_file):
        self.track = Track.SENSORS
        self.steps = 0

    def sensors(self):
        return [
            {"type": "sensor.camera.rgb", "x": 1.0, "y": 0.0, "z": 1.6, "roll": 0.0, "pitch": 0.0, "yaw": 0.0,
             "width": 64, "height": 64, "fov": 100, "id": "front"},
            {"type": "sensor.speedometer", "id": "speed"},
            {"type": "sensor.other.gnss", "x": 0.0, "y": 0.0, "z": 0.0, "id": "gps"},
            {"type": "sensor.other.imu", "x": 0.0, "y": 0.0, "z": 0.0, "id": "imu"},
        ]
"""


def agent_file(folder: Path, body: str) -> Path:
    path = folder / "my_agent.py"
    path.write_text(HEADER + textwrap.indent(textwrap.dedent(body), "    "))
    return path


def drive(agent: str, out: Path, *, routes: str = "0", timeout_s: float = 20.0) -> dict[str, Any]:
    job = DriveJob(
        agent=agent,
        route_set=load_route_set("minitown-12", subset=routes),
        out=out / "results.json",
        options=DriveOptions(agent_timeout_s=timeout_s, vehicles=2, pedestrians=0),
        version=ScorerVersion.V2_1,
    )
    return run_job(job)


def statuses(document: dict[str, Any]) -> list[str]:
    return [record["status"] for record in document["_checkpoint"]["records"]]


@pytest.mark.slow
def test_an_agent_gets_the_leaderboards_inputs_and_drives(tmp_path: Path) -> None:
    agent = agent_file(
        tmp_path,
        """
        def run_step(self, input_data, timestamp):
            frame, image = input_data["front"]
            assert image.shape == (64, 64, 4) and image.dtype.name == "uint8"
            assert set(input_data) == {"front", "speed", "gps", "imu"}
            assert input_data["imu"][1].shape == (7,) and input_data["gps"][1].shape == (3,)
            assert "speed" in input_data["speed"][1]
            assert self._global_plan_world_coord[0][0].location.x is not None
            assert 40.7 < self._global_plan[0][0]["lat"] < 40.8
            self.steps += 1
            if self.steps > 40:
                raise RuntimeError("done")
            return carla.VehicleControl(throttle=0.6, steer=0.0, brake=0.0)
        """,
    )
    document = drive(str(agent), tmp_path)
    (record,) = document["_checkpoint"]["records"]
    assert record["status"] == "Failed - Agent crashed"
    assert record["meta"]["duration_game"] == pytest.approx(2.0)
    assert record["scores"]["score_route"] > 0
    assert document["sensors"] == ["carla_camera", "carla_speedometer", "carla_gnss", "carla_imu"]
    assert document["eligible"] is False


FAULTS = {
    "raises in setup": (
        "def setup(self, path_to_conf_file):\n    raise ValueError('no weights')",
        "Failed - Agent couldn't be set up",
    ),
    "raises in run_step": (
        "def run_step(self, d, t):\n    raise ValueError('boom')",
        "Failed - Agent crashed",
    ),
    "hangs": ("def run_step(self, d, t):\n    time.sleep(1000)", "Failed - Agent crashed"),
    "hangs and swallows interrupts": (
        """
        def run_step(self, d, t):
            while True:
                try:
                    time.sleep(1000)
                except BaseException:
                    pass
        """,
        "Failed - Agent crashed",
    ),
    "leaves the process": (
        "def run_step(self, d, t):\n    import os\n    os._exit(3)",
        "Failed - Agent crashed",
    ),
    "returns nothing": ("def run_step(self, d, t):\n    return None", "Failed - Agent crashed"),
    "returns NaN": (
        "def run_step(self, d, t):\n    return carla.VehicleControl(steer=float('nan'))",
        "Failed - Agent crashed",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_agent_ends_its_route_with_the_leaderboards_status(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What hangs is waited for; what ends by itself needs no short limit, which a busy machine would break.
    limit_s = 4.0 if fault.startswith("hangs") else 60.0
    monkeypatch.setattr("world.minitown.runner._GRACE_S", limit_s)
    body, status = FAULTS[fault]
    document = drive(str(agent_file(tmp_path, body)), tmp_path, routes="0,1", timeout_s=limit_s)
    assert statuses(document) == [status, status]
    assert document["_checkpoint"]["progress"] == [2, 2]


@pytest.mark.slow
def test_an_agent_with_forbidden_sensors_is_rejected(tmp_path: Path) -> None:
    agent = agent_file(
        tmp_path,
        "def sensors(self):\n    return [{'type': 'sensor.opendrive_map', 'id': 'map'}]",
    )
    document = drive(str(agent), tmp_path)
    assert statuses(document) == ["Failed - Agent's sensors were invalid"]
    assert document["entry_status"] == "Rejected"


def test_an_unknown_agent_is_named_with_what_is_known() -> None:
    with pytest.raises(AgentNotFoundError, match="expert, noop, random"):
        check_agent("speedy")
    with pytest.raises(AgentNotFoundError, match="does not exist"):
        check_agent("nowhere/agent.py")


def camera(**changes: Any) -> dict[str, Any]:
    return {"type": "sensor.camera.rgb", "x": 0.0, "y": 0.0, "z": 1.6, "id": "c", **changes}


@pytest.mark.parametrize(
    ("suite", "track", "says"),
    [
        ([camera(), camera()], "SENSORS", "twice"),
        ([camera(x=4.0)], "SENSORS", "3.0 m"),
        ([camera(id=str(n)) for n in range(9)], "SENSORS", "at most 8"),
        ([camera(id=str(n)) for n in range(5)], "SENSORS_QUALIFIER", "at most 4"),
        ([{"type": "sensor.opendrive_map", "id": "m"}], "SENSORS", "not allowed"),
        ([{"type": "sensor.camera.depth", "id": "d"}], "MAP", "not allowed"),
        (
            [{"type": "sensor.lidar.ray_cast", "x": 0, "y": 0, "z": 0, "id": "l"}],
            "SENSORS",
            "does not simulate",
        ),
    ],
)
def test_sensor_suites_against_the_rules_are_refused(
    suite: list[dict[str, Any]], track: str, says: str
) -> None:
    with pytest.raises(SensorsInvalidError, match=says):
        check_sensors(suite, track)


def test_the_map_is_allowed_on_the_map_track() -> None:
    check_sensors([camera(), {"type": "sensor.opendrive_map", "reading_frequency": 1, "id": "m"}], "MAP")


def test_gps_moves_north_where_y_falls_and_east_where_x_grows() -> None:
    (lat, lon), (north, _), (_, east) = gps_of(0, 0), gps_of(0, -100), gps_of(100, 0)
    assert np.allclose((lat, lon), (40.75, -73.98))
    assert (north - lat) * 111_320 == pytest.approx(100, rel=0.01)
    assert (east - lon) * 111_320 * np.cos(np.radians(lat)) == pytest.approx(100, rel=0.01)


def test_a_plan_is_thinned_to_command_changes_every_200_m_and_its_ends() -> None:
    plan = [(Transform(Location(float(x), 0.0, 0.0)), 4 if x < 500 or x > 520 else 1) for x in range(601)]
    kept = thin_plan(plan)
    assert kept[0] == 0
    assert kept[-1] == 600
    assert {500, 521} <= set(kept)
    assert all(b - a <= 203 for a, b in itertools.pairwise(kept))


WITHOUT_CARLA = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("carla", "leaderboard", "agents"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocker())
from world.minitown.agent import stand_ins
stand_ins.install()
import carla
from agents.navigation.local_planner import RoadOption
from leaderboard.autoagents import autonomous_agent
from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track

class Mine(AutonomousAgent):
    pass

agent = Mine("localhost", 2000, False)
where = carla.Transform(carla.Location(x=1.0, y=2.0, z=0.0), carla.Rotation(yaw=90.0))
agent.set_global_plan([({"lat": 1.0, "lon": 2.0, "z": 0.0}, RoadOption.LEFT)], [(where, RoadOption.LEFT)])
control = agent.run_step({}, 0.0)
forward = where.get_forward_vector()
assert abs(forward.x) < 1e-9 and abs(forward.y - 1.0) < 1e-9
assert (control.throttle, control.steer, control.brake) == (0.0, 0.0, 0.0)
assert agent.track is Track.SENSORS and Mine.get_ros_version() == -1
print(agent._global_plan_world_coord[0][0].location.x, autonomous_agent.Track.MAP.value)
"""


def test_agents_need_neither_carla_nor_the_leaderboard_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CARLA], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1.0", "MAP"]
