"""The tables of paired clips: what was painted from what, and how alike they are; see `schemas.py`."""

from dataclasses import dataclass

import polars as pl

from resources.tables import Partitions
from scalediff_assets.tables import Column, Table, TableSet, table_field

_SESSION = Column("session_id", pl.String, "the session")
_WALLET = Column("wallet", pl.String, "the player's wallet address")
_CLIP = Column(
    "clip_id", pl.String, "`{session_id}_recorded`, or `{session_id}_{repaint_id}` of a repainted one"
)
_ORIGIN = Column("origin", pl.String, "recorded (what the player saw) or repainted (afterwards, by a job)")
_PROMPT = Column("prompt", pl.String, "what the painter was asked for", nullable=True)
_REASON = (
    Column("reason", pl.String, "reason code of a rejected row (scalediff_contract.reasons)", nullable=True),
    Column("detail", pl.String, "the reason in one sentence, with value, limit and mend", nullable=True),
)
_FRAME_ID = Column("sim_frame", pl.Int64, "id of the simulated frame that both pictures show", low=0)

REPAINTED = Table(
    "repainted_sessions.videos",
    "a session's geometry video painted anew with one prompt",
    ("session_id", "repaint_id", "prompt"),
    (
        _SESSION,
        _WALLET,
        Column("repaint_id", pl.String, "16 hex digits of session, prompt, painter and size; empty: failed"),
        Column("prompt", pl.String, "what the painter was asked for"),
        Column("backend", pl.String, "who painted, as the painter names itself"),
        Column("state", pl.String, "painted or failed"),
        Column("detail", pl.String, "why it failed, in one sentence", nullable=True),
        Column("sidecar_key", pl.String, "object key of the painted video's frame ids", nullable=True),
        Column("video_key", pl.String, "object key of the painted video", nullable=True),
        Column("video_sha256", pl.String, "content hash of the painted video", nullable=True),
        Column("frames", pl.Int32, "painted frames", low=0),
    ),
)

CLIPS = Table(
    "paired_clips.clips",
    "a session of the hour before and after painting, once for each painting of it",
    ("clip_id",),
    (
        _CLIP,
        _SESSION,
        _WALLET,
        _ORIGIN,
        Column("backend", pl.String, "who painted; null where the recording does not say", nullable=True),
        _PROMPT,
        Column(
            "state",
            pl.String,
            "paired; no_source: the player's client recorded only the painting; or rejected",
        ),
        *_REASON,
        Column("frame_ids", pl.String, "whence the source's ids: sidecar or stamp", nullable=True),
        Column("source_key", pl.String, "object key of the video before painting", nullable=True),
        Column("painted_key", pl.String, "object key of the painted video", nullable=True),
        Column("painted_frames", pl.Int32, "painted frames that a pair was sought for", low=0),
        Column("pairs", pl.Int32, "pairs found", low=0),
        Column("layout_p50", pl.Float64, "median of the pairs' `pair_layout`", 0, 1, nullable=True),
        Column("shard_key", pl.String, "object key of the pairs' shard", nullable=True),
        Column("shard_sha256", pl.String, "content hash of the shard", nullable=True),
        Column("shard_bytes", pl.Int64, "size of the shard", low=0, nullable=True),
    ),
)

PAIR_SIGNALS = (
    Column("pair_layout", pl.Float32, "share of the source's contrast that the painting explains", 0, 1.0001),
    Column("pair_lost", pl.Float32, "strongest local loss of structure over the frame's median", low=0),
    Column("pair_added", pl.Float32, "strongest local unexplained structure over the median", low=0),
)

PAIRS = Table(
    "paired_clips.pairs",
    "a frame before and after painting, joined by frame id",
    ("clip_id", "frame_idx"),
    (
        _CLIP,
        _SESSION,
        _WALLET,
        _ORIGIN,
        _PROMPT,
        Column("segment_id", pl.String, "segment of the painted frame, where it is in one", nullable=True),
        _FRAME_ID,
        Column("frame_idx", pl.Int32, "packet of the painted video, in file order", low=0),
        Column("source_idx", pl.Int32, "packet of the video before painting, in file order", low=0),
        Column("pts_ms", pl.Int64, "time stamp in the painted video", low=0),
        Column("source_pts_ms", pl.Int64, "time stamp in the video before painting", low=0),
        *PAIR_SIGNALS,
    ),
)

PAIR_SHARD = Table(
    "paired_clips.shard",
    "a pair with both pictures: the columns of a pair shard",
    ("clip_id", "frame_idx"),
    (
        *PAIRS.columns,
        Column("source_jpeg", pl.Binary, "256x256 JPEG before painting, the stamp painted over"),
        Column("painted_jpeg", pl.Binary, "256x256 JPEG after painting, the stamp painted over"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class RepaintedSessions(TableSet):
    """What `repainted_sessions` holds for an hour; the videos lie in the lake."""

    videos: pl.DataFrame = table_field(REPAINTED)


class RepaintedSessionsHours(Partitions[RepaintedSessions]):
    """Hours of `RepaintedSessions` that a downstream asset reads."""

    kind = RepaintedSessions


@dataclass(frozen=True, kw_only=True)
class PairedClips(TableSet):
    """What `paired_clips` holds for an hour; the pictures lie in one shard per clip."""

    clips: pl.DataFrame = table_field(CLIPS)
    pairs: pl.DataFrame = table_field(PAIRS)


class PairedClipsHours(Partitions[PairedClips]):
    """Hours of `PairedClips` that a downstream asset reads."""

    kind = PairedClips


PAIR_TABLES = (REPAINTED, CLIPS, PAIRS, PAIR_SHARD)
