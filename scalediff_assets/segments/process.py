"""One session from video to shard: decode, cut, pack, and the session's verdict at this stage.

Pure: a path and tables in, tables and bytes out. Never raises for a bad video.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from scalediff_assets.schemas import DECODINGS
from scalediff_assets.segments.decode import DecodedSession, DecodeOptions, decode_session
from scalediff_assets.segments.shards import session_shard
from scalediff_assets.segments.splice import SpliceOptions, cut_segments, longest_part_ms
from scalediff_contract.reasons import Reason

# A video that ends early keeps what it has, unless most of what it promised is missing.
_DECODED_SHARE_MIN = 0.8


@dataclass(frozen=True, kw_only=True)
class ProcessedVideo:
    """What one session yields.

    Attributes:
        decoding: The row of DECODINGS, without the shard's key.
        segments: SEGMENTS.
        signals: SIGNALS.
        shard: Parquet bytes of the exported frames; None where nothing is exported.
    """

    decoding: dict[str, Any]
    segments: pl.DataFrame
    signals: pl.DataFrame
    shard: bytes | None


def process_video(
    path: Path,
    *,
    session_id: str,
    frames: pl.DataFrame,
    start_uncertainty_ms: float = 0.0,
    stamped: bool = False,
    options: DecodeOptions | None = None,
    splice: SpliceOptions | None = None,
) -> ProcessedVideo:
    """Decode and cut one session.

    Args:
        path: The video.
        session_id: The session.
        frames: Its FRAMES, one row per packet.
        start_uncertainty_ms: Half width of the start's interval.
        stamped: The picture carries the frame id along its top edge.
        options: Limits and rates of the decode pass.
        splice: Lengths of the cuts.

    Returns:
        Tables, shard and verdict; a video that cannot be used is rejected with its reason.
    """
    splice = splice or SpliceOptions()
    decoded = decode_session(
        path,
        session_id=session_id,
        pts_valid=frames["pts_valid"].to_numpy(),
        stamped=stamped,
        options=options,
    )
    segments = cut_segments(
        session_id=session_id,
        frames=frames,
        signals=decoded.signals,
        start_uncertainty_ms=start_uncertainty_ms,
        options=splice,
    )
    reason, detail = _refusal(session_id, decoded, frames.height)
    if reason is None and not segments.height:
        longest_ms = longest_part_ms(frames, decoded.signals, start_uncertainty_ms)
        reason, detail = _no_usable_run(session_id, longest_ms, splice)
    if reason is not None:
        segments = segments.clear()
    judged = segments.filter(pl.col("skip_reason").is_null())
    exported_frames = int(judged["exported_frames"].sum())
    shard = session_shard(frames, judged, decoded.jpegs) if exported_frames else None
    row: dict[str, Any] = dict.fromkeys(DECODINGS.schema.names())
    row |= {
        "session_id": session_id,
        "verdict": "valid" if reason is None else "rejected",
        "reason": reason,
        "detail": detail,
        "frames": decoded.signals.height,
        "exported_frames": exported_frames,
        "segments": judged.height,
    }
    if shard is not None:
        row |= {"shard_sha256": hashlib.sha256(shard).hexdigest(), "shard_bytes": len(shard)}
    return ProcessedVideo(
        decoding=row, segments=segments, signals=_stored_only(decoded.signals, judged), shard=shard
    )


def _stored_only(signals: pl.DataFrame, judged: pl.DataFrame) -> pl.DataFrame:
    """Signals whose `exported` means stored: a JPEG outside every judged segment is thrown away."""
    inside = [
        pl.col("frame_idx").is_between(row["first_frame_idx"], row["end_frame_idx"], closed="left")
        for row in judged.iter_rows(named=True)
    ]
    return signals.with_columns(pl.col("exported") & pl.any_horizontal(pl.lit(False), *inside))


def _refusal(
    session_id: str,
    decoded: DecodedSession,
    packets: int,
) -> tuple[str | None, str | None]:
    """Reason and sentence where the pass itself forbids use; a late stop leaves only a sentence."""
    count = decoded.signals.height
    if decoded.reason is not None and decoded.reason is not Reason.DECODE_FAILED:
        return decoded.reason.value, decoded.detail
    if count < _DECODED_SHARE_MIN * packets or not count:
        reason = decoded.reason or Reason.TRUNCATED_VIDEO
        detail = f"{session_id}: {count} of {packets} frames decode (minimum {_DECODED_SHARE_MIN:.0%})"
        return reason.value, f"{detail}; upload the whole recording again"
    return None, decoded.detail


def _no_usable_run(session_id: str, longest_ms: int, splice: SpliceOptions) -> tuple[str, str]:
    return (
        Reason.NO_USABLE_RUN.value,
        f"{session_id}: the longest part without a gap, cut or teleport is {longest_ms / 1000:.1f} s "
        f"(minimum {splice.min_s:g} s); keep the tab visible and the connection steady",
    )
