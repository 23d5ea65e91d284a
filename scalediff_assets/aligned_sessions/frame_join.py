"""Timing version 2 recordings: an integer join, no estimate.

The recorder writes one link per video packet, `[n, pts_us, src_frame, rtp]`, and one camera row per
simulated frame. Packet n shows frame src_frame, whose state is the camera row of that id: the error is
zero by construction, and PTS serve only to prove that links and packets belong together.
"""

from dataclasses import dataclass

import numpy as np

from scalediff_assets.aligned_sessions.packets import Bools, Floats, Ints, Packets, number_runs, run_ids
from scalediff_assets.aligned_sessions.times import AlignOptions, ClockSummary, FrameTimes, Rejection
from scalediff_assets.raw_sessions.bundle import Bundle
from scalediff_contract.reasons import Reason

PTS_TOLERANCE_MS = 1.0
_MEND = "record again with a client that writes one link per packet"


@dataclass(frozen=True, kw_only=True)
class _Links:
    """The links as arrays, (L,) each; `src_frame` is -1 where the stamp was unreadable."""

    n: Ints
    pts_ms: Floats
    src_frame: Ints


def join_frames(bundle: Bundle, packets: Packets, options: AlignOptions) -> FrameTimes | Rejection:
    """Give every packet its simulated frame.

    A packet without link, readable stamp or camera row keeps no labels and no run; more than
    `max_missing_share` of such rejects the session, and so does any link that names another PTS.

    Args:
        bundle: A version 2 bundle.
        packets: Its video; at least one packet.
        options: Limits.

    Returns:
        The times, or why there are none.
    """
    links = _links(bundle)
    problem = _mismatch(links, packets)
    if problem is not None:
        return Rejection(reason=Reason.FRAME_ID_MISMATCH, detail=f"{bundle.session_id}: {problem}; {_MEND}")
    source = np.full(len(packets), -1, dtype=np.int64)
    inside = links.n < len(packets)
    source[links.n[inside]] = links.src_frame[inside]
    row, found = _camera_rows(bundle, source)
    missing, total = int((~found).sum() + (~inside).sum()), max(len(packets), len(links.n))
    if missing > options.max_missing_share * total:
        return _too_many_missing(bundle, packets, missing, total, options)
    return _times(bundle, packets, source, row, found)


def _links(bundle: Bundle) -> _Links:
    rows = [
        (link.n, link.pts_us, -1 if link.src_frame is None else link.src_frame)
        for link in bundle.latency.frames
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return _Links(n=table[:, 0], pts_ms=table[:, 1] / 1000.0, src_frame=table[:, 2])


def _mismatch(links: _Links, packets: Packets) -> str | None:
    repeated = len(links.n) - len(np.unique(links.n))
    if repeated:
        return f"{repeated} of {len(links.n)} frame links repeat a packet number (limit 0)"
    inside = links.n < len(packets)
    apart_ms = np.abs(links.pts_ms[inside] - packets.pts_ms[links.n[inside]])
    wrong = int((apart_ms > PTS_TOLERANCE_MS).sum())
    if wrong:
        return (
            f"{wrong} of {len(apart_ms)} frame links name another PTS than their packet, by up to "
            f"{apart_ms.max():.1f} ms (limit {PTS_TOLERANCE_MS:.0f} ms)"
        )
    return None


def _camera_rows(bundle: Bundle, source: Ints) -> tuple[Ints, Bools]:
    """The row of the camera log of each source frame, and whether there is one."""
    ids = bundle.camera["frame"].fill_null(-1).to_numpy()
    if not len(ids):
        return np.zeros_like(source), np.zeros(len(source), dtype=np.bool_)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[order], source), len(ids) - 1)
    row = order[place]
    found = (source >= 0) & (ids[row] == source)
    return np.where(found, row, 0), found


def _too_many_missing(
    bundle: Bundle, packets: Packets, missing: int, total: int, options: AlignOptions
) -> Rejection:
    reason = Reason.TRUNCATED_VIDEO if packets.truncated else Reason.FRAME_ID_MISMATCH
    detail = (
        f"{bundle.session_id}: {missing} of {total} frames lack a packet, a frame id or its camera row "
        f"(limit {options.max_missing_share:.0%}); {_MEND}"
    )
    return Rejection(reason=reason, detail=detail)


def _times(bundle: Bundle, packets: Packets, source: Ints, row: Ints, found: Bools) -> FrameTimes:
    pts_valid, _ = run_ids(packets.pts_ms)
    timed = pts_valid & found
    game_t_ms = np.where(timed, bundle.camera["t_ms"].to_numpy()[row], 0.0)
    samples = bundle.latency.rtt_samples
    rtt_ms = (
        np.interp(game_t_ms, [sample.t_ms for sample in samples], [sample.rtt_ms for sample in samples])
        if samples
        else None
    )
    start_ms = bundle.meta.clock.recorder_start_ms if bundle.meta.clock else 0.0
    shown_ms = packets.pts_ms + start_ms - game_t_ms
    return FrameTimes(
        summary=ClockSummary(
            align_method="frame_id",
            alignment_grade="exact",
            start_lo_ms=start_ms,
            start_hi_ms=start_ms,
            start_uncertainty_ms=0.0,
            confidence=1.0,
            latency_ms=float(np.median(shown_ms[timed])) if timed.any() else 0.0,
        ),
        timed=timed,
        run_id=number_runs(packets.pts_ms, timed),
        game_t_ms=game_t_ms,
        rtt_ms=rtt_ms,
        sim_frame=np.where(timed, source, 0),
        camera_row=np.where(timed, row, 0),
    )
