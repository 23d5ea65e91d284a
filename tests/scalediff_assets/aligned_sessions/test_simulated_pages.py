"""Legacy clocks against 200 simulated pages: drawn frame by frame, with hidden tabs and late timers.

The page behaves as the reference's does: it draws at 18 to 29 frames per second, logs every tenth
frame, stops drawing and logging in a hidden tab, samples the round trip every 2 s whether hidden or
not, freezes its mean at the end and goes on sampling.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from scalediff_assets.aligned_sessions.clock import StartEstimate, estimate_start
from scalediff_assets.aligned_sessions.legacy import legacy_clocks
from scalediff_assets.aligned_sessions.pose import PoseTrack, poses_at
from scalediff_assets.aligned_sessions.times import Rejection
from scalediff_assets.raw_sessions.bundle import CAMERA_SCHEMA, INPUTS_SCHEMA, Bundle
from scalediff_contract.bundle import LatencyReport, RttSample, SessionMeta

EPOCH_MS = 1_769_936_000_000.4


@dataclass(frozen=True, kw_only=True)
class Page:
    """A bundle with its truth: start, and the car at every drawn frame."""

    bundle: Bundle
    upload_ms: int
    start_ms: float
    drawn_t_ms: np.ndarray
    heading_rad: np.ndarray
    path_m: np.ndarray


def drawn_frames(rng: np.random.Generator, mount_ms: float, end_ms: float) -> tuple[np.ndarray, list[float]]:
    """Times of the drawn frames, and of the key presses that hid the tab."""
    steps = rng.gamma(12, 1000 / rng.uniform(18, 29) / 12, 6_000)
    t_ms = mount_ms + 30 + np.cumsum(steps)
    hides = []
    for _ in range(rng.integers(0, 3)):
        at = rng.uniform(mount_ms + 1_000, end_ms)
        hides.append(at)
        t_ms = np.where(t_ms > at, t_ms + rng.uniform(1_500, 12_000), t_ms)
    return t_ms[t_ms < end_ms], hides


def drive(rng: np.random.Generator, t_ms: np.ndarray, spawn_ms: float) -> dict[str, np.ndarray]:
    """A smooth drive after the spawn: physics steps once per drawn frame, as the reference's do."""
    frame = np.arange(len(t_ms))
    step_m = 0.35 + 0.2 * np.sin(frame / rng.uniform(90, 200))
    turn = 0.006 * np.sin(frame / rng.uniform(40, 90)) + rng.choice([-1, 0, 1]) * 0.002
    parked = t_ms < spawn_ms
    step_m[parked] = 0
    heading = np.cumsum(np.where(parked, 0, turn))
    return {
        "forward": np.cumsum(step_m * np.cos(heading)) + np.where(parked, -50, 530),
        "right": np.cumsum(step_m * np.sin(heading)) + np.where(parked, 0, -229),
        "height": np.where(parked, 5.0, 1.6),
        "heading": heading,
        "path": np.cumsum(step_m),
    }


def round_trips(rng: np.random.Generator, start_ms: float, end_ms: float) -> tuple[LatencyReport, float]:
    """The report, and when its last sample was taken."""
    initial_ms = rng.uniform(500, 900)
    first_ms = start_ms - rng.uniform(50, 100) - initial_ms + rng.uniform(0, 2_000)
    t_ms = np.arange(first_ms, end_ms + rng.uniform(0, 25_000), 2_000) + rng.uniform(0, 40)
    t_ms = t_ms[(rng.random(len(t_ms)) > 0.1) | (np.arange(len(t_ms)) == 0)]
    values = np.rint(rng.uniform(30, 350) + rng.gamma(1, 4, len(t_ms)))
    report = LatencyReport(
        initial_latency_ms=initial_ms,
        avg_rtt_ms=float(values[t_ms <= end_ms].mean()),
        rtt_samples=tuple(
            RttSample(t_ms=t, rtt_ms=v) for t, v in zip(t_ms.tolist(), values.tolist(), strict=True)
        ),
    )
    return report, float(t_ms[-1])


def simulate(seed: int) -> Page:
    rng = np.random.default_rng(seed)
    mount_ms = rng.uniform(500, 3_000)
    start_ms = mount_ms + rng.uniform(3_000, 16_000)
    end_ms = start_ms + rng.uniform(25_000, 60_000) + 500 + rng.uniform(0, 60)
    t_ms, hides = drawn_frames(rng, mount_ms, end_ms)
    spawn_ms = start_ms + 500 + rng.exponential(20)
    car = drive(rng, t_ms, spawn_ms)
    logged = slice(9, None, 10)
    camera = pl.DataFrame(
        {
            "t_ms": t_ms[logged],
            "pos_x": car["right"][logged],
            "pos_y": car["height"][logged],
            "pos_z": -car["forward"][logged],
            "yaw": -car["heading"][logged],
            "speed_game": np.full(len(t_ms[logged]), 12.0),
        }
    )
    presses = pl.DataFrame(
        {"t_ms": hides, "kind": "keydown", "key": "control"}, schema_overrides={"t_ms": pl.Float64}
    )
    latency, last_sample_ms = round_trips(rng, start_ms, end_ms)
    session_id = f"session_{int(EPOCH_MS + mount_ms)}_abc123"
    bundle = Bundle(
        session_id=session_id,
        wallet="wallet",
        schema_version=1,
        meta=SessionMeta(
            session_id=session_id,
            wallet="wallet",
            started_ms=int(EPOCH_MS + start_ms),
            ended_ms=int(EPOCH_MS + end_ms),
        ),
        latency=latency,
        inputs=pl.concat([INPUTS_SCHEMA.to_frame(), presses], how="diagonal").sort("t_ms"),
        camera=pl.concat([CAMERA_SCHEMA.to_frame(), camera], how="diagonal"),
    )
    upload_ms = int(EPOCH_MS + max(last_sample_ms, end_ms) + rng.uniform(100, 900))
    return Page(
        bundle=bundle,
        upload_ms=upload_ms,
        start_ms=start_ms,
        drawn_t_ms=t_ms,
        heading_rad=car["heading"],
        path_m=car["path"],
    )


def estimate(page: Page) -> StartEstimate:
    clocks = legacy_clocks(page.bundle, page.upload_ms)
    assert not isinstance(clocks, Rejection)
    start = estimate_start(clocks)
    assert isinstance(start, StartEstimate), start.detail
    return start


def test_the_true_start_of_200_pages_lies_inside_the_interval() -> None:
    pages = [simulate(seed) for seed in range(200)]
    starts = [estimate(page) for page in pages]
    missed = [
        (seed, start, page.start_ms)
        for seed, (start, page) in enumerate(zip(starts, pages, strict=True))
        if not start.lo_ms - 1 <= page.start_ms <= start.hi_ms + 1  # Date.now() counts whole ms
    ]
    assert missed == []
    errors_ms = [abs(start.point_ms - page.start_ms) for start, page in zip(starts, pages, strict=True)]
    assert np.median(errors_ms) < 300
    assert {start.method for start in starts} == {"meta_endanchor", "meta_interval"}


@pytest.mark.parametrize("seed", range(8))
def test_heading_and_speed_between_samples_are_those_of_the_car(seed: int) -> None:
    page = simulate(seed)
    poses = poses_at(
        PoseTrack.from_camera(page.bundle.camera), page.drawn_t_ms, np.ones(len(page.drawn_t_ms), np.bool_)
    )
    assert poses is not None
    before, after = (
        np.interp(page.drawn_t_ms + shift, page.drawn_t_ms, page.path_m) for shift in (-150, 150)
    )
    speed = (after - before) / 0.3
    moving = poses.known & (speed > 1)
    heading = np.abs(poses.yaw_rad - page.heading_rad)[moving]
    assert moving.sum() > 100
    assert np.median(heading) < np.deg2rad(1)
    assert np.median(poses.speed_mps[moving] / speed[moving]) == pytest.approx(1, abs=0.02)
