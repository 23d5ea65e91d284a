"""What the files of a bundle must agree on: with their keys, with each other, with the clock.

Every check takes parsed contents and raises `BundleRejectedError`, or returns nothing. Parsing itself is
in `bundle.py`.
"""

import itertools
import reprlib
from collections.abc import Sequence

import numpy as np

from scalediff_assets.raw_sessions.rejection import BundleRejectedError, invalid_field
from scalediff_contract.bundle import CameraSample, InputEvent, LatencyReport, SessionMeta
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile

_DURATION_TOLERANCE_MS = 1_000  # endTime - startTime is the duration exactly in 11 of 11 real sessions
_AVG_RTT_TOLERANCE_MS = 1e-6


def check_meta(session_id: str, wallet: str, meta: SessionMeta, limits: BundleLimits) -> None:
    """The meta file against the objects' keys and the limits; `started_ms` is known afterwards."""
    if meta.session_id != session_id:
        raise BundleRejectedError(
            Reason.SESSION_ID_MISMATCH,
            f"{session_id}: meta.sessionId is {reprlib.repr(meta.session_id)}; the object keys say otherwise",
        )
    if meta.wallet != wallet:
        raise BundleRejectedError(
            Reason.WALLET_MISMATCH,
            f"{session_id}: meta.walletAddress is {reprlib.repr(meta.wallet)}, the object keys say {wallet}",
        )
    if meta.prompt is not None and len(meta.prompt) > limits.prompt_chars:
        raise invalid_field(
            session_id, f"meta.prompt has {len(meta.prompt)} characters (limit {limits.prompt_chars})"
        )
    if meta.started_ms is None:
        raise BundleRejectedError(
            Reason.NO_START_TIME,
            f"{session_id}: meta.startTime is null: nothing was recorded; ask the player to record again",
        )
    _check_duration(session_id, meta, meta.started_ms, limits)


def _check_duration(session_id: str, meta: SessionMeta, started_ms: int, limits: BundleLimits) -> None:
    span_ms = None if meta.ended_ms is None else meta.ended_ms - started_ms
    for name, value in (("duration", meta.duration_ms), ("endTime - startTime", span_ms)):
        if value is not None and value > limits.duration_ms:
            raise BundleRejectedError(
                Reason.TOO_LONG, f"{session_id}: meta {name} is {value:g} ms (limit {limits.duration_ms} ms)"
            )
    if span_ms is None:
        return
    if span_ms < 0:
        raise invalid_field(session_id, f"meta.endTime is {-span_ms} ms before meta.startTime")
    if meta.duration_ms is not None and abs(span_ms - meta.duration_ms) > _DURATION_TOLERANCE_MS:
        raise invalid_field(
            session_id,
            f"meta.duration is {meta.duration_ms:g} ms, endTime - startTime is {span_ms} ms"
            f" (tolerance {_DURATION_TOLERANCE_MS} ms)",
        )


def check_event_count(session_id: str, meta: SessionMeta, rows: int) -> None:
    """The stated number of events against the rows of inputs and camera together."""
    if meta.event_count is not None and meta.event_count != rows:
        raise BundleRejectedError(
            Reason.EVENT_COUNT_MISMATCH,
            f"{session_id}: meta.eventCount is {meta.event_count}, inputs and camera hold {rows} rows;"
            " the files are not of one recording",
        )


def check_average_rtt(session_id: str, latency: LatencyReport) -> None:
    """The average froze at the session's end, later samples may follow: it is the mean of some prefix."""
    if latency.avg_rtt_ms is None or not latency.rtt_samples:
        return
    rtt_ms = np.array([sample.rtt_ms for sample in latency.rtt_samples])
    prefix_means = np.cumsum(rtt_ms) / np.arange(1, len(rtt_ms) + 1)
    if np.abs(prefix_means - latency.avg_rtt_ms).min() >= _AVG_RTT_TOLERANCE_MS:
        raise invalid_field(
            session_id,
            f"latency.avgRtt is {latency.avg_rtt_ms}, which no beginning of the {len(rtt_ms)} rttSamples"
            " averages to: the latency log does not belong to this session",
        )


def check_frame_ids(session_id: str, inputs: Sequence[InputEvent], camera: Sequence[CameraSample]) -> None:
    """Version 2: frames rise strictly through the camera log, and every input names one of them."""
    for index, (before, after) in enumerate(itertools.pairwise(camera), start=1):
        if (before.frame or 0) >= (after.frame or 0):
            raise BundleRejectedError(
                Reason.FRAME_ID_MISMATCH,
                f"{session_id}: camera[{index}].frame is {after.frame} after {before.frame};"
                " frame ids must rise strictly",
            )
        if after.t_ms < before.t_ms:
            raise invalid_field(session_id, f"camera[{index}].t is {after.t_ms} after {before.t_ms}")
    known = {sample.frame for sample in camera}
    for index, event in enumerate(inputs):
        if event.frame not in known:
            raise BundleRejectedError(
                Reason.FRAME_ID_MISMATCH,
                f"{session_id}: inputs[{index}].frame is {event.frame}, which the camera log does not hold",
            )


def check_stated_file(
    session_id: str, meta: SessionMeta, file: BundleFile, size_bytes: int, sha256: str
) -> None:
    """Hold one file against what a version 2 meta says of it.

    Raises:
        BundleRejectedError: HASH_MISMATCH on another size or hash, INVALID_FIELD if it is not listed.
    """
    if meta.schema_version == 1 or file is BundleFile.META:
        return
    stated = next((info for label, info in meta.files.items() if label == file.label), None)
    if stated is None:
        raise invalid_field(session_id, f"meta.files.{file.label} is missing; list every uploaded file")
    expected = f"{stated.size_bytes} bytes, sha256 {stated.sha256}"
    if (size_bytes, sha256) != (stated.size_bytes, stated.sha256):
        raise BundleRejectedError(
            Reason.HASH_MISMATCH,
            f"{session_id}: {file.label} has {size_bytes} bytes, sha256 {sha256}; the meta states {expected};"
            " upload it again",
        )
    if file is BundleFile.VIDEO and meta.video is not None and meta.video.sha256 != sha256:
        raise BundleRejectedError(
            Reason.HASH_MISMATCH,
            f"{session_id}: video has sha256 {sha256}; meta.video.sha256 states {meta.video.sha256}",
        )
