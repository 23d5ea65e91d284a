from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.aligned_sessions.packets import longest_run_ms, number_runs, read_packets, run_ids

STAMPS = st.lists(st.integers(0, 5_000), max_size=60).map(lambda values: np.array(values, dtype=np.int64))
RISING = STAMPS.map(np.sort)


@pytest.fixture
def webm(tmp_path: Path) -> Path:
    path = tmp_path / "clip.webm"
    with av.open(path, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        rng = np.random.default_rng(1)
        for pts in (0, 33, 70, 250, 900):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = pts, stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_packets_carry_the_stamps_of_the_container_in_ms(webm: Path) -> None:
    packets = read_packets(webm)
    assert packets.pts_ms.tolist() == [0, 33, 70, 250, 900]
    assert packets.keyframe[0] and not packets.keyframe.all()
    assert (packets.size_bytes > 0).all()
    assert not packets.truncated


def test_a_cut_video_is_read_as_far_as_it_goes(webm: Path, tmp_path: Path) -> None:
    data = webm.read_bytes()
    whole = len(read_packets(webm))
    cut = tmp_path / "cut.webm"
    for keep in range(0, len(data), 97):
        cut.write_bytes(data[:keep])
        packets = read_packets(cut)
        assert packets.truncated
        assert len(packets) <= whole


@pytest.mark.parametrize("content", [b"", b"\x1aE\xdf\xa3", b"not a video at all" * 100])
def test_bytes_that_are_no_video_yield_no_packets(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.webm"
    path.write_bytes(content)
    packets = read_packets(path)
    assert len(packets) == 0
    assert packets.truncated


def test_a_missing_file_is_broken_infrastructure(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_packets(tmp_path / "absent.webm")


def test_every_packet_of_an_equal_run_is_invalid() -> None:
    valid, run = run_ids(np.array([0, 33, 66, 66, 66, 100]))
    assert valid.tolist() == [True, True, False, False, False, True]
    assert run.tolist() == [0, 0, -1, -1, -1, 0]


def test_a_stamp_that_went_backwards_is_invalid() -> None:
    valid, _ = run_ids(np.array([0, 50, 40, 45, 60]))
    assert valid.tolist() == [True, True, False, False, True]


def test_a_gap_of_the_limit_keeps_the_run_and_one_more_breaks_it() -> None:
    assert run_ids(np.array([0, 500]))[1].tolist() == [0, 0]
    assert run_ids(np.array([0, 501]))[1].tolist() == [0, 1]


def test_no_packets_have_no_runs() -> None:
    valid, run = run_ids(np.zeros(0, dtype=np.int64))
    assert len(valid) == len(run) == 0
    assert longest_run_ms(np.zeros(0, dtype=np.int64), run) == 0


def test_the_longest_run_is_measured_in_time_not_in_frames() -> None:
    pts = np.array([0, 10, 20, 30, 5_000, 5_400, 5_800])
    assert longest_run_ms(pts, run_ids(pts)[1]) == 800


@given(STAMPS)
def test_valid_stamps_increase_and_runs_never_fall(pts: np.ndarray) -> None:
    valid, run = run_ids(pts)
    assert (np.diff(pts[valid]) > 0).all()
    steps = np.diff(run[valid])
    assert set(steps.tolist()) <= {0, 1}
    assert ((run == -1) == ~valid).all()


@given(STAMPS)
def test_run_ids_of_the_valid_stamps_are_the_same_again(pts: np.ndarray) -> None:
    valid, run = run_ids(pts)
    again_valid, again_run = run_ids(pts[valid])
    assert again_valid.all()
    assert (again_run == run[valid]).all()
    assert (number_runs(pts, valid) == run).all()


@given(RISING)
def test_runs_break_exactly_at_gaps_over_the_limit(pts: np.ndarray) -> None:
    valid, run = run_ids(pts, gap_ms=100)
    assert ((np.diff(pts[valid]) > 100) == (np.diff(run[valid]) == 1)).all()
