"""The car: limits kept, mirrors exact, the same bits everywhere, the reference's law as an option."""

import hashlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from world.physics import (
    CarControls,
    CarFileError,
    CarState,
    FixedStep,
    car_limits,
    load_limits,
    step_arcade,
    step_car,
    stop_against,
)
from world.physics.car import CAR_FILE

DT = 1 / 120
LIMITS = car_limits()
unit = st.floats(0.0, 1.0)
controls = st.builds(
    CarControls, steer=st.floats(-1.0, 1.0), throttle=unit, brake=unit, reverse=st.booleans()
)


def new_car(speed_mps: float = 0.0) -> CarState:
    return CarState(x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=speed_mps)


def run(car: CarState, what: CarControls, seconds: float, dt_s: float = DT) -> CarState:
    for _ in range(round(seconds / dt_s)):
        step_car(car, what, LIMITS, dt_s)
    return car


@given(st.lists(controls, min_size=1, max_size=20))
@settings(max_examples=60)
def test_no_limit_is_ever_exceeded(drive: list[CarControls]) -> None:
    car = new_car(8.0)
    for what in drive:
        for _ in range(60):
            before = car.speed_mps
            step_car(car, what, LIMITS, DT)
            assert -LIMITS.max_reverse_mps <= car.speed_mps <= LIMITS.max_speed_mps
            assert abs(car.speed_mps - before) <= (LIMITS.brake_mps2 + 2.0) * DT
            assert abs(car.steer_rad) <= LIMITS.max_steer_rad
            assert math.isfinite(car.x_m + car.y_m + car.yaw_rad)


@given(st.lists(controls, min_size=1, max_size=8))
@settings(max_examples=40)
def test_mirrored_steering_gives_the_mirrored_path_to_the_bit(drive: list[CarControls]) -> None:
    car, mirror = new_car(6.0), new_car(6.0)
    for what in drive:
        other = CarControls(steer=-what.steer, throttle=what.throttle, brake=what.brake, reverse=what.reverse)
        for _ in range(60):
            step_car(car, what, LIMITS, DT)
            step_car(mirror, other, LIMITS, DT)
    assert (car.x_m, car.y_m, car.yaw_rad) == (mirror.x_m, -mirror.y_m, -mirror.yaw_rad)


def test_a_coasting_car_comes_to_rest_and_stays() -> None:
    car = run(new_car(5.0), CarControls(), 30.0)
    assert car.speed_mps == 0.0
    x_m = car.x_m
    assert run(car, CarControls(steer=1.0), 2.0).x_m == x_m


def test_braking_never_drives_backwards() -> None:
    car = run(new_car(10.0), CarControls(brake=1.0), 5.0)
    assert car.speed_mps == 0.0
    assert 5.0 < car.x_m < 12.0


def test_full_throttle_approaches_the_top_speed() -> None:
    car = run(new_car(), CarControls(throttle=1.0), 60.0)
    assert 20.0 < car.speed_mps <= LIMITS.max_speed_mps


def test_the_turning_circle_is_that_of_the_bicycle() -> None:
    car = new_car(2.0)
    car.steer_rad = LIMITS.max_steer_rad
    points = []
    for _ in range(3000):
        car.speed_mps, car.push_mps2 = 2.0, 0.0
        step_car(car, CarControls(steer=1.0, throttle=0.1), LIMITS, DT)
        points.append((car.x_m, car.y_m))
    radius = (max(y for _, y in points) - min(y for _, y in points)) / 2
    slip = math.atan(math.tan(LIMITS.max_steer_rad) / 2)
    assert radius == pytest.approx(LIMITS.wheelbase_m / 2 / math.sin(slip), rel=0.01)
    assert car.yaw_rad > math.pi  # right positive, clockwise


def test_grip_limits_the_turn_at_speed() -> None:
    car = run(new_car(20.0), CarControls(steer=1.0, throttle=0.5), 1.0)
    yaw = car.yaw_rad
    step_car(car, CarControls(steer=1.0, throttle=0.5), LIMITS, DT)
    lateral = car.speed_mps * (car.yaw_rad - yaw) / DT
    assert lateral < LIMITS.lateral_limit_mps2 * 1.1


def test_halving_the_step_hardly_changes_the_path() -> None:
    what = CarControls(steer=0.2, throttle=0.4)
    coarse, fine = run(new_car(8.0), what, 10.0), run(new_car(8.0), what, 10.0, DT / 2)
    assert math.hypot(coarse.x_m - fine.x_m, coarse.y_m - fine.y_m) < 0.5


def test_a_minute_of_driving_has_known_bits() -> None:
    car = new_car(3.0)
    for k in range(7200):
        what = CarControls(
            steer=((k // 97) % 21 - 10) / 10.0,
            throttle=((k // 61) % 5) / 4.0,
            brake=0.5 if k % 900 > 850 else 0.0,
        )
        step_car(car, what, LIMITS, DT)
    bits = " ".join(value.hex() for value in (car.x_m, car.y_m, car.yaw_rad, car.speed_mps))
    assert hashlib.sha256(bits.encode()).hexdigest()[:16] == "b7683b97d9b5ed41", bits


def test_the_arcade_law_has_the_references_constants() -> None:
    car = new_car()
    for _ in range(115):
        step_arcade(car, w=True, a=False, s=False, d=False, mouse_dx_px=0.0, dt_s=1 / 60)
    assert car.speed_mps == pytest.approx(0.8 * 60, rel=0.01)  # 115 frames to the top speed
    coasted = 0
    while car.speed_mps > 0.0:
        step_arcade(car, w=False, a=False, s=False, d=False, mouse_dx_px=0.0, dt_s=1 / 60)
        coasted += 1
    assert coasted == pytest.approx(267, abs=2)


def test_the_mouse_turns_the_arcade_car() -> None:
    car = new_car()
    step_arcade(car, w=False, a=False, s=False, d=False, mouse_dx_px=100.0, dt_s=1 / 60)
    assert car.yaw_rad == pytest.approx(0.2)


@given(st.lists(st.floats(-0.01, 0.2), max_size=50))
@example([0.19999999999999998])
def test_a_fixed_step_spends_all_time_or_counts_what_it_drops(frames: list[float]) -> None:
    clock = FixedStep(at_most=10)
    ran = sum(clock.steps(frame) for frame in frames)
    passed = sum(max(0.0, frame) for frame in frames)
    assert (ran + clock.dropped) * clock.step_s + clock.saved_s == pytest.approx(passed, abs=1e-9)
    assert 0.0 <= clock.saved_s < clock.step_s


@pytest.mark.parametrize(
    ("change", "says"),
    [({"length_m": -1.0}, "length_m"), ({"wings": 2}, "wings"), ({"width_m": None}, "width_m")],
)
def test_a_car_file_with_a_wrong_field_is_refused(
    change: dict[str, object], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "car.json"
    path.write_text(json.dumps(json.loads(CAR_FILE.read_text()) | change))
    with pytest.raises(CarFileError, match=says):
        load_limits(path)


@pytest.mark.parametrize(
    ("push", "kept"),
    [((-0.1, 0.0), 0.0), ((0.0, 0.2), 1.0), ((0.3, 0.0), 1.0), ((-0.1, 0.1), 0.5), ((0.0, 0.0), 1.0)],
)
def test_what_pushes_a_car_out_takes_the_speed_against_it(push: tuple[float, float], kept: float) -> None:
    car = CarState(x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=8.0)
    stop_against(car, *push)
    assert car.speed_mps == pytest.approx(8.0 * kept)


def test_a_car_that_backs_away_from_what_pushed_it_keeps_its_speed() -> None:
    car = CarState(x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=-3.0)
    stop_against(car, -0.1, 0.0)
    assert car.speed_mps == -3.0
