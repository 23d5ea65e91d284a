"""Align one session: which video frame shows which moment of the game, and what was pressed there.

The trade: 1,800 frames take 3 to 4 ms of one core in either version; nothing is
decoded. A session that cannot be aligned is a row with a reason, never an exception.
"""

from collections.abc import Mapping
from dataclasses import asdict

import polars as pl

from scalediff_assets.aligned_sessions.flow import FlowSignal
from scalediff_assets.aligned_sessions.frame_join import join_frames
from scalediff_assets.aligned_sessions.labels import label_frames
from scalediff_assets.aligned_sessions.legacy import estimate_times
from scalediff_assets.aligned_sessions.packets import Packets, longest_run_ms, run_ids
from scalediff_assets.aligned_sessions.stampless import estimate_stampless, is_stampless
from scalediff_assets.aligned_sessions.times import AlignOptions, FrameTimes, Rejection
from scalediff_assets.raw_sessions.bundle import Bundle
from scalediff_assets.schemas import ALIGNMENTS, AlignedSessions
from scalediff_contract.reasons import Reason

__all__ = ["AlignOptions", "align_session"]

_DEFAULTS = AlignOptions()


def align_session(
    bundle: Bundle,
    packets: Packets,
    *,
    latency_upload_ms: int | None,
    options: AlignOptions = _DEFAULTS,
    flow: FlowSignal | None = None,
) -> AlignedSessions:
    """Align a parsed bundle with its video.

    Args:
        bundle: The four JSON files.
        packets: The video's packets, from `read_packets`.
        latency_upload_ms: Epoch ms in the object key of latency.json; None in the documented form.
        options: Assumptions and limits.
        flow: The picture's expansion, from `flow_signal`; may sharpen a legacy clock.

    Returns:
        One row of `sessions`; the rows of `frames`, none when rejected.
    """
    times = _times(bundle, packets, latency_upload_ms, options, flow)
    if isinstance(times, Rejection):
        pts_valid, _ = run_ids(packets.pts_ms)
        return _rejected(bundle, packets, int(pts_valid.sum()), times)
    span_ms = longest_run_ms(packets.pts_ms, times.run_id)
    if span_ms < options.min_run_ms:
        detail = (
            f"{bundle.session_id}: the longest gap-free run spans {span_ms} ms (minimum "
            f"{options.min_run_ms} ms); ask the player to record again with the tab visible"
        )
        short = Rejection(reason=Reason.NO_USABLE_RUN, detail=detail)
        return _rejected(bundle, packets, int(times.timed.sum()), short)
    row = {
        "session_id": bundle.session_id,
        "verdict": "valid",
        **asdict(times.summary),
        "frames": len(packets),
        "valid_frames": int(times.timed.sum()),
    }
    return AlignedSessions(sessions=_session_row(row), frames=label_frames(bundle, packets, times))


def _times(
    bundle: Bundle,
    packets: Packets,
    latency_upload_ms: int | None,
    options: AlignOptions,
    flow: FlowSignal | None,
) -> FrameTimes | Rejection:
    if not len(packets):
        detail = (
            f"{bundle.session_id}: the video holds no packets (minimum 1); ask the player to record again"
        )
        return Rejection(reason=Reason.NO_VIDEO, detail=detail)
    if bundle.schema_version == 2 and is_stampless(bundle):
        return estimate_stampless(bundle, packets, options=options, flow=flow)
    if bundle.schema_version == 2:
        return join_frames(bundle, packets, options)
    return estimate_times(bundle, packets, latency_upload_ms=latency_upload_ms, options=options, flow=flow)


def _rejected(bundle: Bundle, packets: Packets, valid_frames: int, why: Rejection) -> AlignedSessions:
    row = {
        "session_id": bundle.session_id,
        "verdict": "rejected",
        "reason": why.reason.value,
        "detail": why.detail,
        "frames": len(packets),
        "valid_frames": valid_frames,
    }
    return AlignedSessions(sessions=_session_row(row))


def _session_row(known: Mapping[str, object]) -> pl.DataFrame:
    return ALIGNMENTS.frame([{column.name: known.get(column.name) for column in ALIGNMENTS.columns}])
