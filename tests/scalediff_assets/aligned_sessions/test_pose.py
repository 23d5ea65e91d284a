import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.aligned_sessions.controls import command_from_path, steer_from_path
from scalediff_assets.aligned_sessions.pose import FramePoses, PoseTrack, crossed_teleport, poses_at


def camera(t_s: np.ndarray, forward_m: np.ndarray, right_m: np.ndarray, heading: np.ndarray) -> pl.DataFrame:
    """World axes (CARLA) to what the page logs (three.js)."""
    return pl.DataFrame(
        {
            "t_ms": t_s * 1000.0,
            "pos_x": right_m,
            "pos_y": np.full(len(t_s), 1.6),
            "pos_z": -forward_m,
            "yaw": -heading,
        }
    )


def circle(radius_m: float, speed_mps: float, seconds: float, step_s: float = 0.25) -> pl.DataFrame:
    """A right turn at constant speed, starting at the origin along +X."""
    t_s = np.arange(0, seconds, step_s)
    heading = t_s * speed_mps / radius_m
    return camera(t_s, radius_m * np.sin(heading), radius_m * (1 - np.cos(heading)), heading)


def at(track: PoseTrack, t_ms: list[float]) -> FramePoses:
    poses = poses_at(track, np.array(t_ms, dtype=np.float64), np.ones(len(t_ms), dtype=np.bool_))
    assert poses is not None
    return poses


def test_heading_agrees_with_the_direction_of_motion() -> None:
    track = PoseTrack.from_camera(circle(50, 10, 20))
    step = np.diff(track.xyz_m[:, :2], axis=0)
    motion = np.unwrap(np.arctan2(step[:, 1], step[:, 0]))
    middle = (track.yaw_rad[1:] + track.yaw_rad[:-1]) / 2
    assert np.abs(motion - middle).max() < np.deg2rad(0.1)


def test_speed_is_that_of_the_displacement() -> None:
    poses = at(PoseTrack.from_camera(circle(50, 10, 20)), [0, 130, 5_003, 19_000])
    assert poses.known.all()
    assert poses.speed_mps == pytest.approx([10] * 4, rel=0.01)


def test_speed_follows_an_acceleration_between_samples() -> None:
    t_s = np.array([0, 0.2, 0.5, 0.6, 1.1, 1.3, 1.9, 2.2])
    track = PoseTrack.from_camera(camera(t_s, 2 * t_s**2, 0 * t_s, 0 * t_s))
    times = np.array([300.0, 700.0, 1_000.0, 1_500.0])
    assert at(track, times.tolist()).speed_mps == pytest.approx(4 * times / 1000, rel=0.02)


def test_pose_is_unknown_outside_the_log_and_inside_a_long_gap() -> None:
    t_s = np.array([1.0, 1.5, 2.6, 3.0])
    poses = at(PoseTrack.from_camera(camera(t_s, t_s, 0 * t_s, 0 * t_s)), [900, 1_200, 2_000, 2_800, 3_100])
    assert poses.known.tolist() == [False, True, False, True, False]
    assert poses.inside.tolist() == [False, True, True, True, False]


def test_a_teleport_breaks_pose_and_speed() -> None:
    t_s = np.arange(0, 3, 0.25)
    forward = np.where(t_s < 1.5, 10 * t_s, 10 * t_s + 500)
    track = PoseTrack.from_camera(camera(t_s, forward, 0 * t_s, 0 * t_s))
    poses = at(track, [1_200, 1_300, 1_600])
    assert track.teleport.sum() == 1
    assert poses.known.tolist() == [True, False, True]
    assert poses.speed_mps[[0, 2]] == pytest.approx([10, 10])


def test_fast_driving_over_a_long_gap_is_no_teleport() -> None:
    t_s = np.array([0.0, 0.9, 1.8])
    assert not PoseTrack.from_camera(camera(t_s, 40 * t_s, 0 * t_s, 0 * t_s)).teleport.any()


def test_yaw_is_unwrapped_over_the_whole_track() -> None:
    full = circle(10, 10, 20).with_columns(((pl.col("yaw") + np.pi) % (2 * np.pi)) - np.pi)
    track = PoseTrack.from_camera(full)
    assert np.diff(track.yaw_rad) == pytest.approx(np.full(len(full) - 1, 0.25))


def test_one_sample_is_no_track() -> None:
    track = PoseTrack.from_camera(circle(10, 10, 0.2))
    assert poses_at(track, np.zeros(3), np.ones(3, dtype=np.bool_)) is None


def test_samples_at_the_same_time_divide_by_nothing() -> None:
    t_s = np.array([0.0, 0.5, 0.5, 1.0])
    poses = at(PoseTrack.from_camera(camera(t_s, t_s, 0 * t_s, 0 * t_s)), [250, 500, 750])
    assert np.isfinite(poses.speed_mps).all()


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=50))
def test_unwrapping_restores_any_heading_that_turns_less_than_half_a_turn_per_sample(
    steps: list[float],
) -> None:
    heading = np.cumsum(np.array(steps))
    wrapped = (heading + np.pi) % (2 * np.pi) - np.pi
    t_s = np.arange(len(steps)) * 0.2
    track = PoseTrack.from_camera(camera(t_s, 0 * t_s, 0 * t_s, wrapped))
    assert np.diff(track.yaw_rad) == pytest.approx(np.diff(heading), abs=1e-6)


def test_a_teleport_between_two_frames_is_flagged_on_the_later_one() -> None:
    passed = np.array([1, 1, 2, 2, 3])
    own = np.zeros(5, dtype=np.bool_)
    known = np.array([True, True, True, True, False])
    assert crossed_teleport(passed, own, known).tolist() == [False, False, True, False, False]


def test_a_frame_inside_a_teleport_is_flagged_and_its_successor_is_not() -> None:
    own = np.array([False, True, False])
    passed = np.array([0, 0, 1])
    assert crossed_teleport(passed, own, np.ones(3, dtype=np.bool_)).tolist() == [False, True, False]


def test_steering_of_a_right_circle_is_the_bicycle_angle() -> None:
    poses = at(PoseTrack.from_camera(circle(20, 8, 10)), [5_000])
    steer, moving = steer_from_path(poses.yaw_rate_rps, poses.speed_mps)
    assert moving.all()
    assert steer[0] == pytest.approx(np.arctan(2.9 / 20) / np.deg2rad(70), rel=0.01)


def test_steering_is_unknown_at_a_standstill_and_never_over_one() -> None:
    steer, moving = steer_from_path(np.array([5.0, 900.0, -900.0]), np.array([0.4, 1.0, 1.0]))
    assert moving.tolist() == [False, True, True]
    assert steer[1:].tolist() == pytest.approx([1.0, -1.0], abs=0.3)
    assert (np.abs(steer) <= 1).all()


def corner(turn_rad: float, radius_m: float = 8.0) -> PoseTrack:
    """60 m straight on, a bend of `turn_rad`, 60 m straight on; 10 m/s."""
    bend_m = abs(turn_rad) * radius_m
    along = np.arange(0, 120 + bend_m, 1.0)
    heading = np.sign(turn_rad) * np.clip((along - 60) / radius_m, 0, abs(turn_rad))
    forward = np.concatenate(([0], np.cumsum(np.cos(heading))[:-1]))
    right = np.concatenate(([0], np.cumsum(np.sin(heading))[:-1]))
    return PoseTrack.from_camera(camera(along / 10, forward, right, heading))


@pytest.mark.parametrize(("turn_rad", "expected"), [(np.pi / 2, 2), (-np.pi / 2, 1), (0.3, 4)])
def test_the_command_announces_the_turn_ahead(turn_rad: float, expected: int) -> None:
    track = corner(turn_rad)
    command, known = command_from_path(track, at(track, [1_000, 4_500]))
    assert known.all()
    assert command.tolist() == [4, expected]


def test_the_command_is_unknown_where_the_path_ends_undecided() -> None:
    track = corner(0.0)
    _, known = command_from_path(track, at(track, [track.t_ms[-1] - 1_200, track.t_ms[-1] - 900]))
    assert known.tolist() == [True, False]


def test_the_command_does_not_look_across_a_teleport() -> None:
    t_s = np.arange(0, 10, 0.25)
    after = t_s >= 5
    track = PoseTrack.from_camera(
        camera(t_s, np.where(after, 500, 10 * t_s), np.where(after, 10 * t_s, 0), after * np.pi / 2)
    )
    command, known = command_from_path(track, at(track, [2_000, 4_500]))
    assert command[0] == 4
    assert known.tolist() == [True, False]
