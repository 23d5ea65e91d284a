"""Small hand-made sessions whose truth is plain arithmetic."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from scalediff_assets.aligned_sessions.packets import Packets
from scalediff_assets.raw_sessions.bundle import CAMERA_SCHEMA, INPUTS_SCHEMA, Bundle
from scalediff_contract.bundle import FrameLink, LatencyReport, RttSample, SessionClock, SessionMeta

PAGE_EPOCH_MS = 1_769_936_000_000
START_PERF_MS = 6_000.0
SPEED_MPS = 10.0
RTT_MS = 300.0

PacketsAt = Callable[..., Packets]
MakeBundle = Callable[..., Bundle]


@pytest.fixture(scope="session")
def packets_at() -> PacketsAt:
    def make(pts_ms: Any, *, truncated: bool = False) -> Packets:
        pts = np.asarray(pts_ms, dtype=np.int64)
        ones = np.ones(len(pts), dtype=np.int64)
        return Packets(pts_ms=pts, keyframe=ones == 1, size_bytes=ones, truncated=truncated)

    return make


def inputs_frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=INPUTS_SCHEMA)


def camera_frame(t_ms: Any, **columns: Any) -> pl.DataFrame:
    """A car that drives along three.js' -Z (world +X) at 10 m/s from the origin at t = 0."""
    t = np.asarray(t_ms, dtype=np.float64)
    given = {
        "t_ms": t,
        "pos_x": np.zeros(len(t)),
        "pos_y": np.full(len(t), 1.6),
        "pos_z": -SPEED_MPS * t / 1000.0,
        "yaw": np.zeros(len(t)),
        "speed_game": np.full(len(t), 18.0),
    }
    given |= columns
    return pl.DataFrame({name: given.get(name) for name in CAMERA_SCHEMA}, schema=CAMERA_SCHEMA)


@pytest.fixture(scope="session")
def legacy_bundle() -> MakeBundle:
    """A visible session of 20 s, 0.5 s of sleep after it; recording starts at 6 s of page time."""

    def make(
        *,
        camera: pl.DataFrame | None = None,
        inputs: list[dict[str, Any]] | None = None,
        rtt: LatencyReport | None = None,
        **meta: Any,
    ) -> Bundle:
        samples = tuple(RttSample(t_ms=t, rtt_ms=RTT_MS + (t % 3)) for t in range(5_500, 29_000, 2_000))
        frozen = [sample.rtt_ms for sample in samples if sample.t_ms < 26_500]
        default_rtt = LatencyReport(
            initial_latency_ms=600.0, avg_rtt_ms=float(np.mean(frozen)), rtt_samples=samples
        )
        session_id = f"session_{PAGE_EPOCH_MS + 1_500}_abc123"
        fields: dict[str, Any] = {
            "session_id": session_id,
            "wallet": "wallet",
            "started_ms": PAGE_EPOCH_MS + 6_000,
            "ended_ms": PAGE_EPOCH_MS + 26_500,
            "duration_ms": 20_500.0,
        }
        return Bundle(
            session_id=session_id,
            wallet="wallet",
            schema_version=1,
            meta=SessionMeta(**(fields | meta)),
            latency=default_rtt if rtt is None else rtt,
            inputs=inputs_frame(inputs or []),
            camera=camera_frame(np.arange(2_000, 26_400, 250)) if camera is None else camera,
        )

    return make


@pytest.fixture(scope="session")
def exact_bundle() -> MakeBundle:
    """A version 2 session: a tick every 50 ms, frame id = tick, a packet 100 ms after its tick."""

    def make(
        *, ticks: int = 100, links: list[tuple[int, int, int | None, None]] | None = None, **columns: Any
    ) -> Bundle:
        tick = np.arange(ticks)
        given = {
            "frame": tick,
            "steer": np.sin(tick),
            "throttle": np.full(ticks, 0.5),
            "brake": np.zeros(ticks),
            "command": 1 + tick % 4,
        }
        inputs = columns.pop("inputs", [])
        camera = camera_frame(START_PERF_MS - 100 + tick * 50.0, **(given | columns))
        rows = [(n, n * 50_000, n, None) for n in range(ticks)] if links is None else links
        session_id = f"session_{PAGE_EPOCH_MS}_abc123"
        clock = SessionClock(
            time_origin_ms=float(PAGE_EPOCH_MS), anchor_ms=START_PERF_MS, recorder_start_ms=START_PERF_MS
        )
        meta = SessionMeta(session_id=session_id, wallet="wallet", schema_version=2, clock=clock)
        latency = LatencyReport(frames=tuple(FrameLink(*row) for row in rows))
        return Bundle(
            session_id=session_id,
            wallet="wallet",
            schema_version=2,
            meta=meta,
            latency=latency,
            inputs=inputs_frame(inputs),
            camera=camera,
        )

    return make
