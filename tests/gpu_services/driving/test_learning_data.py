"""What frames teach: labels from the driven path, simulated cameras, sampling."""

import math

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_services.driving.augment import MEAN, STD, Augment, Warp, normalise
from gpu_services.driving.frames import picture_of, squash
from gpu_services.driving.labels import make_labels
from gpu_services.driving.sampler import Sampler, sample_weights
from scalediff_contract.driving import PRESETS, Architecture, Camera, Recipe
from world.camera.views import CameraPose
from world.minitown.town import load_town
from world.physics import car_limits

CPU = torch.device("cpu")


def arc(radius_m: float, speed_mps: float, frames: int = 60) -> pl.DataFrame:
    """Driving a circle (to the right where the radius is positive) at 10 Hz."""
    t_s = np.arange(frames) * 0.1
    yaw = speed_mps * t_s / radius_m
    return pl.DataFrame(
        {
            "game_t_ms": t_s * 1000,
            "x_m": radius_m * np.sin(yaw),
            "y_m": radius_m * (1 - np.cos(yaw)),
            "yaw_rad": yaw,
            "speed_mps": np.full(frames, speed_mps),
            "steer": np.zeros(frames),
            "throttle": np.tile([1.0, 0.0], frames // 2),
            "brake": np.zeros(frames),
        }
    )


@given(st.floats(8.0, 200.0), st.floats(3.0, 12.0), st.sampled_from([-1.0, 1.0]))
@settings(max_examples=30)
def test_the_steering_of_a_circle_is_the_wheel_that_drives_it(
    radius_m: float, speed: float, side: float
) -> None:
    labels = make_labels(arc(side * radius_m, speed), kind="path", horizon_s=0.8)
    limits = car_limits()
    expected = math.atan(limits.wheelbase_m / (side * radius_m)) / limits.max_steer_rad
    known = labels.steer[~np.isnan(labels.steer)]
    assert len(known) > 20
    assert known == pytest.approx(np.full(len(known), expected), rel=0.03, abs=1e-3)


def test_a_path_that_ends_teaches_no_steering() -> None:
    labels = make_labels(arc(50.0, 5.0), kind="path", horizon_s=0.8)
    assert np.isnan(labels.steer[-5:]).all()
    standing = arc(50.0, 5.0).with_columns(x_m=pl.lit(0.0), y_m=pl.lit(0.0), speed_mps=pl.lit(0.0))
    labels = make_labels(standing, kind="path", horizon_s=0.8)
    assert np.isnan(labels.steer).all()
    assert (labels.target_mps[:50] == 0.0).all()


def test_pedals_are_averaged_over_what_follows() -> None:
    labels = make_labels(arc(50.0, 5.0), kind="path", horizon_s=0.8)
    assert labels.throttle[:50].min() > 0.3 and labels.throttle[:50].max() < 0.7
    logged = make_labels(arc(50.0, 5.0), kind="logged", horizon_s=0.0)
    assert set(logged.throttle) == {0.0, 1.0}
    assert (logged.steer == 0.0).all()


ARCHITECTURE = Architecture(width=8, picture_px=(128, 256), rows=(64, 192))


@pytest.fixture(scope="module")
def lane() -> tuple[float, float, float]:
    """A point in the middle of a straight lane and its heading."""
    network = load_town(None).network
    lane = max((lane for lane in network.lanes if not lane.is_connector), key=lambda lane: lane.length_m)
    (ax, ay), (bx, by) = lane.points_m[0], lane.points_m[-1]
    return 0.7 * ax + 0.3 * bx, 0.7 * ay + 0.3 * by, math.atan2(by - ay, bx - ax)


def view(x_m: float, y_m: float, yaw_rad: float, camera: Camera) -> torch.Tensor:
    renderer = load_town(None).renderer(width_px=camera.width_px, height_px=camera.height_px)
    rgb = renderer.render(CameraPose(x_m=x_m, y_m=y_m, yaw_rad=yaw_rad, z_m=camera.height_m))
    picture = picture_of(squash(rgb), *ARCHITECTURE.rows, *ARCHITECTURE.picture_px)
    return normalise(torch.from_numpy(np.ascontiguousarray(picture))[None])


@pytest.mark.parametrize("yaw_rad", [-0.12, 0.12])
def test_a_simulated_rotation_is_what_a_turned_camera_sees(
    yaw_rad: float, lane: tuple[float, float, float]
) -> None:
    x_m, y_m, heading = lane
    camera = Camera()
    straight, turned = view(x_m, y_m, heading, camera), view(x_m, y_m, heading + yaw_rad, camera)
    warped = Warp(ARCHITECTURE, camera, CPU)(straight, torch.tensor([yaw_rad]), torch.zeros(1))
    middle = (slice(None), slice(None), slice(40, 100), slice(70, 186))  # near the edges there is no picture
    assert _error(warped[middle], turned[middle]) < 0.35 * _error(straight[middle], turned[middle])


@pytest.mark.parametrize("shift_m", [-0.8, 0.8])
def test_a_simulated_shift_is_what_a_shifted_camera_sees_of_the_ground(
    shift_m: float, lane: tuple[float, float, float]
) -> None:
    x_m, y_m, heading = lane
    camera = Camera()
    there = view(x_m - shift_m * math.sin(heading), y_m + shift_m * math.cos(heading), heading, camera)
    here = view(x_m, y_m, heading, camera)
    warped = Warp(ARCHITECTURE, camera, CPU)(here, torch.zeros(1), torch.tensor([shift_m]))
    ground = (slice(None), slice(None), slice(80, 128), slice(90, 166))
    assert _error(warped[ground], there[ground]) < 0.35 * _error(here[ground], there[ground])


def _error(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().mean())


def test_a_label_follows_the_simulated_camera() -> None:
    recipe = PRESETS["demo"].recipe.model_copy(update={"colour": 0.0})
    augment = Augment(ARCHITECTURE, recipe, Camera(), CPU)
    aim = torch.tensor([[6.0, 0.0]])
    right = augment._steer(aim, torch.tensor([0.2]), torch.tensor([0.0]))
    shifted = augment._steer(aim, torch.tensor([0.0]), torch.tensor([0.5]))
    assert right < 0 and shifted < 0, "who stands turned or shifted to the right must steer left"
    assert augment._steer(aim, torch.zeros(1), torch.zeros(1)) == 0.0


def test_a_label_that_is_not_known_keeps_its_picture() -> None:
    augment = Augment(ARCHITECTURE, PRESETS["demo"].recipe.model_copy(update={"colour": 0.0}), Camera(), CPU)
    picture = torch.randn(4, 3, *ARCHITECTURE.picture_px)
    steer, unknown = torch.full((4,), 0.3), torch.full((4, 2), float("nan"))
    made, label = augment(picture, steer, unknown)
    assert torch.allclose(made, picture, atol=1e-4)
    assert torch.equal(label, steer)


def test_normalised_pictures_have_imagenets_statistics() -> None:
    grey = torch.full((1, 2, 2, 3), 255, dtype=torch.uint8)
    expected = [(1.0 - mean) / std for mean, std in zip(MEAN, STD, strict=True)]
    assert normalise(grey)[0, :, 0, 0].tolist() == pytest.approx(expected, abs=1e-5)


def index(frames: int, idle: int) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    speed = np.concatenate([np.zeros(idle), rng.uniform(1, 10, frames - idle)])
    brakes = rng.random(frames) < 0.05
    return pl.DataFrame(
        {
            "command": rng.choice([1, 2, 3, 4], frames, p=[0.03, 0.03, 0.14, 0.8]),
            "steer": rng.normal(0, 0.1, frames),
            "speed_mps": speed,
            "target_mps": np.where(brakes, 0.4 * speed, speed),
        }
    )


def test_standing_frames_are_capped_and_rare_commands_seen_more_often() -> None:
    table, recipe = index(4_000, 2_000), Recipe(idle_share=0.15)
    weights = sample_weights(table, recipe)
    share = weights / weights.sum()
    assert share[:2_000].sum() == pytest.approx(0.15, abs=1e-6)
    turns = (table["command"] < 3).to_numpy()
    assert share[turns].sum() > 1.5 * turns.mean()
    brakes = (table["target_mps"] < table["speed_mps"] - 1.0).to_numpy()
    assert share[brakes].sum() > 1.5 * brakes.mean()
    even = sample_weights(table, Recipe(balanced=False, idle_share=1.0))
    assert len(set(even)) == 1


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=30)
def test_a_batch_is_a_function_of_seed_and_step_and_is_shared_without_overlap(step: int, world: int) -> None:
    table = index(500, 50)
    sampler = Sampler(table, np.arange(500), Recipe(seed=3))
    whole = sampler.batch(step, 32)
    assert (Sampler(table, np.arange(500), Recipe(seed=3)).batch(step, 32) == whole).all()
    parts = [sampler.batch(step, 32, rank=rank, world=world) for rank in range(world)]
    assert sorted(np.concatenate(parts)) == sorted(whole)
    assert (sampler.batch(step + 1, 32) != whole).any()
