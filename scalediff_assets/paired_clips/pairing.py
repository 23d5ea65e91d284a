"""Pairs from stills: the join by frame id, the structure signals, the clip's state and shard.

Pure: pictures and rows in, rows and bytes out. A clip that cannot be paired is a row with its reason.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from scalediff_assets.pair_schemas import CLIPS, PAIR_SHARD, PAIRS, PairedClips
from scalediff_assets.paired_clips.stills import CONTRADICTIONS_SHARE_MAX, Luma, Still, Stills, luma_of
from scalediff_assets.segments.shards import parquet_bytes
from scalediff_contract.reasons import Reason
from scoring.structure import structure_consistency

PAIRED_SHARE_MIN = 0.5
_ROWS_PER_GROUP = 64


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """What is known of a clip before its pictures are looked at.

    Attributes:
        clip_id: Unique.
        session_id: The session.
        wallet: The player's.
        origin: Recorded while playing, or painted afterwards.
        prompt: What the painter was asked for.
        backend: Who painted, where that is known.
        source_key: Object key of the video before painting.
        painted_key: Object key of the painted one.
        frame_ids: Whence the source's ids.
    """

    clip_id: str
    session_id: str
    wallet: str
    origin: Literal["recorded", "repainted"]
    prompt: str | None
    backend: str | None = None
    source_key: str | None
    painted_key: str | None
    frame_ids: Literal["sidecar", "stamp"] | None = None


@dataclass(frozen=True, kw_only=True)
class PaintedFrame:
    """A painted frame that looks for its source.

    Attributes:
        sim_frame: Frame id that it shows; None where it is not known.
        frame_idx: Its packet.
        pts_ms: Its time stamp.
        jpeg: The picture.
        segment_id: Segment that it lies in, or None.
        luma: `(256, 256) uint8`; None: in the JPEG.
    """

    sim_frame: int | None
    frame_idx: int
    pts_ms: int
    jpeg: bytes
    segment_id: str | None = None
    luma: Luma | None = None


@dataclass(frozen=True, kw_only=True)
class PairedClip:
    """A clip's tables and, where it has pairs, its shard."""

    tables: PairedClips
    shard: bytes | None = None


def unpaired(
    facts: ClipFacts, state: Literal["no_source", "rejected"], reason: Reason | None = None, detail: str = ""
) -> PairedClip:
    """The row of a clip without pairs."""
    row = _clip_row(facts, 0) | {
        "state": state,
        "reason": reason.value if reason else None,
        "detail": detail or None,
    }
    return PairedClip(tables=PairedClips(clips=CLIPS.frame([row])))


def paired_clip(facts: ClipFacts, painted: list[PaintedFrame], source: Stills) -> PairedClip:
    """Join painted frames with their sources, and measure each pair.

    Args:
        facts: Whose they are.
        painted: Painted frames, in file order.
        source: The stills before painting.
    """
    problem = _problem(facts, painted, source)
    if problem is not None:
        return unpaired(facts, "rejected", *problem)
    rows = list(_rows(facts, painted, source))
    shard_rows = PAIR_SHARD.frame(rows)
    full, rest = divmod(len(rows), _ROWS_PER_GROUP)
    groups = [_ROWS_PER_GROUP] * full + ([rest] if rest else [])
    shard = parquet_bytes(shard_rows, row_groups=groups)
    digest = hashlib.sha256(shard).hexdigest()
    row = _clip_row(facts, len(painted)) | {
        "state": "paired",
        "detail": source.problem,
        "pairs": len(rows),
        "layout_p50": float(np.median([each["pair_layout"] for each in rows])),
        "shard_key": f"pair_shards/{facts.session_id}/{facts.clip_id}-{digest[:16]}.parquet",
        "shard_sha256": digest,
        "shard_bytes": len(shard),
    }
    tables = PairedClips(clips=CLIPS.frame([row]), pairs=PAIRS.conform(shard_rows))
    return PairedClip(tables=tables, shard=shard)


def _problem(facts: ClipFacts, painted: list[PaintedFrame], source: Stills) -> tuple[Reason, str] | None:
    """Why the two cannot be joined, or None."""
    name = facts.clip_id
    ids = [frame.sim_frame for frame in painted if frame.sim_frame is not None]
    if not ids:
        detail = f"{name}: no painted frame carries a frame id, and pairs are never joined by time"
        return Reason.FRAME_ID_MISMATCH, f"{detail}; record with the current client"
    if source.problem is not None and not source.by_id:
        return Reason.DECODE_FAILED, f"{name}: the video before painting: {source.problem}; record again"
    if (text := contradiction(name, "source", source)) is not None:
        return Reason.FRAME_ID_MISMATCH, text
    found = sum(each in source.by_id for each in ids)
    if found < PAIRED_SHARE_MIN * len(painted):
        return Reason.FRAME_ID_MISMATCH, (
            f"{name}: {found} of {len(painted)} painted frames have a frame before painting "
            f"(minimum {PAIRED_SHARE_MIN:.0%}; {source.unnamed} of {source.frames} frames there have no id); "
            "record again"
        )
    return None


def contradiction(name: str, which: str, stills: Stills) -> str | None:
    """What is wrong where a video's stamps and its sidecar name different frames, or None."""
    if stills.contradictions <= CONTRADICTIONS_SHARE_MAX * stills.frames:
        return None
    return (
        f"{name}: {stills.contradictions} of {stills.frames} {which} frames are stamped with another id "
        f"than the sidecar names (limit {CONTRADICTIONS_SHARE_MAX:.0%}); upload files of one recording"
    )


def _rows(facts: ClipFacts, painted: list[PaintedFrame], source: Stills) -> Iterator[dict[str, Any]]:
    for frame in painted:
        still = None if frame.sim_frame is None else source.by_id.get(frame.sim_frame)
        if still is not None:
            yield _row(facts, frame, still)


def _row(facts: ClipFacts, frame: PaintedFrame, still: Still) -> dict[str, Any]:
    luma = luma_of(frame.jpeg) if frame.luma is None else frame.luma
    measured = structure_consistency(still.luma, luma)
    return {
        "clip_id": facts.clip_id,
        "session_id": facts.session_id,
        "wallet": facts.wallet,
        "origin": facts.origin,
        "prompt": facts.prompt,
        "segment_id": frame.segment_id,
        "sim_frame": frame.sim_frame,
        "frame_idx": frame.frame_idx,
        "source_idx": still.index,
        "pts_ms": frame.pts_ms,
        "source_pts_ms": still.pts_ms,
        "pair_layout": measured.layout,
        "pair_lost": measured.lost,
        "pair_added": measured.added,
        "source_jpeg": still.jpeg,
        "painted_jpeg": frame.jpeg,
    }


def _clip_row(facts: ClipFacts, painted_frames: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(CLIPS.schema.names())
    return row | {
        "clip_id": facts.clip_id,
        "session_id": facts.session_id,
        "wallet": facts.wallet,
        "origin": facts.origin,
        "backend": facts.backend,
        "prompt": facts.prompt,
        "frame_ids": facts.frame_ids,
        "source_key": facts.source_key,
        "painted_key": facts.painted_key,
        "painted_frames": painted_frames,
        "pairs": 0,
    }


def read_pairs(content: bytes) -> pl.DataFrame:
    """All rows of a pair shard (PAIR_SHARD)."""
    import io

    return pl.read_parquet(io.BytesIO(content))
