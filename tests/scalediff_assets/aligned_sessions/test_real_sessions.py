"""Recordings of real players, where this checkout has them beside it."""

import json
from pathlib import Path

import polars as pl
import pytest

from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.clock import StartEstimate, estimate_start
from scalediff_assets.aligned_sessions.flow import flow_signal
from scalediff_assets.aligned_sessions.legacy import legacy_clocks
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.aligned_sessions.times import Rejection
from scalediff_assets.raw_sessions.bundle import Bundle, parse_bundle
from scalediff_assets.schemas import ALIGNMENTS, FRAMES, AlignedSessions
from scalediff_contract.sessions import BundleFile

REAL = Path(__file__).parents[3] / ".." / "shared" / "real_sessions"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="no real sessions beside this checkout")


def load(name: str) -> tuple[Bundle, int]:
    """The bundle and the upload time of its latency file."""
    found = {file: next(REAL.glob(f"*_{name}{file.value}"), None) for file in BundleFile}
    files = {file: path.read_bytes() for file, path in found.items() if path is not None}
    meta = json.loads(files[BundleFile.META])
    latency = found[BundleFile.LATENCY]
    assert latency is not None
    return parse_bundle(meta["sessionId"], meta["walletAddress"], files), int(latency.name[:13])


def start_of(name: str) -> StartEstimate:
    clocks = legacy_clocks(*load(name))
    assert not isinstance(clocks, Rejection)
    start = estimate_start(clocks)
    assert isinstance(start, StartEstimate)
    return start


def tp5owb(*, refine: bool = False) -> AlignedSessions:
    bundle, upload_ms = load("tp5owb")
    video = next(REAL.glob("*_tp5owb.webm"))
    flow = flow_signal(video) if refine else None
    return align_session(bundle, read_packets(video), latency_upload_ms=upload_ms, flow=flow)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("tp5owb", 25_332, 27_022), ("tmxai2", 17_354, 19_230), ("lm97go", 190_311, 190_616)],
)
def test_the_start_lies_in_the_interval_found_by_hand(name: str, low: float, high: float) -> None:
    start = start_of(name)
    assert low - 1 <= start.lo_ms <= start.point_ms <= start.hi_ms <= high + 1


def test_the_recording_with_a_video_is_aligned_to_its_metadata_interval() -> None:
    made = tp5owb()
    session = made.sessions.row(0, named=True)
    assert ALIGNMENTS.problems(made.sessions) == FRAMES.problems(made.frames) == []
    assert (session["verdict"], session["align_method"]) == ("valid", "meta_interval")
    assert 500 < session["start_uncertainty_ms"] < 1_200
    assert (session["frames"], session["valid_frames"]) == (147, 114)


def test_its_clamped_and_runaway_frames_have_no_time() -> None:
    frames = tp5owb().frames
    assert not frames.filter(pl.col("pts_ms") > 60_000)["pts_valid"].any()
    assert not frames.filter(pl.col("pts_ms").is_duplicated())["pts_valid"].any()
    spans = frames.filter(pl.col("run_id") >= 0).group_by("run_id").agg(pl.col("pts_ms").max()).sort("run_id")
    assert spans["pts_ms"].to_list() == [6_032, 13_810, 27_088]


def test_its_spawn_is_a_teleport_and_its_heading_is_that_of_its_motion() -> None:
    frames = tp5owb().frames
    assert frames.filter("teleport").height > 0
    assert frames.filter("teleport")["x_m"].null_count() == frames.filter("teleport").height
    moving = frames.filter((pl.col("speed_mps") > 3) & (pl.col("run_id") == 1))
    step = moving.select(pl.col("x_m", "y_m", "yaw_rad").diff()).drop_nulls()
    assert step.height > 20
    assert (step["x_m"] < 0).all() and (step["y_m"].abs() < step["x_m"].abs()).all()
    assert (moving["yaw_rad"] + 3.14159).abs().max() < 0.2  # type: ignore[operator]


def test_its_even_drive_does_not_pass_the_gates_of_the_picture() -> None:
    assert tp5owb(refine=True).sessions["align_method"].item() == "meta_interval"
