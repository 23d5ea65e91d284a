"""Generated bundles: deterministic, true to what they say of themselves, broken as they say."""

import hashlib
import io
import json
from pathlib import Path

import av
import numpy as np
import pytest

from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_contract.sessions import BundleFile, parse_object_key
from world.recorder import RecordingSpec, RecordingSpecError, record_session
from world.recorder.spec import Layout
from world.recorder.stamp import read_stamp

LAYOUTS: tuple[Layout, ...] = ("exact", "legacy", "documented")


def quick(**changes: object) -> RecordingSpec:
    return RecordingSpec(**{"seed": 5, "duration_s": 6.0, "video": False, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_spec_gives_the_same_bytes(layout: Layout) -> None:
    spec = quick(layout=layout, video=True, width_px=320, height_px=192)
    assert record_session(spec).files == record_session(spec).files


def test_another_seed_gives_another_drive() -> None:
    one, other = record_session(quick()), record_session(quick(seed=6))
    assert one.session_id != other.session_id
    assert not one.truth.frames["x_m"].equals(other.truth.frames["x_m"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_packets_carry_the_pts_of_the_truth(layout: Layout, tmp_path: Path) -> None:
    recorded = record_session(quick(layout=layout, duration_s=20.0))
    video = tmp_path / "video.webm"
    video.write_bytes(recorded.files[BundleFile.VIDEO])
    assert read_packets(video).pts_ms.tolist() == recorded.truth.frames["pts_ms"].to_list()


@pytest.mark.parametrize(("layout", "has_duration"), [("exact", True), ("legacy", False)])
def test_only_version_2_videos_have_a_duration(layout: Layout, has_duration: bool) -> None:
    video = record_session(quick(layout=layout)).files[BundleFile.VIDEO]
    with av.open(io.BytesIO(video), mode="r") as container:
        assert (container.duration is not None) is has_duration


@pytest.mark.slow
def test_every_stamp_survives_the_encoder() -> None:
    recorded = record_session(quick(video=True, width_px=640, height_px=360, fps=15.0))
    with av.open(io.BytesIO(recorded.files[BundleFile.VIDEO]), mode="r") as container:
        ids = [
            read_stamp(np.asarray(frame.to_ndarray(format="gray"), np.uint8))
            for frame in container.decode(video=0)
        ]
    assert ids == recorded.truth.frames["sim_frame"].to_list()


def test_hashes_of_the_meta_are_those_of_the_files() -> None:
    recorded = record_session(quick(source_video=True))
    files = json.loads(recorded.files[BundleFile.META])["files"]
    assert set(files) == {"video", "inputs", "camera", "latency", "source_video"}
    for file, content in recorded.files.items():
        if file is not BundleFile.META:
            assert files[file.label] == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_every_input_names_a_frame_of_the_camera_log() -> None:
    recorded = record_session(quick(duration_s=20.0, driver="jittery"))
    frames = {row["frame"] for row in json.loads(recorded.files[BundleFile.CAMERA])}
    inputs = json.loads(recorded.files[BundleFile.INPUTS])
    assert inputs
    assert {row["frame"] for row in inputs} <= frames


@pytest.mark.parametrize("seed", range(6))
def test_turning_follows_the_command_and_clockwise_is_right(seed: int) -> None:
    frames = record_session(quick(seed=seed, duration_s=25.0)).truth.frames
    for command, sign in ((1, -1), (2, 1)):
        turning = frames.filter(frames["command"] == command)
        # A turn seen from its first to its last frame; one that the recording cuts off says little.
        if turning.height and abs(change := turning["yaw_rad"][-1] - turning["yaw_rad"][0]) > 0.5:
            assert np.sign(turning["yaw_rad"][-1] - turning["yaw_rad"][0]) == sign, change


def test_logged_positions_are_three_js_axes_of_the_truth() -> None:
    recorded = record_session(quick())
    rows = {row["frame"]: row for row in json.loads(recorded.files[BundleFile.CAMERA])}
    for frame in recorded.truth.frames.iter_rows(named=True):
        x, _, z = rows[frame["sim_frame"]]["pos"]
        assert (-z, x) == pytest.approx((frame["x_m"], frame["y_m"]))
        assert rows[frame["sim_frame"]]["yaw"] == pytest.approx(-frame["yaw_rad"])


def test_speed_is_the_displacement_per_second() -> None:
    rows = json.loads(record_session(quick(duration_s=20.0)).files[BundleFile.CAMERA])
    position = np.array([row["pos"] for row in rows])
    times = np.array([row["t"] for row in rows])
    measured = np.linalg.norm(np.diff(position, axis=0), axis=1) / np.diff(times) * 1000
    logged = np.array([row["speed"] for row in rows])
    # Within a tick the speed changes by at most 6 m/s2 x 50 ms.
    assert np.abs(measured - logged[1:]).max() < 0.35


@pytest.mark.parametrize("seed", range(20))
def test_legacy_clocks_obey_the_bounds_that_an_estimator_relies_on(seed: int) -> None:
    recorded = record_session(quick(seed=seed, layout="legacy", duration_s=25.0))
    meta = json.loads(recorded.files[BundleFile.META])
    latency = json.loads(recorded.files[BundleFile.LATENCY])
    camera, inputs = (json.loads(recorded.files[f]) for f in (BundleFile.CAMERA, BundleFile.INPUTS))
    events = sorted(row["t"] for row in [*camera, *inputs])
    rtts = [row["t"] for row in latency["rttSamples"]]
    origin = meta["startTime"] - recorded.truth.start_perf_ms
    mounted = int(recorded.session_id.split("_")[1])
    frozen = sum(t <= meta["endTime"] - origin for t in rtts)
    slack_ms = 10.0
    assert origin <= meta["endTime"] - events[-1] + slack_ms  # U1
    assert origin <= meta["endTime"] - rtts[frozen - 1] + slack_ms  # U2
    assert origin >= mounted - events[0] - slack_ms  # L3
    assert origin >= meta["startTime"] - (rtts[0] + latency["initialLatency"] + 700) - slack_ms  # L4
    assert origin <= recorded.upload_ms[BundleFile.LATENCY] - rtts[-1] + slack_ms  # U5
    assert meta["eventCount"] == len(camera) + len(inputs)


def test_object_keys_parse_and_the_meta_file_comes_last() -> None:
    recorded = record_session(quick())
    for form in ("documented", "recorded"):
        keys = [parse_object_key(key) for key in recorded.objects(form)]
        assert keys[-1].file is BundleFile.META
        assert {key.session_id for key in keys} == {recorded.session_id}


@pytest.mark.parametrize(
    ("field", "value"), [("duration_s", 0.0), ("fps", 1000.0), ("width_px", 101), ("latency_ms", -1.0)]
)
def test_a_spec_out_of_range_is_refused(field: str, value: float) -> None:
    with pytest.raises(RecordingSpecError):
        quick(**{field: value})
