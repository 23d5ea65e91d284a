"""The agent: its place on the plan, its pedals, and a checkpoint that drives in minitown."""

import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu_services.driving.closed_loop import AGENT_FILE
from gpu_services.driving.pedals import SpeedHolder
from gpu_services.driving.route import EARTH_RADIUS_M, RouteFollower
from gpu_services.driving.train import train
from scalediff_contract.jobs import TrainSpec
from world.minitown.agent.loading import make_driver
from world.minitown.agent.sensors import gps_of
from world.minitown.agent.stand_ins import thin_plan
from world.minitown.drive import DriveOptions, drive_route
from world.minitown.routes import load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import load_town


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading an agent puts its folder on the import path, as upstream does.

    Left there, our `driving/carla` would be the `carla` of every process that a later test spawns.
    """
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_the_agent_hears_the_commands_that_the_simulator_gives() -> None:
    town = load_town(None)
    for route in load_route_set("minitown-12", subset="0-3").routes:
        plan = Simulator(town, route, vehicles=0, pedestrians=0).plan
        points = [
            ({"lat": gps_of(x, y)[0], "lon": gps_of(x, y)[1]}, int(command))
            for (x, y), command in zip(plan.points_m.tolist(), plan.command.tolist(), strict=True)
        ]
        world = [
            (_At(x, y), int(c))
            for (x, y), c in zip(plan.points_m.tolist(), plan.command.tolist(), strict=True)
        ]
        follower = RouteFollower([points[k] for k in thin_plan(world)])
        heard = [follower.command(*gps_of(x, y)) for x, y in plan.points_m.tolist()]
        agree = sum(a == b for a, b in zip(heard, plan.command.tolist(), strict=True)) / len(heard)
        assert agree > 0.95, f"route {route.route_id}: {agree:.3f}"


class _At:
    """A transform with a location, as the plan has it."""

    def __init__(self, x: float, y: float) -> None:
        self.location = self
        self.x, self.y = x, y

    def distance(self, other: "_At") -> float:
        return math.hypot(self.x - other.x, self.y - other.y)


def test_lane_changes_are_followed_and_the_last_command_stays() -> None:
    degree_m = math.radians(1.0) * EARTH_RADIUS_M
    plan = [
        ({"lat": 0.0, "lon": along / degree_m}, command)
        for along, command in ((0, 4), (50, 5), (100, 1), (150, 4))
    ]
    follower = RouteFollower(plan)
    assert [follower.command(0.0, x / degree_m) for x in (0, 49, 60, 99, 120, 200)] == [4, 4, 4, 1, 1, 1]


def test_pedals_hold_a_speed_and_stop() -> None:
    hold = SpeedHolder()
    assert hold(8.0, 2.0, 0.0).throttle == 1.0
    assert hold(2.0, 8.0, 0.1).brake == 1.0
    assert hold(0.2, 4.0, 0.2).brake == 1.0
    steady = hold(6.0, 6.0, 0.3)
    assert 0.0 < steady.throttle < 0.5 and steady.brake == 0.0


@pytest.mark.parametrize(("wanted_mps", "first_s"), [(0.5, 2.0), (0.0, 16.0)])
def test_who_is_torn_creeps_soon_and_who_is_sure_stands_long(wanted_mps: float, first_s: float) -> None:
    hold = SpeedHolder()
    moved_s = next(t / 10 for t in range(600) if hold(wanted_mps, 0.0, t / 10).throttle > 0.0)
    assert moved_s == pytest.approx(first_s, abs=0.3)


def test_who_pushes_and_does_not_move_backs_off_and_tries_again() -> None:
    hold = SpeedHolder()
    pressed = [hold(5.0, 0.0, t / 20) for t in range(100)]
    first = next(k for k, pedals in enumerate(pressed) if pedals.reverse)
    assert first == pytest.approx(21, abs=2)
    assert all(pedals.reverse for pedals in pressed[first : first + 38])
    assert not pressed[first + 42].reverse
    assert not any(SpeedHolder()(5.0, 3.0, t / 20).reverse for t in range(100))


def test_who_never_comes_free_stands_in_the_end() -> None:
    hold = SpeedHolder()
    pedals = [hold(5.0, 0.0, tick / 20) for tick in range(20 * 60)]
    assert not any(pedal.reverse or pedal.throttle for pedal in pedals[-100:])
    assert hold(5.0, 5.0, 61.0).throttle > 0, "who rolls again has come free"


@pytest.mark.slow
def test_a_checkpoint_drives_in_minitown(make_spec: Callable[..., TrainSpec]) -> None:
    spec = make_spec()
    result = train(spec, lambda *_: None)
    route = load_route_set("scenarios-11").routes[0]
    agent = f"{AGENT_FILE}:{Path(spec.output_url) / str(result.checkpoint)}"
    driven = drive_route(
        load_town(None), route, lambda: make_driver(agent), index=0, repetition=0, options=DriveOptions()
    )
    assert driven.detail == ""
    assert driven.run.failure is None
    assert driven.sensor_icons == ("carla_camera", "carla_speedometer", "carla_gnss")


@pytest.mark.slow
def test_a_folder_without_a_checkpoint_is_the_leaderboards_own_failure(tmp_path: Path) -> None:
    route = load_route_set("scenarios-11").routes[0]
    driven = drive_route(
        load_town(None),
        route,
        lambda: make_driver(f"{AGENT_FILE}:{tmp_path}"),
        index=0,
        repetition=0,
        options=DriveOptions(),
    )
    assert driven.run.failure is not None
    assert driven.run.failure.value == "Agent couldn't be set up"
    assert "there is no checkpoint" in driven.detail
