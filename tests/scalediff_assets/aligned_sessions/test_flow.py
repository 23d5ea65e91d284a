from pathlib import Path

import av
import numpy as np
import pytest

from scalediff_assets.aligned_sessions.clock import StartEstimate
from scalediff_assets.aligned_sessions.flow import FlowSignal, flow_signal, match_content

START = StartEstimate(method="meta_interval", lo_ms=9_000, hi_ms=11_000, point_ms=10_000)
RTT_MS = 300.0
DELTA_MS = 9_500.0
CAMERA_T_MS = np.arange(5_000.0, 40_000, 250)


def lively_speed(t_ms: np.ndarray) -> np.ndarray:
    t_s = t_ms / 1000
    wave: np.ndarray = 8 + 4 * np.sin(t_s * 0.9) + 3 * np.sin(t_s * 2.3 + 1) + 2 * np.sin(t_s * 0.37)
    return wave


def seen(pts_ms: np.ndarray, delta_ms: float = DELTA_MS, noise: float = 0.5) -> FlowSignal:
    rng = np.random.default_rng(0)
    speed = lively_speed(pts_ms + delta_ms)
    return FlowSignal(pts_ms=pts_ms, expansion_per_s=speed * 3 + rng.normal(0, noise, len(pts_ms)))


def test_a_lively_drive_gives_the_delay_within_a_frame() -> None:
    match = match_content(
        seen(np.arange(0, 20_000, 80.0)), CAMERA_T_MS, lively_speed(CAMERA_T_MS), START, RTT_MS
    )
    assert match is not None
    assert match.delta_ms == pytest.approx(DELTA_MS, abs=40)
    assert match.correlation > 0.95
    assert match.plateau_ms <= 500


def test_an_even_speed_decides_nothing() -> None:
    even = np.full(len(CAMERA_T_MS), 9.0)
    assert match_content(seen(np.arange(0, 20_000, 80.0)), CAMERA_T_MS, even, START, RTT_MS) is None


def test_a_periodic_drive_is_ambiguous() -> None:
    def periodic(t_ms: np.ndarray) -> np.ndarray:
        wave: np.ndarray = 8 + 4 * np.sin(t_ms / 1000 * 2)
        return wave

    pts = np.arange(0, 20_000, 80.0)
    flow = FlowSignal(pts_ms=pts, expansion_per_s=periodic(pts + DELTA_MS))
    assert match_content(flow, CAMERA_T_MS, periodic(CAMERA_T_MS), START, RTT_MS) is None


def test_a_peak_outside_the_metadata_interval_is_refused() -> None:
    flow = seen(np.arange(0, 20_000, 80.0), delta_ms=15_000)
    assert match_content(flow, CAMERA_T_MS, lively_speed(CAMERA_T_MS), START, RTT_MS) is None


def test_pictures_that_do_not_move_with_the_speed_are_refused() -> None:
    pts = np.arange(0, 20_000, 80.0)
    flow = FlowSignal(pts_ms=pts, expansion_per_s=np.random.default_rng(1).normal(0, 1, len(pts)))
    assert match_content(flow, CAMERA_T_MS, lively_speed(CAMERA_T_MS), START, RTT_MS) is None


def test_a_handful_of_frames_is_refused() -> None:
    flow = seen(np.arange(0, 800, 80.0))
    assert match_content(flow, CAMERA_T_MS, lively_speed(CAMERA_T_MS), START, RTT_MS) is None


def test_an_approaching_picture_expands(tmp_path: Path) -> None:
    import cv2

    scene = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (720, 1280), np.uint8), (0, 0), 6)
    scene = cv2.normalize(scene, scene, 0, 255, cv2.NORM_MINMAX)
    path = tmp_path / "approach.webm"
    with av.open(path, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=20)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for place in range(8):
            zoom = 2 * 1.02**place
            matrix = np.array([[zoom, 0, 320 - 640 * zoom], [0, zoom, 180 - 360 * zoom]])
            luma = cv2.warpAffine(scene, matrix, (640, 360))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(luma, np.uint8), "gray")))
        container.mux(stream.encode(None))
    signal = flow_signal(path)
    assert len(signal.pts_ms) == 7
    assert (signal.expansion_per_s > 3).all()


def test_a_broken_video_has_no_signal(tmp_path: Path) -> None:
    path = tmp_path / "broken.webm"
    path.write_bytes(b"no video")
    assert len(flow_signal(path).pts_ms) == 0
