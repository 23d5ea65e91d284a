"""Timing by the clock: start estimate, round trip and pipeline delay make game time.

A game event at T is seen at T + rtt(T) + D; frame PTS p was received at start + p. So game time =
p + start - rtt - D, or p + delta where the picture itself gave the delay.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from scalediff_assets.aligned_sessions.clock import (
    TAB_SWITCH_KEYS,
    Contradiction,
    LegacyClocks,
    StartEstimate,
    clock_lost_from,
    estimate_start,
)
from scalediff_assets.aligned_sessions.flow import ContentMatch, FlowSignal, match_content
from scalediff_assets.aligned_sessions.packets import Floats, Packets, number_runs, run_ids
from scalediff_assets.aligned_sessions.times import AlignOptions, ClockSummary, FrameTimes, Rejection
from scalediff_assets.raw_sessions.bundle import Bundle
from scalediff_contract.reasons import Reason

_CONFIDENCE_HALVES_AT_MS = 500.0


@dataclass(frozen=True, kw_only=True)
class _RoundTrip:
    """The sampled round trip, or what stands in for it."""

    t_ms: Floats
    rtt_ms: Floats
    sampled: bool
    doubt_ms: float

    def at(self, t_ms: Floats) -> Floats:
        """Linear between samples, flat outside them."""
        values: Floats = np.interp(t_ms, self.t_ms, self.rtt_ms)
        return values


def estimate_times(
    bundle: Bundle,
    packets: Packets,
    *,
    latency_upload_ms: int | None,
    options: AlignOptions,
    flow: FlowSignal | None,
) -> FrameTimes | Rejection:
    """Estimate every frame's game time.

    Args:
        bundle: A version 1 bundle.
        packets: Its video; at least one packet.
        latency_upload_ms: Server time at which the URL for latency.json was signed.
        options: Assumptions.
        flow: The picture's expansion, where it was measured.

    Returns:
        The times, or why there are none.
    """
    clocks = legacy_clocks(bundle, latency_upload_ms)
    if isinstance(clocks, Rejection):
        return clocks
    start = estimate_start(clocks)
    if isinstance(start, Contradiction):
        return Rejection(reason=Reason.CLOCK_CONTRADICTION, detail=f"{bundle.session_id}: {start.detail}")
    end_ms = start.hi_ms + clocks.end_epoch_ms - clocks.start_epoch_ms
    return times_from(bundle, packets, start, clocks.event_t_ms, end_ms, options=options, flow=flow)


def times_from(
    bundle: Bundle,
    packets: Packets,
    start: StartEstimate,
    event_t_ms: Floats,
    end_ms: float,
    *,
    options: AlignOptions,
    flow: FlowSignal | None,
) -> FrameTimes:
    """Every frame's game time, once the recording's start is known or estimated.

    Args:
        bundle: The session's logs.
        packets: Its video.
        start: Where PTS 0 lies in page time.
        event_t_ms: (E,) sorted times of the log entries.
        end_ms: Page time of the session's end.
        options: Assumptions.
        flow: The picture's expansion, where it was measured.
    """
    trip = _round_trip(bundle, options)
    match = _match(bundle, flow, start, trip)
    shown_ms = packets.pts_ms.astype(np.float64) + start.point_ms
    rtt_ms = trip.at(shown_ms)
    delay_ms = start.point_ms - match.delta_ms if match else rtt_ms + options.pipeline_delay_ms
    pts_valid, _ = run_ids(packets.pts_ms)
    timed = pts_valid.copy()
    game_t_ms = np.zeros(len(packets))
    # A falling round trip must not make frames swap places in game time.
    game_t_ms[timed] = np.maximum.accumulate((shown_ms - delay_ms)[timed])
    lost = clock_lost_from(packets.pts_ms[timed].astype(np.float64), game_t_ms[timed], event_t_ms, end_ms)
    timed[np.flatnonzero(timed)[lost:]] = False
    return FrameTimes(
        summary=_summary(start, match, trip, options, float(np.median(delay_ms))),
        timed=timed,
        run_id=number_runs(packets.pts_ms, timed),
        game_t_ms=np.where(timed, game_t_ms, 0.0),
        rtt_ms=rtt_ms if trip.sampled else None,
    )


def legacy_clocks(bundle: Bundle, latency_upload_ms: int | None) -> LegacyClocks | Rejection:
    """What the bundle says about time, or which statement is missing."""
    meta, inputs, camera, latency = bundle.meta, bundle.inputs, bundle.camera, bundle.latency
    if meta.started_ms is None:
        detail = f"{bundle.session_id}: meta has no startTime, nothing was recorded; ask the player again"
        return Rejection(reason=Reason.NO_START_TIME, detail=detail)
    ended_ms = meta.ended_ms
    if ended_ms is None and meta.duration_ms is not None:
        ended_ms = meta.started_ms + round(meta.duration_ms)
    camera_t_ms = camera["t_ms"].to_numpy()
    event_t_ms = np.sort(np.concatenate((camera_t_ms, inputs["t_ms"].to_numpy())))
    if ended_ms is None or not len(event_t_ms):
        missing = "endTime and duration" if ended_ms is None else "any input or camera event"
        detail = f"{bundle.session_id}: the bundle lacks {missing}, so its clocks cannot be compared"
        return Rejection(reason=Reason.INVALID_FIELD, detail=detail)
    switches = inputs.filter((pl.col("kind") == "keydown") & pl.col("key").is_in(TAB_SWITCH_KEYS))
    return LegacyClocks(
        session_epoch_ms=int(bundle.session_id.split("_")[1]),
        start_epoch_ms=meta.started_ms,
        end_epoch_ms=ended_ms,
        event_t_ms=event_t_ms,
        camera_t_ms=camera_t_ms,
        camera_height_m=camera["pos_y"].to_numpy(),
        tab_switch_t_ms=switches["t_ms"].to_numpy(),
        rtt_t_ms=np.array([sample.t_ms for sample in latency.rtt_samples], dtype=np.float64),
        rtt_ms=np.array([sample.rtt_ms for sample in latency.rtt_samples], dtype=np.float64),
        avg_rtt_ms=latency.avg_rtt_ms,
        initial_latency_ms=latency.initial_latency_ms,
        latency_upload_epoch_ms=latency_upload_ms,
    )


def _round_trip(bundle: Bundle, options: AlignOptions) -> _RoundTrip:
    samples, average = bundle.latency.rtt_samples, bundle.latency.avg_rtt_ms
    if samples:
        t_ms = np.array([sample.t_ms for sample in samples], dtype=np.float64)
        rtt_ms = np.array([sample.rtt_ms for sample in samples], dtype=np.float64)
        return _RoundTrip(t_ms=t_ms, rtt_ms=rtt_ms, sampled=True, doubt_ms=0.0)
    known = average is not None
    rtt_ms = np.array([options.rtt_ms if average is None else average], dtype=np.float64)
    return _RoundTrip(
        t_ms=np.zeros(1), rtt_ms=rtt_ms, sampled=known, doubt_ms=0.0 if known else options.rtt_doubt_ms
    )


def _match(
    bundle: Bundle, flow: FlowSignal | None, start: StartEstimate, trip: _RoundTrip
) -> ContentMatch | None:
    if flow is None:
        return None
    camera = bundle.camera
    return match_content(
        flow,
        camera["t_ms"].to_numpy(),
        camera["speed_game"].to_numpy(),
        start,
        rtt_ms=float(np.median(trip.rtt_ms)),
    )


def _summary(
    start: StartEstimate,
    match: ContentMatch | None,
    trip: _RoundTrip,
    options: AlignOptions,
    latency_ms: float,
) -> ClockSummary:
    """The session's row; with a match the start's lower bound rises, as no delay is negative."""
    low, high, method = start.lo_ms, start.hi_ms, start.method
    doubt_ms = start.half_width_ms + options.pipeline_doubt_ms + trip.doubt_ms
    if match is not None:
        method, doubt_ms = "content", match.plateau_ms / 2
        low = min(max(low, match.delta_ms + float(np.median(trip.rtt_ms))), high)
        latency_ms = (low + high) / 2 - match.delta_ms
    return ClockSummary(
        align_method=method,
        alignment_grade="legacy" if method == "meta_interval" else "estimated",
        start_lo_ms=low,
        start_hi_ms=high,
        start_uncertainty_ms=doubt_ms,
        confidence=1.0 / (1.0 + doubt_ms / _CONFIDENCE_HALVES_AT_MS),
        latency_ms=max(latency_ms, 0.0),
    )
