"""One session of `segments` in a worker process: the decode pass, the cuts, the stored shard."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from resources.object_store import ObjectStore
from scalediff_assets.schemas import DECODINGS, Segments
from scalediff_assets.segments.decode import DecodeOptions
from scalediff_assets.segments.process import process_video
from scalediff_contract.reasons import Reason


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """What a worker needs to decode and cut one session.

    Attributes:
        raw: Store of the uploads.
        lake: Store of the frame shards.
        session: The session's row of the manifest, with its `start_uncertainty_ms`.
        frames: Its aligned frames.
        options: Limits and export rate.
    """

    raw: ObjectStore
    lake: ObjectStore
    session: dict[str, Any]
    frames: pl.DataFrame
    options: DecodeOptions


def segment_task(task: SegmentTask) -> Segments:
    """Decode and cut one session; its shard is stored under a name derived from its content."""
    session_id = task.session["session_id"]
    with task.raw.local_copy(task.session["video_key"]) as video:
        processed = process_video(
            video,
            session_id=session_id,
            frames=task.frames,
            start_uncertainty_ms=task.session["start_uncertainty_ms"],
            stamped=task.session["schema_version"] == 2,
            options=task.options,
        )
    row = dict(processed.decoding)
    if processed.shard is not None:
        row["shard_key"] = f"frame_shards/{session_id}/{row['shard_sha256'][:16]}.parquet"
        if task.lake.head(row["shard_key"]) is None:
            task.lake.put(row["shard_key"], processed.shard, content_type="application/vnd.apache.parquet")
    return Segments(sessions=DECODINGS.frame([row]), segments=processed.segments, signals=processed.signals)


def failed_decoding(session_id: str, reason: Reason, detail: str) -> Segments:
    """The rejected row of a session whose worker gave no result."""
    row = dict.fromkeys(DECODINGS.schema.names())
    row |= {"session_id": session_id, "verdict": "rejected", "reason": reason.value, "detail": detail}
    row |= {"frames": 0, "exported_frames": 0, "segments": 0}
    return Segments(sessions=DECODINGS.frame([row]))
