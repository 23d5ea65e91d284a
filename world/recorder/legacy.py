"""Version 1, as the reference's client really recorded.

The page's life is lived through in order, on one clock (`performance.now()`), and the logs follow
from it: mount, city loads, connection, first picture, recording starts, 500 ms later the car is
put at the scenario's start, the player drives, the recording stops, averages freeze, half a second
of sleep, uploads one by one while round trips go on being sampled. Whatever an estimator may rely
on (video.md, bounds U1 to L4) is true here because it was true there, not because it is written in.

The picture of game time T is received at T + round trip + pipeline latency; its PTS is the time of
its reception, except inside runs where the muxer repeated one value.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from scalediff_contract.bundle import (
    CameraSample,
    InputEvent,
    LatencyReport,
    LatencySummary,
    RttSample,
    ScenarioInfo,
    SessionMeta,
)
from scalediff_contract.sessions import REQUIRED_FILES, BundleFile
from world.camera.views import CameraPose
from world.recorder.drive import ARCADE_SPEED_UNIT, KEYS, Drive, Ticks, drive
from world.recorder.encode import Picture, encode_webm, plain_picture
from world.recorder.exact import CAMERA_HEIGHT_M, PLAIN_SIDE_PX, session_id_of, three_position
from world.recorder.paint import Painter
from world.recorder.spec import TRUTH_SCHEMA, GroundTruth, RecordedBundle, RecordingSpec

Floats = npt.NDArray[np.float64]
_SPAWN_AFTER_MS = 500.0
_SLEEP_MS = 500.0
_LOG_EVERY = 10
_WAITING_POSITION = (0.0, 5.0, 50.0)
_SPEED_WINDOW_MS = 200.0
_KEY_COMMAND = ((1, 1), (3, 2), (0, 3))  # A, D, W -> 1, 2, 3: the reference's leak


@dataclass(frozen=True, kw_only=True)
class Page:
    """When things happened on the page, ms of `performance.now()`.

    Attributes:
        time_origin_ms: Epoch ms at which `performance.now()` was 0.
        mounted_ms: The component mounted: session id, first animation frame.
        connected_ms: The peer connection was up; round trips are sampled from here on.
        initial_latency_ms: From connection to the first picture.
        recording_ms: `mediaRecorder.start()`.
        spawn_ms: The car is put at the scenario's start.
        stopped_ms: The recording stopped.
        ended_ms: After the sleep.
        hidden_ms: Half-open interval in which the tab was hidden; empty where it never was.
        frames_ms: `(N,)` animation frames.
    """

    time_origin_ms: float
    mounted_ms: float
    connected_ms: float
    initial_latency_ms: float
    recording_ms: float
    spawn_ms: float
    stopped_ms: float
    ended_ms: float
    hidden_ms: tuple[float, float]
    frames_ms: Floats


def record_legacy(spec: RecordingSpec) -> RecordedBundle:
    """Record a version 1 session, in its recorded or its documented JSON."""
    rng = np.random.default_rng([spec.seed, 17])
    page = live_page(spec, rng)
    driven = page.frames_ms[page.frames_ms >= page.spawn_ms]
    drove = drive(spec, driven, arcade=True)
    ticks = drove.ticks
    rtt_t_ms, rtt_ms = _round_trips(spec, page, rng)
    truth = _pictures_truth(spec, page, ticks, rtt_t_ms, rtt_ms, rng)

    documented = spec.layout == "documented"
    inputs, camera = _input_events(page, ticks, rng), _camera_samples(page, ticks, documented=documented)
    upload_ms = _uploads(page, rng)
    session_id = session_id_of(spec, int(page.time_origin_ms + page.mounted_ms))
    latency = _latency(page, rtt_t_ms, rtt_ms, upload_ms[BundleFile.LATENCY])
    files = {
        BundleFile.VIDEO: _video(spec, drove, truth),
        BundleFile.INPUTS: _dump(inputs, set()),
        BundleFile.CAMERA: _dump(camera, {"type"} if documented else set()),
        BundleFile.LATENCY: _dump([latency], set(), single=True),
        BundleFile.META: _dump(
            [_meta(spec, page, session_id, len(inputs) + len(camera), latency, upload_ms)], set(), single=True
        ),
    }
    return RecordedBundle(
        session_id=session_id, wallet=spec.wallet, files=files, upload_ms=upload_ms, truth=truth
    )


def live_page(spec: RecordingSpec, rng: np.random.Generator) -> Page:
    """Let the page live until its session has ended."""
    mounted = float(rng.uniform(400, 1_500))
    connected = mounted + float(rng.uniform(4_000, 9_000))
    initial_latency = float(rng.uniform(400, 1_500))
    recording = connected + initial_latency + float(rng.uniform(60, 140))
    stopped = recording + spec.duration_s * 1000
    hidden = (0.0, 0.0)
    if rng.random() < 0.55 and spec.duration_s >= 20:
        first = recording + spec.duration_s * 1000 * float(rng.uniform(0.5, 0.9))
        hidden = (first, min(first + float(rng.uniform(2_000, 5_000)), stopped - 300.0))
    slow = mounted + np.cumsum(rng.uniform(60, 160, 12))
    usual = float(rng.uniform(34, 52))
    rest = slow[-1] + np.cumsum(
        rng.normal(usual, usual * 0.08, int((stopped - mounted) / usual * 1.3)).clip(10)
    )
    frames = np.concatenate([slow, rest])
    frames = frames[(frames < stopped + _SLEEP_MS) & ~((frames >= hidden[0]) & (frames < hidden[1]))]
    return Page(
        time_origin_ms=float(int(spec.started_ms - recording)),
        mounted_ms=mounted,
        connected_ms=connected,
        initial_latency_ms=round(initial_latency, 1),
        recording_ms=recording,
        spawn_ms=recording + _SPAWN_AFTER_MS + float(rng.uniform(0, 15)),
        stopped_ms=stopped,
        ended_ms=stopped + _SLEEP_MS + float(rng.uniform(1, 12)),
        hidden_ms=hidden,
        frames_ms=frames,
    )


def _round_trips(spec: RecordingSpec, page: Page, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Samples about every 2 s, some missing, going on after the end."""
    times = np.arange(page.connected_ms + 2_000, page.ended_ms + 20_000, 2_000.0)
    times += rng.uniform(0, 90, len(times)).cumsum() * 0.2 + rng.uniform(0, 40, len(times))
    kept = rng.random(len(times)) >= 0.06
    kept[:1] = True
    rtts = np.rint(spec.rtt_ms + rng.exponential(spec.rtt_ms * 0.04, len(times)))
    return times[kept], rtts[kept]


def _pictures_truth(
    spec: RecordingSpec,
    page: Page,
    ticks: Ticks,
    rtt_t_ms: Floats,
    rtt_ms: Floats,
    rng: np.random.Generator,
) -> GroundTruth:
    """Which game time each frame of the video shows, and the PTS that the muxer wrote."""
    start = page.recording_ms + float(rng.uniform(1, 8))
    gaps = rng.uniform(70, 125, int(spec.duration_s * 1000 / 70))
    received = start + np.concatenate(([0.0], gaps.cumsum()))
    hidden = (received >= page.hidden_ms[0]) & (received < page.hidden_ms[1])
    received = received[(received < page.stopped_ms) & ~hidden]
    delay = np.interp(received, rtt_t_ms, rtt_ms) + spec.latency_ms + rng.normal(0, 8, len(received))
    game_t_ms = np.maximum.accumulate(received - delay)
    pts_ms, valid = _clamped(np.rint(received - start).astype(np.int64), rng)
    return GroundTruth(
        frames=_truth_frame(ticks, game_t_ms, pts_ms, valid),
        start_perf_ms=start,
        latency_ms=spec.latency_ms,
    )


def _clamped(
    pts_ms: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Two runs in which every packet carries the PTS of the run's last one."""
    pts_ms, valid = pts_ms.copy(), np.ones(len(pts_ms), np.bool_)
    for part in (0.35, 0.8):
        length = int(rng.integers(3, 7))
        first = int(len(pts_ms) * part) + int(rng.integers(0, 5))
        run = slice(first, min(first + length, len(pts_ms)))
        if pts_ms[run].size > 1:
            pts_ms[run], valid[run] = pts_ms[run][-1], False
    return pts_ms, valid


def _truth_frame(
    ticks: Ticks, game_t_ms: Floats, pts_ms: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_]
) -> pl.DataFrame:
    k = np.searchsorted(ticks.t_ms, game_t_ms, side="right") - 1
    spawned = k >= 0
    k = k.clip(0)

    def at(values: Floats, times: Floats) -> Floats:
        return np.interp(times, ticks.t_ms, values)

    early, late = game_t_ms - _SPEED_WINDOW_MS, game_t_ms + _SPEED_WINDOW_MS
    early, late = early.clip(ticks.t_ms[0]), late.clip(None, ticks.t_ms[-1])
    moved = np.hypot(at(ticks.x_m, late) - at(ticks.x_m, early), at(ticks.y_m, late) - at(ticks.y_m, early))
    speed = moved / np.maximum(late - early, 1.0) * 1000
    wait_x, wait_y = -_WAITING_POSITION[2], _WAITING_POSITION[0]
    held = {f"held_{key}": ticks.held[k, i] & spawned for i, key in enumerate(KEYS)}
    return (
        pl.DataFrame(
            {
                "frame_idx": np.arange(len(pts_ms)),
                "pts_ms": pts_ms,
                "pts_valid": valid,
                "game_t_ms": game_t_ms,
                "x_m": np.where(spawned, at(ticks.x_m, game_t_ms), wait_x),
                "y_m": np.where(spawned, at(ticks.y_m, game_t_ms), wait_y),
                "yaw_rad": np.where(spawned, at(ticks.yaw_rad, game_t_ms), 0.0),
                "speed_mps": np.where(spawned, speed, 0.0),
                "steer": ticks.steer[k],
                "throttle": ticks.throttle[k],
                "brake": ticks.brake[k],
                "command": ticks.command[k],
                **held,
            }
        )
        .with_columns(sim_frame=pl.lit(None, pl.Int64))
        .select(TRUTH_SCHEMA.names())
        .cast(TRUTH_SCHEMA)
    )


def _video(spec: RecordingSpec, drove: Drive, truth: GroundTruth) -> bytes:
    width, height = (spec.width_px, spec.height_px) if spec.video else (PLAIN_SIDE_PX, PLAIN_SIDE_PX)
    return encode_webm(
        _pictures(spec, drove, truth.frames),
        truth.frames["pts_ms"].to_list(),
        width_px=width,
        height_px=height,
        live=True,
    )


def _pictures(spec: RecordingSpec, drove: Drive, frames: pl.DataFrame) -> Iterator[Picture]:
    if not spec.video:
        yield from (plain_picture(PLAIN_SIDE_PX, PLAIN_SIDE_PX) for _ in range(len(frames)))
        return
    renderer = drove.town.renderer(width_px=spec.width_px, height_px=spec.height_px)
    painter = Painter(renderer, spec.seed, spec.width_px, spec.height_px, plain=False)
    rows = frames.select("game_t_ms", "x_m", "y_m", "yaw_rad").iter_rows()
    for n, (game_t_ms, x_m, y_m, yaw_rad) in enumerate(rows):
        k = max(0, int(np.searchsorted(drove.ticks.t_ms, game_t_ms, side="right")) - 1)
        pose = CameraPose(x_m=x_m, y_m=y_m, z_m=CAMERA_HEIGHT_M, yaw_rad=yaw_rad)
        yield painter.paint(pose, drove.moments[k], t_s=game_t_ms / 1000, grain=n, frame_id=None)


def _camera_samples(page: Page, ticks: Ticks, *, documented: bool) -> list[CameraSample]:
    """Every tenth animation frame from the mount on."""
    waiting = len(page.frames_ms) - len(ticks)
    samples = []
    for number in range(0, len(page.frames_ms), _LOG_EVERY):
        t_ms = float(page.frames_ms[number])
        if number < waiting:
            sample = CameraSample(t_ms=t_ms, position_m=_WAITING_POSITION, yaw_rad=0.0, speed_game=0.0)
            extras: dict[str, Any] = {"throttle": 0.0, "brake": 0.0, "steer": 0.0, "command": 4}
        else:
            k = number - waiting
            sample = CameraSample(
                t_ms=t_ms,
                position_m=three_position(float(ticks.x_m[k]), float(ticks.y_m[k]), CAMERA_HEIGHT_M),
                yaw_rad=-float(ticks.yaw_rad[k]),
                speed_game=float(ticks.speed_game[k]) / (ARCADE_SPEED_UNIT if documented else 1.0),
            )
            extras = {
                "throttle": float(ticks.throttle[k]),
                "brake": float(ticks.brake[k]),
                "steer": float(ticks.steer[k]),
                "command": next((c for key, c in _KEY_COMMAND if ticks.held[k, key]), 4),
            }
        samples.append(sample if documented else sample.model_copy(update=extras))
    return samples


def _input_events(page: Page, ticks: Ticks, rng: np.random.Generator) -> list[InputEvent]:
    """Key transitions a little before the animation frame that saw them, mouse moves, tab switches."""
    before = np.vstack([np.zeros(4, np.bool_), ticks.held[:-1]])
    events = [
        _key("control", True, page.mounted_ms + 900.0),
        _key("control", False, page.mounted_ms + 1_050.0),
    ]
    for k, key in np.argwhere(before != ticks.held):
        earlier = float(rng.uniform(0.2, 18.0))
        events.append(_key(KEYS[key], bool(ticks.held[k, key]), float(ticks.t_ms[k]) - earlier))
    for k in np.flatnonzero(ticks.mouse_dx_px):
        t_ms = round(float(ticks.t_ms[k]) - 4.0, 1)
        events.append(InputEvent(t_ms=t_ms, type="mouse", dx_px=float(ticks.mouse_dx_px[k]), dy_px=0.0))
    if page.hidden_ms[1] > page.hidden_ms[0]:
        events += [
            _key("control", True, page.hidden_ms[0] - 200.0),
            _key("control", False, page.hidden_ms[1] + 40.0),
        ]
    # The debug key's keydown is swallowed by its handler: an orphan keyup.
    events.append(_key("p", False, page.spawn_ms + 1_200.0))
    return sorted(events, key=lambda event: event.t_ms)


def _key(key: str, down: bool, t_ms: float) -> InputEvent:
    return InputEvent(t_ms=round(t_ms, 1), type="keydown" if down else "keyup", key=key)


def _uploads(page: Page, rng: np.random.Generator) -> dict[BundleFile, int]:
    """Epoch ms by the server's clock at which each upload URL was signed."""
    at = page.time_origin_ms + page.ended_ms
    signed = {}
    for file in REQUIRED_FILES:
        at += float(rng.uniform(400, 2_500))
        signed[file] = int(at + rng.uniform(60, 160))
    return signed


def _latency(page: Page, rtt_t_ms: Floats, rtt_ms: Floats, signed_ms: int) -> LatencyReport:
    """The mean froze at the end of the recording; the samples are written out when they are uploaded."""
    frozen = rtt_t_ms <= page.stopped_ms + _SLEEP_MS
    written = rtt_t_ms + page.time_origin_ms <= signed_ms - 170
    return LatencyReport(
        initial_latency_ms=page.initial_latency_ms,
        avg_rtt_ms=float(np.mean(rtt_ms[frozen])),
        rtt_samples=tuple(
            RttSample(t_ms=float(t), rtt_ms=float(rtt))
            for t, rtt in zip(rtt_t_ms[written | frozen], rtt_ms[written | frozen], strict=True)
        ),
    )


def _meta(
    spec: RecordingSpec,
    page: Page,
    session_id: str,
    events: int,
    latency: LatencyReport,
    upload_ms: dict[BundleFile, int],
) -> SessionMeta:
    started = int(page.time_origin_ms + page.recording_ms + 1)
    ended = int(page.time_origin_ms + page.ended_ms)
    return SessionMeta(
        session_id=session_id,
        wallet=spec.wallet,
        prompt="new york city realistic buildings, streets, and urban texture",
        duration_ms=float(ended - started),
        event_count=events,
        started_ms=started,
        ended_ms=ended,
        scenario=ScenarioInfo(
            id=spec.scenario_id, name=spec.scenario_id.replace("-", " ").title(), type="free"
        ),
        latency_summary=LatencySummary(
            initial_latency_ms=latency.initial_latency_ms, avg_rtt_ms=latency.avg_rtt_ms
        ),
        uploaded_at=f"epoch+{upload_ms[BundleFile.META]}ms",
    )


def _dump(rows: list[Any], leave_out: set[str], *, single: bool = False) -> bytes:
    dumped = [row.model_dump(by_alias=True, exclude_none=True, exclude=leave_out or None) for row in rows]
    for row in dumped:
        if row.get("schemaVersion") == 1:
            # Version 1 has no such fields; they are defaults of the shared model.
            del row["schemaVersion"], row["files"]
        if not row.get("frames", True):
            del row["frames"]
    return json.dumps(dumped[0] if single else dumped).encode()
