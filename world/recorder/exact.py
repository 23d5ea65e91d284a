"""Version 2: every tick is logged, every frame of the video carries the tick's id.

The recorded stream is the one after painting: frame n was rendered at one tick, painted far away
and received `latency` later; its PTS is the time it was received. Some source frames are lost on
the way. Which packet shows which tick is in `latency.frames` and, as a stamp, in the picture.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, TypeAdapter

from scalediff_contract.bundle import (
    CameraSampleV2,
    ClientInfo,
    FileInfo,
    FileLabel,
    FrameLink,
    InputEventV2,
    LatencyReportV2,
    LatencySummary,
    NtpEstimate,
    PipelineLatency,
    RttSample,
    ScenarioInfoV2,
    SessionClock,
    SessionMetaV2,
    VideoInfo,
)
from scalediff_contract.sessions import BundleFile
from world.camera.views import CameraPose
from world.recorder.drive import KEYS, Drive, Ticks, drive
from world.recorder.encode import Picture, encode_webm, plain_picture
from world.recorder.hallucinate import seen_by_game, seen_by_painter
from world.recorder.paint import Painter
from world.recorder.spec import (
    TRUTH_SCHEMA,
    UPLOAD_ORDER,
    GroundTruth,
    RecordedBundle,
    RecordingSpec,
)

CAMERA_HEIGHT_M = 1.6
PLAIN_SIDE_PX = 64
_JITTER_MS = 12.0
_RTP_HZ = 90
_KEYFRAME_EVERY = 60


def record_exact(spec: RecordingSpec) -> RecordedBundle:
    """Record a version 2 session."""
    rng = np.random.default_rng([spec.seed, 11])
    count = int(spec.duration_s * spec.fps)
    driven = drive(spec, np.arange(count) * 1000 / spec.fps)
    ticks = driven.ticks
    anchor_ms = round(float(rng.uniform(3_000, 9_000)), 1)
    recorder_start_ms = anchor_ms + 12.0
    shown, received_ms = _received(spec, ticks, rng)
    pts_us = np.rint((anchor_ms + received_ms - recorder_start_ms) * 1000).astype(np.int64)
    pts_ms = np.rint(pts_us / 1000).astype(np.int64)

    files = {BundleFile.VIDEO: _video(spec, driven, shown, pts_ms, plain=False)}
    if spec.source_video:
        source_pts_ms = np.rint(ticks.t_ms).astype(np.int64)
        files[BundleFile.SOURCE_VIDEO] = _video(spec, driven, np.arange(count), source_pts_ms, plain=True)
    files[BundleFile.INPUTS] = _dump(input_events(ticks, anchor_ms, spec, rng))
    files[BundleFile.CAMERA] = _dump(camera_samples(ticks, anchor_ms))
    latency = _latency(spec, ticks, shown, received_ms, pts_us, anchor_ms, rng)
    files[BundleFile.LATENCY] = _json(latency)
    session_id = session_id_of(spec, spec.started_ms)
    files[BundleFile.META] = _json(_meta(spec, driven, session_id, files, latency, pts_ms, anchor_ms))
    truth = GroundTruth(
        frames=_truth(ticks, shown, pts_ms, anchor_ms),
        start_perf_ms=recorder_start_ms,
        latency_ms=float(np.median(received_ms - ticks.t_ms[shown])),
    )
    ended_ms = spec.started_ms + int(spec.duration_s * 1000)
    upload_ms = {file: ended_ms + 700 * number for number, file in enumerate(UPLOAD_ORDER, start=1)}
    return RecordedBundle(
        session_id=session_id, wallet=spec.wallet, files=files, upload_ms=upload_ms, truth=truth
    )


def session_id_of(spec: RecordingSpec, mounted_ms: int) -> str:
    """The spec's own, or `session_{13 digits}_{6 of base 36}`, derived from the spec."""
    if spec.session_id is not None:
        return spec.session_id
    digest = hashlib.sha256(f"{spec.seed}/{spec.wallet}/{spec.layout}".encode()).hexdigest()
    return f"session_{mounted_ms:013d}_{digest[:6]}"


def _received(
    spec: RecordingSpec, ticks: Ticks, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Which ticks came back painted, and when; in order, at least 1 ms apart."""
    shown = np.flatnonzero(rng.random(len(ticks)) >= spec.lost_share)
    delay_ms = spec.latency_ms + rng.normal(0, _JITTER_MS, len(shown))
    arrival = np.maximum.accumulate(ticks.t_ms[shown] + delay_ms)
    return shown, np.maximum.accumulate(arrival - np.arange(len(shown)) * 1.5) + np.arange(len(shown)) * 1.5


def _video(
    spec: RecordingSpec,
    driven: Drive,
    shown: npt.NDArray[np.int64],
    pts_ms: npt.NDArray[np.int64],
    *,
    plain: bool,
) -> bytes:
    width, height = (spec.width_px, spec.height_px) if spec.video else (PLAIN_SIDE_PX, PLAIN_SIDE_PX)
    return encode_webm(
        _pictures(spec, driven, shown, plain=plain),
        pts_ms.tolist(),
        width_px=width,
        height_px=height,
        live=False,
        keyframe_every=_KEYFRAME_EVERY,
    )


def _pictures(
    spec: RecordingSpec, driven: Drive, shown: npt.NDArray[np.int64], *, plain: bool
) -> Iterator[Picture]:
    if not spec.video:
        yield from (plain_picture(PLAIN_SIDE_PX, PLAIN_SIDE_PX) for _ in shown)
        return
    renderer = driven.town.renderer(width_px=spec.width_px, height_px=spec.height_px)
    painter = Painter(renderer, spec.seed, spec.width_px, spec.height_px, plain=plain)
    ticks = driven.ticks
    for k in shown.tolist():
        pose = CameraPose(
            x_m=float(ticks.x_m[k]),
            y_m=float(ticks.y_m[k]),
            z_m=CAMERA_HEIGHT_M,
            yaw_rad=float(ticks.yaw_rad[k]),
        )
        sees = seen_by_game if plain else seen_by_painter
        pose, moment = sees(spec.hallucination, k / len(ticks), pose, driven.moments[k])
        yield painter.paint(pose, moment, t_s=float(ticks.t_ms[k]) / 1000, grain=k, frame_id=k)


def input_events(
    ticks: Ticks, anchor_ms: float, spec: RecordingSpec, rng: np.random.Generator
) -> list[InputEventV2]:
    """Key transitions, each a little before the tick that consumed it."""
    before = np.vstack([np.zeros(4, np.bool_), ticks.held[:-1]])
    tick_ms = 1000 / spec.fps
    events = []
    for k, key in np.argwhere(before != ticks.held):
        t_ms = anchor_ms + ticks.t_ms[k] - float(rng.uniform(0.5, min(tick_ms, 20.0) - 0.5))
        events.append(_key(KEYS[key], bool(ticks.held[k, key]), t_ms, int(k)))
    if spec.driver == "spam":
        events += _spam(ticks, anchor_ms, rng)
    return sorted(events, key=lambda event: (event.t_ms, event.frame))


def _spam(ticks: Ticks, anchor_ms: float, rng: np.random.Generator) -> list[InputEventV2]:
    """Bursts of taps that no hand can make: 2 ms apart, between two ticks."""
    events = []
    for k in rng.choice(np.arange(2, len(ticks)), len(ticks) // 4, replace=False).tolist():
        first_ms = anchor_ms + ticks.t_ms[k] - 20.0
        if not ticks.held[k - 1, 3] and not ticks.held[k, 3]:
            events += [_key("d", tap % 2 == 0, first_ms + 2.0 * tap, k) for tap in range(8)]
    return events


def _key(key: str, down: bool, t_ms: float, frame: int) -> InputEventV2:
    return InputEventV2(
        t_ms=round(t_ms, 3),
        type="keydown" if down else "keyup",
        key=key,
        code=f"Key{key.upper()}",
        frame=frame,
    )


def camera_samples(ticks: Ticks, anchor_ms: float) -> list[CameraSampleV2]:
    """One row per tick, in three.js axes."""
    keys = ticks.held @ np.array([1, 2, 4, 8])
    return [
        CameraSampleV2(
            t_ms=anchor_ms + float(ticks.t_ms[k]),
            position_m=three_position(float(ticks.x_m[k]), float(ticks.y_m[k]), CAMERA_HEIGHT_M),
            yaw_rad=-float(ticks.yaw_rad[k]),
            speed_game=float(ticks.speed_mps[k]),
            throttle=float(ticks.throttle[k]),
            brake=float(ticks.brake[k]),
            steer=float(ticks.steer[k]),
            command=int(ticks.command[k]),
            frame=k,
            held_keys=int(keys[k]),
        )
        for k in range(len(ticks))
    ]


def three_position(x_m: float, y_m: float, height_m: float) -> tuple[float, float, float]:
    """CARLA's X, Y as three.js `[x, y up, z]`: X = -z, Y = x."""
    return (y_m, height_m, -x_m)


def _latency(
    spec: RecordingSpec,
    ticks: Ticks,
    shown: npt.NDArray[np.int64],
    received_ms: npt.NDArray[np.float64],
    pts_us: npt.NDArray[np.int64],
    anchor_ms: float,
    rng: np.random.Generator,
) -> LatencyReportV2:
    times = np.arange(500.0, spec.duration_s * 1000, 2000.0) + anchor_ms
    rtts = np.rint(spec.rtt_ms + rng.normal(0, 3, len(times))).clip(1)
    delays = received_ms - ticks.t_ms[shown]
    first_rtp = int(rng.integers(2**31))
    return LatencyReportV2(
        initial_latency_ms=round(float(rng.uniform(400, 900)), 1),
        avg_rtt_ms=float(np.mean(rtts)),
        rtt_samples=tuple(
            RttSample(t_ms=float(t), rtt_ms=float(rtt)) for t, rtt in zip(times, rtts, strict=True)
        ),
        frames=tuple(
            FrameLink(
                n=n, pts_us=int(us), src_frame=int(k), rtp=(first_rtp + int(us) * _RTP_HZ // 1000) % 2**32
            )
            for n, (us, k) in enumerate(zip(pts_us, shown, strict=True))
        ),
        source_frames=_source_links(ticks) if spec.source_video and spec.source_log else (),
        pipeline_latency=PipelineLatency(
            p50_ms=float(np.percentile(delays, 50)), p95_ms=float(np.percentile(delays, 95))
        ),
    )


def _source_links(ticks: Ticks) -> tuple[FrameLink, ...]:
    """The recording before painting holds every tick, at its own time."""
    return tuple(
        FrameLink(n=k, pts_us=round(float(t_ms) * 1000), src_frame=k, rtp=None)
        for k, t_ms in enumerate(ticks.t_ms)
    )


def _meta(
    spec: RecordingSpec,
    driven: Drive,
    session_id: str,
    files: dict[BundleFile, bytes],
    latency: LatencyReportV2,
    pts_ms: npt.NDArray[np.int64],
    anchor_ms: float,
) -> SessionMetaV2:
    info: dict[FileLabel, FileInfo] = {
        cast(FileLabel, file.label): FileInfo(
            size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
        )
        for file, content in files.items()
    }
    rows = sum(len(json.loads(files[file])) for file in (BundleFile.INPUTS, BundleFile.CAMERA))
    return SessionMetaV2(
        session_id=session_id,
        wallet=spec.wallet,
        prompt="new york city realistic buildings, streets, and urban texture",
        duration_ms=float(round(spec.duration_s * 1000)),
        event_count=rows,
        started_ms=spec.started_ms,
        ended_ms=spec.started_ms + round(spec.duration_s * 1000),
        scenario=ScenarioInfoV2(
            id=spec.scenario_id,
            name=spec.scenario_id.replace("-", " ").title(),
            type="free" if driven.outcome is None else "staged",
            result=_result(driven),
            collisions=driven.collisions,
        ),
        latency_summary=LatencySummary(
            initial_latency_ms=latency.initial_latency_ms, avg_rtt_ms=latency.avg_rtt_ms
        ),
        clock=SessionClock(
            time_origin_ms=spec.started_ms - anchor_ms,
            anchor_ms=anchor_ms,
            recorder_start_ms=anchor_ms + 12.0,
            ntp=NtpEstimate(offset_ms=0.0, min_rtt_ms=spec.rtt_ms, exchanges=8),
        ),
        video=VideoInfo(
            codec="vp8",
            width_px=spec.width_px if spec.video else PLAIN_SIDE_PX,
            height_px=spec.height_px if spec.video else PLAIN_SIDE_PX,
            frames=len(pts_ms),
            duration_ms=float(pts_ms[-1]),
            sha256=info["video"].sha256,
        ),
        files=info,
        client=ClientInfo(version="generated"),
    )


def _result(driven: Drive) -> Literal["success", "failure", "timeout"]:
    """The scenario's outcome; a free drive succeeds without a collision."""
    if driven.outcome is None:
        return "failure" if driven.collisions else "success"
    outcomes: dict[str, Literal["success", "failure", "timeout"]] = {
        "won": "success",
        "lost": "failure",
        "timeout": "timeout",
    }
    return outcomes[driven.outcome]


def _truth(
    ticks: Ticks, shown: npt.NDArray[np.int64], pts_ms: npt.NDArray[np.int64], anchor_ms: float
) -> pl.DataFrame:
    held = {f"held_{key}": ticks.held[shown, i] for i, key in enumerate(KEYS)}
    return pl.DataFrame(
        {
            "frame_idx": np.arange(len(shown)),
            "sim_frame": shown,
            "pts_ms": pts_ms,
            "pts_valid": np.ones(len(shown), np.bool_),
            "game_t_ms": anchor_ms + ticks.t_ms[shown],
            "x_m": ticks.x_m[shown],
            "y_m": ticks.y_m[shown],
            "yaw_rad": ticks.yaw_rad[shown],
            "speed_mps": ticks.speed_mps[shown],
            "steer": ticks.steer[shown],
            "throttle": ticks.throttle[shown],
            "brake": ticks.brake[shown],
            "command": ticks.command[shown],
            **held,
        }
    ).cast(TRUTH_SCHEMA)


def _dump(rows: list[Any]) -> bytes:
    return TypeAdapter(list[Any]).dump_json(
        [row.model_dump(by_alias=True, exclude_none=True) for row in rows]
    )


def _json(model: BaseModel) -> bytes:
    return json.dumps(model.model_dump(by_alias=True, exclude_none=True)).encode()
