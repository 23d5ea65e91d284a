"""Drivers: what the expert chooses, how people press keys, the baselines."""

import itertools
import math

import numpy as np
import pytest

from world.drivers.expert import ExpertDriver
from world.drivers.forecast import STEPS, Forecast
from world.drivers.human import STYLES, HumanDriver, StyleName
from world.drivers.keyboard import Keyboard, Keys
from world.drivers.lattice import Course, Road, choose
from world.drivers.simple import NoopDriver, RandomDriver
from world.drivers.speed_profile import BRAKING_MPS2, LATERAL_MPS2, speed_profile
from world.minitown.routes import RouteSpec, load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import load_town
from world.physics import car_limits
from world.recorder import RecordingSpec, record_session
from world.streets.plan import plan_route

POINTS = 400
ROAD = Road(
    x_m=np.linspace(0.0, 0.5 * (POINTS - 1), POINTS),
    y_m=np.zeros(POINTS),
    cos=np.ones(POINTS),
    sin=np.zeros(POINTS),
    speed_mps=np.full(POINTS, 11.0),
)


def standing(*places: tuple[float, float], half_width: float = 1.0) -> Forecast:
    shape = (len(places), STEPS)
    ones = np.ones(shape)
    return Forecast(
        x_m=ones * np.array([x for x, _ in places]).reshape(-1, 1),
        y_m=ones * np.array([y for _, y in places]).reshape(-1, 1),
        cos=ones,
        sin=np.zeros(shape),
        half_length_m=np.full((len(places), 1), 1.0),
        half_width_m=np.full((len(places), 1), half_width),
        soft=np.zeros(len(places), np.bool_),
        doubt_mps=np.zeros(len(places)),
    )


def chosen(others: Forecast, *, freedom_m: float = 10.0, stop_m: float = math.inf) -> Course:
    return choose(
        ROAD, along_m=10.0, offset_m=0.0, speed_mps=9.0, stop_m=stop_m, held_m=0.0,
        freedom_m=freedom_m, others=others,
    )  # fmt: skip


def test_on_a_free_road_the_expert_keeps_his_lane_and_the_limit() -> None:
    course = chosen(standing())
    assert (course.offset_m, course.speed_mps, course.collision_s) == (0.0, 11.0, None)


@pytest.mark.parametrize(("y", "side"), [(0.8, -1), (-0.8, 1)])
def test_an_obstacle_is_passed_on_the_side_with_more_room(y: float, side: int) -> None:
    course = chosen(standing((40.0, y)))
    assert course.offset_m * side > 0
    assert course.collision_s is None


def test_a_blocked_road_is_not_driven_into() -> None:
    course = chosen(standing((32.0, 0.0), half_width=8.0))
    assert course.speed_mps < 5.0


def test_in_traffic_he_queues_instead_of_passing() -> None:
    course = chosen(standing((32.0, 0.0)), freedom_m=0.8)
    assert abs(course.offset_m) <= 0.8
    assert course.speed_mps < 8.0


def test_a_profile_obeys_limit_grip_and_braking() -> None:
    town = load_town()
    plan = plan_route(town.network, load_route_set("minitown-12").routes[2].waypoints_m)
    speeds = np.array(speed_profile(plan))
    assert (speeds <= plan.speed_limit_mps + 1e-9).all()
    spent = speeds[:-1] ** 2 - speeds[1:] ** 2
    assert (spent <= 2 * BRAKING_MPS2 * np.diff(plan.along_m) + 1e-6).all()
    slowest = speeds[np.isin(plan.command, (1, 2))].min()
    assert 3.0 < slowest < 7.5  # an arc of 7 to 14 m at the comfortable sideways acceleration
    assert slowest**2 / LATERAL_MPS2 > 3.0


def test_the_wheel_turns_with_a_held_key_and_comes_back_faster() -> None:
    keyboard, limits = Keyboard(), car_limits()
    right = [keyboard.controls(Keys(d=True), 0.05).steer for _ in range(40)]
    back = [keyboard.controls(Keys(), 0.05).steer for _ in range(40)]
    assert right[0] == pytest.approx(limits.keyboard_turn_per_s * 0.05)
    assert right[-1] == 1.0
    assert back[0] == pytest.approx(1.0 - limits.keyboard_return_per_s * 0.05)
    assert back[-1] == 0.0
    assert keyboard.controls(Keys(w=True, s=True), 0.05).brake == 1.0


def sim_of(seed: int = 0) -> Simulator:
    route: RouteSpec = load_route_set("minitown-12").routes[1]
    return Simulator(load_town(), route, seed=seed, vehicles=0, pedestrians=0)


def driven(style: StyleName, seconds: float = 25.0) -> tuple[Simulator, list[Keys]]:
    sim, driver = sim_of(), HumanDriver(style)
    driver.start(sim)
    pressed = []
    for _ in range(round(seconds * 20)):
        sim.step(driver.act(sim))
        pressed.append(driver.keys)
    return sim, pressed


def test_styles_differ_in_the_way_they_are_called() -> None:
    gone = {style: driven(style)[0].track.along_m for style in ("expert", "late", "aggressive", "idle")}
    assert gone["idle"] < 1.0
    assert gone["late"] < gone["expert"] < gone["aggressive"]
    changes = {
        style: sum(a != b for a, b in itertools.pairwise(keys))
        for style in ("late", "jittery")
        for keys in [driven(style)[1]]
    }
    assert changes["jittery"] > changes["late"]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_is_deterministic(style: StyleName) -> None:
    (first, keys), (second, again) = driven(style, 8.0), driven(style, 8.0)
    assert keys == again
    assert (first.car.x_m, first.car.y_m) == (second.car.x_m, second.car.y_m)


def test_a_lost_player_is_told_another_way_than_he_drives() -> None:
    def turns(driver: StyleName, seed: int) -> list[tuple[int, float]]:
        frames = record_session(
            RecordingSpec(seed=seed, duration_s=40.0, video=False, driver=driver)
        ).truth.frames
        return list(zip(frames["command"].to_list(), frames["yaw_rad"].to_list(), strict=True))

    told = {driver: {c for c, _ in turns(driver, 4)} for driver in ("late", "lost")}
    assert told["late"] != told["lost"]


def test_the_baselines_do_nothing_and_anything() -> None:
    sim = sim_of()
    noop, chance = NoopDriver(), RandomDriver()
    chance.start(sim)
    assert noop.act(sim).throttle == noop.act(sim).brake == 0.0
    seen = set()
    for _ in range(100):
        controls = chance.act(sim)
        seen.add(controls.steer)
        assert -1.0 <= controls.steer <= 1.0
        assert 0.0 <= controls.throttle <= 1.0
        sim.step(controls)
    assert len(seen) == 10


def test_the_expert_stands_at_a_red_light_with_his_nose_before_the_line() -> None:
    sim, driver = sim_of(), ExpertDriver()
    driver.start(sim)
    stood = []
    while sim.track.along_m < sim.plan.length_m - 20 and sim.t_s < 120:
        sim.step(driver.act(sim))
        if sim.car.speed_mps < 0.05:
            line = min(
                sim.town.stop_lines_near(sim.car.x_m, sim.car.y_m),
                key=lambda line: math.hypot(line.x_m - sim.car.x_m, line.y_m - sim.car.y_m),
            )
            stood.append(math.hypot(line.x_m - sim.car.x_m, line.y_m - sim.car.y_m))
    assert stood
    half_m = sim.limits.length_m / 2
    assert all(half_m - 0.1 < away < half_m + 4.0 for away in stood)
