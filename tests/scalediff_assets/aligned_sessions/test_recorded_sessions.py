"""Alignment against generated sessions whose truth is known."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.aligned_sessions.pose import PoseTrack, poses_at
from scalediff_assets.raw_sessions.bundle import Bundle, parse_bundle
from scalediff_assets.schemas import ALIGNMENTS, FRAMES, AlignedSessions
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle, RecordingSpec, record_session


def bundle_of(recorded: RecordedBundle) -> Bundle:
    return parse_bundle(recorded.session_id, recorded.wallet, recorded.files)


def align(recorded: RecordedBundle, folder: Path, *, key_time: bool = True) -> AlignedSessions:
    video = folder / "video.webm"
    video.write_bytes(recorded.files[BundleFile.VIDEO])
    upload_ms = recorded.upload_ms[BundleFile.LATENCY] if key_time else None
    made = align_session(bundle_of(recorded), read_packets(video), latency_upload_ms=upload_ms)
    assert ALIGNMENTS.problems(made.sessions) == FRAMES.problems(made.frames) == []
    return made


def wrapped(angle: np.ndarray) -> np.ndarray:
    turned: np.ndarray = (angle + np.pi) % (2 * np.pi) - np.pi
    return turned


@pytest.mark.parametrize("driver", ["expert", "jittery", "spam", "crash", "idle"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_frame_of_an_exact_recording_equals_the_truth(seed: int, driver: str, tmp_path: Path) -> None:
    recorded = record_session(RecordingSpec(seed=seed, driver=driver, layout="exact", video=False))  # type: ignore[arg-type]
    made = align(recorded, tmp_path)
    assert made.sessions["align_method"].item() == "frame_id"
    truth = recorded.truth.frames
    ours = made.frames.join(truth, on="frame_idx", suffix="_true").filter("pts_valid")
    assert ours.height > 0.95 * truth.height
    for name in (
        "sim_frame",
        "command",
        "held_w",
        "held_a",
        "held_s",
        "held_d",
        "steer",
        "throttle",
        "brake",
    ):
        assert (ours[name] == ours[f"{name}_true"]).all(), name
    for name in ("x_m", "y_m", "game_t_ms"):
        assert ours[name].to_numpy() == pytest.approx(ours[f"{name}_true"].to_numpy(), abs=1e-6), name
    assert np.abs(wrapped((ours["yaw_rad"] - ours["yaw_rad_true"]).to_numpy())).max() < 1e-6
    assert made.sessions["latency_ms"].item() == pytest.approx(recorded.truth.latency_ms, abs=30)


@pytest.mark.slow
def test_the_true_start_of_200_legacy_recordings_lies_inside_the_interval(tmp_path: Path) -> None:
    missed, errors_ms = [], []
    for seed in range(200):
        recorded = record_session(RecordingSpec(seed=seed, layout="legacy", video=False))
        session = align(recorded, tmp_path).sessions.row(0, named=True)
        true_ms = recorded.truth.start_perf_ms
        low_ms, high_ms = session["start_lo_ms"], session["start_hi_ms"]
        if session["verdict"] != "valid" or not low_ms <= true_ms <= high_ms:
            missed.append((seed, session["reason"], low_ms, true_ms, high_ms))
            continue
        errors_ms.append(abs((low_ms + high_ms) / 2 - true_ms))
    assert missed == []
    assert np.median(errors_ms) < 300


@pytest.mark.parametrize("layout", ["legacy", "documented"])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_heading_and_speed_of_an_old_recording_are_those_of_the_car(
    seed: int, layout: str, tmp_path: Path
) -> None:
    """Compared at equal game time, so that the start's uncertainty plays no part."""
    recorded = record_session(RecordingSpec(seed=seed, layout=layout, video=False))  # type: ignore[arg-type]
    assert align(recorded, tmp_path).sessions["verdict"].item() == "valid"
    truth = recorded.truth.frames.filter(pl.col("pts_valid") & (pl.col("speed_mps") > 1))
    track = PoseTrack.from_camera(bundle_of(recorded).camera)
    t_ms = truth["game_t_ms"].to_numpy()
    poses = poses_at(track, t_ms, np.ones(len(t_ms), dtype=np.bool_))
    assert poses is not None
    known = poses.known
    assert known.mean() > 0.6
    heading = np.abs(wrapped(poses.yaw_rad - truth["yaw_rad"].to_numpy()))[known]
    speed = np.abs(poses.speed_mps / truth["speed_mps"].to_numpy() - 1)[known]
    assert np.median(heading) < np.deg2rad(1)
    assert np.median(speed) < 0.02


@pytest.mark.parametrize("key_time", [True, False])
def test_a_documented_recording_is_aligned(key_time: bool, tmp_path: Path) -> None:
    recorded = record_session(RecordingSpec(seed=7, layout="documented", video=False))
    made = align(recorded, tmp_path, key_time=key_time)
    session = made.sessions.row(0, named=True)
    assert session["verdict"] == "valid"
    assert session["start_lo_ms"] <= recorded.truth.start_perf_ms <= session["start_hi_ms"]
    assert made.frames["key_command"].null_count() == made.frames.height
