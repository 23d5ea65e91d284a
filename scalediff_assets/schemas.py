"""Every table of the graph, declared once, in data order.

World axes are CARLA's: X forward, Y right, yaw clockwise, in metres and radians. `pts_ms` is the
video's clock, `game_t_ms` is the page's `performance.now()`. Intervals are half-open. Null means
not known. How tables are declared and checked is in `tables.py`.
"""

from dataclasses import dataclass
from typing import get_args

import polars as pl

from resources.tables import Partitions
from scalediff_assets.tables import Column, Table, TableSet, table_field
from scalediff_contract.clip_manifests import Origin

_SESSION = Column("session_id", pl.String, "the session")
_WALLET = Column("wallet", pl.String, "the player's wallet address")
_FRAME = Column("frame_idx", pl.Int32, "index of the video packet in file order, from 0", low=0)
_PTS = Column("pts_ms", pl.Int64, "packet presentation time stamp", low=0)
_SEGMENT = Column("segment_id", pl.String, "`{session_id}_{segment_index:03d}`, index from 1")
# What players record is the game, and so it was before there was the column; a frame's is its segment's.
RECORDED_ORIGIN: Origin = "game"
_ORIGIN = Column(
    "origin", pl.String, "real, game or synthetic: what the pictures show", values=get_args(Origin),
    default=RECORDED_ORIGIN,
)  # fmt: skip
_VERDICT = (
    Column("verdict", pl.String, "`valid` or `rejected` at this stage"),
    Column("reason", pl.String, "reason code (scalediff_contract.reasons); null when valid", nullable=True),
    Column("detail", pl.String, "the reason in one sentence, with value, limit and mend", nullable=True),
)
_STEERING = (
    Column("steer", pl.Float64, "control in [-1, 1], right positive", -1, 1, nullable=True),
    Column("throttle", pl.Float64, "control in [0, 1]", 0, 1, nullable=True),
    Column("brake", pl.Float64, "control in [0, 1]", 0, 1, nullable=True),
)
_HELD = tuple(
    Column(f"held_{key}", pl.Boolean, f"{key.upper()} is held down at game_t_ms", nullable=True)
    for key in "wasd"
)
_COMMAND = Column(
    "command", pl.Int8, "navigation: 1 left, 2 right, 3 straight, 4 follow lane", 1, 4, nullable=True
)

MANIFEST = Table(
    "raw_sessions.sessions",
    "a bundle that became complete in the hour",
    ("session_id", "wallet", "revision"),
    (
        _SESSION,
        _WALLET,
        Column("trace_id", pl.String, "W3C trace id of the session, the same for every retry"),
        Column("revision", pl.Int32, "1 for the first complete bundle, +1 for each re-opened one", low=1),
        Column(
            "schema_version",
            pl.Int8,
            "1 as really recorded or documented, 2 with frame ids",
            1,
            2,
            nullable=True,
        ),
        Column("completed_ms", pl.Int64, "epoch ms at which the bundle became complete"),
        *_VERDICT,
        Column("video_key", pl.String, "object key of the video", nullable=True),
        Column("inputs_key", pl.String, "object key of the inputs", nullable=True),
        Column("camera_key", pl.String, "object key of the camera log", nullable=True),
        Column("latency_key", pl.String, "object key of the latency log", nullable=True),
        Column("meta_key", pl.String, "object key of the meta file", nullable=True),
        Column("source_video_key", pl.String, "object key of the video before painting", nullable=True),
        Column("latency_upload_ms", pl.Int64, "13-digit prefix of the latency key", nullable=True),
        Column("video_bytes", pl.Int64, "size of the video", low=0, nullable=True),
        Column("total_bytes", pl.Int64, "size of all files", low=0),
        Column("video_sha256", pl.String, "content hash of the video", nullable=True),
        Column("bundle_sha256", pl.String, "hash over the sorted `{file} {sha256}` lines of the bundle"),
        Column("video_width_px", pl.Int32, "video width", low=1, nullable=True),
        Column("video_height_px", pl.Int32, "video height", low=1, nullable=True),
        Column("duration_ms", pl.Int64, "duration that the meta states", low=0, nullable=True),
        Column(
            "started_ms", pl.Int64, "epoch ms of the recording's start by the player's clock", nullable=True
        ),
        Column("prompt", pl.String, "what the model was asked to paint", nullable=True),
        Column("scenario_id", pl.String, "scenario that was armed", nullable=True),
        Column(
            "scenario_result", pl.String, "success, failure, timeout; null where not recorded", nullable=True
        ),
        Column("contacts", pl.Int32, "contact events with the world", low=0, nullable=True),
    ),
)

ALIGNMENTS = Table(
    "aligned_sessions.sessions",
    "a valid bundle of the hour after alignment",
    ("session_id",),
    (
        _SESSION,
        *_VERDICT,
        Column(
            "align_method",
            pl.String,
            "frame_id, recorder_clock, content, meta_endanchor or meta_interval",
            nullable=True,
        ),
        Column("alignment_grade", pl.String, "exact, rtp, estimated or legacy", nullable=True),
        Column("start_lo_ms", pl.Float64, "game time of PTS 0, lower bound", nullable=True),
        Column("start_hi_ms", pl.Float64, "game time of PTS 0, upper bound", nullable=True),
        Column(
            "start_uncertainty_ms",
            pl.Float64,
            "half the width of the interval of the start",
            low=0,
            nullable=True,
        ),
        Column(
            "confidence", pl.Float64, "1 exact; legacy: 1 / (1 + uncertainty / 500 ms)", 0, 1, nullable=True
        ),
        Column("latency_ms", pl.Float64, "median delay from game to picture", nullable=True),
        Column("frames", pl.Int32, "video packets", low=0),
        Column("valid_frames", pl.Int32, "frames whose PTS is valid", low=0),
    ),
)

FRAMES = Table(
    "aligned_sessions.frames",
    "one video frame with what the game knew when it was drawn",
    ("session_id", "frame_idx"),
    (
        _SESSION,
        _FRAME,
        Column(
            "sim_frame",
            pl.Int64,
            "id of the simulated frame; null for legacy recordings",
            low=0,
            nullable=True,
        ),
        _PTS,
        Column("pts_valid", pl.Boolean, "false inside runs of equal or decreasing PTS"),
        Column("run_id", pl.Int32, "gap-free run, from 0; -1 where the PTS is invalid", low=-1),
        Column("game_t_ms", pl.Float64, "game time that the frame shows", nullable=True),
        Column("rtt_ms", pl.Float64, "network round trip at that time", low=0, nullable=True),
        *_HELD,
        Column("keys_other", pl.String, "other held keys, sorted, comma separated"),
        Column("keys_uncertain", pl.Boolean, "a key was held over a logging gap of more than 1 s"),
        Column("key_events", pl.Int32, "key transitions since the previous frame", low=0),
        Column("mouse_dx_px", pl.Float64, "mouse movement since the previous frame, right positive"),
        Column("mouse_dy_px", pl.Float64, "mouse movement since the previous frame, down positive"),
        Column("x_m", pl.Float64, "position, world X forward", nullable=True),
        Column("y_m", pl.Float64, "position, world Y right", nullable=True),
        Column("z_m", pl.Float64, "height", nullable=True),
        Column("yaw_rad", pl.Float64, "heading, clockwise, unwrapped within the session", nullable=True),
        Column(
            "pose_gap_ms",
            pl.Float64,
            "distance of the two pose samples around the frame",
            low=0,
            nullable=True,
        ),
        Column("teleport", pl.Boolean, "the two pose samples around the frame lie across a teleport"),
        Column("speed_mps", pl.Float64, "speed from displacement", low=0, nullable=True),
        Column(
            "speed_game", pl.Float64, "speed as the game logged it (unit differs by version)", nullable=True
        ),
        *_STEERING,
        Column("control_source", pl.String, "logged (version 2), derived (from keys and path) or none"),
        _COMMAND,
        Column("command_source", pl.String, "route (planner of version 2), path (future path) or none"),
        Column(
            "key_command",
            pl.Int8,
            "command as logged by version 1: a copy of the keys, not navigation",
            1,
            4,
            nullable=True,
        ),
    ),
)

DECODINGS = Table(
    "segments.sessions",
    "an aligned session of the hour after the decode pass",
    ("session_id",),
    (
        _SESSION,
        *_VERDICT,
        Column("frames", pl.Int32, "decoded frames", low=0),
        Column("exported_frames", pl.Int32, "frames stored as JPEG", low=0),
        Column("segments", pl.Int32, "segments cut, skipped ones not counted", low=0),
        Column("shard_key", pl.String, "object key of the session's frame shard", nullable=True),
        Column("shard_sha256", pl.String, "content hash of the shard", nullable=True),
        Column("shard_bytes", pl.Int64, "size of the shard", low=0, nullable=True),
    ),
)

SEGMENTS = Table(
    "segments.segments",
    "about 5 s of one gap-free run",
    ("segment_id",),
    (
        _SEGMENT,
        _SESSION,
        _ORIGIN,
        Column("segment_index", pl.Int32, "place in the session, from 1", low=1),
        Column("first_frame_idx", pl.Int32, "first frame", low=0),
        Column("end_frame_idx", pl.Int32, "frame after the last (half-open)", low=1),
        Column("start_pts_ms", pl.Int64, "PTS of the first frame", low=0),
        Column("end_pts_ms", pl.Int64, "PTS of the last frame", low=0),
        Column("frames", pl.Int32, "frames", low=1),
        Column("exported_frames", pl.Int32, "frames stored as JPEG", low=0),
        Column("skip_reason", pl.String, "why it is not judged (idle); null when it is", nullable=True),
    ),
)

SIGNALS = Table(
    "segments.signals",
    "raw measurements of one decoded frame at 256x256",
    ("session_id", "frame_idx"),
    (
        _SESSION,
        _FRAME,
        _PTS,
        Column("exported", pl.Boolean, "stored as JPEG in the session's shard"),
        Column("sharpness", pl.Float32, "mean square of the Laplacian of luma", low=0),
        Column(
            "hist_change",
            pl.Float32,
            "total-variation distance of 64-bin luma histograms to the previous frame",
            0,
            1.001,
            nullable=True,
        ),
        Column(
            "motion",
            pl.Float32,
            "mean absolute luma difference to the previous frame, gray levels",
            0,
            255,
            nullable=True,
        ),
        Column("luma_mean", pl.Float32, "mean luma, full range", 0, 255),
        Column("luma_std", pl.Float32, "standard deviation of luma", 0, 255),
        Column("entropy_bits", pl.Float32, "entropy of the 64-bin luma histogram", 0, 6.001),
        Column("cut", pl.Boolean, "the picture jumps at this frame (teleport or scene change)"),
        Column(
            "pdq_hash", pl.String, "256-bit PDQ perceptual hash in hex, about once a second", nullable=True
        ),
        Column("pdq_quality", pl.Int16, "PDQ quality, 0 to 100", 0, 100, nullable=True),
    ),
)

VERDICTS = Table(
    "quality_scores.segments",
    "a segment's scores and its verdict under one policy",
    ("segment_id",),
    (
        _SEGMENT,
        _SESSION,
        _WALLET,
        _ORIGIN,
        Column("policy_version", pl.String, "version of the quality policy"),
        Column("policy_hash", pl.String, "content hash of the policy that gave the verdict"),
        Column("passed", pl.Boolean, "every rule of the policy holds"),
        Column("reasons", pl.List(pl.String), "every failing rule, in the policy's order"),
        Column("score", pl.Float64, "weighted share of soft checks, 1 is best", 0, 1),
        Column("frames", pl.Int32, "frames judged", low=1),
        Column("frames_ok_share", pl.Float64, "share of frames without a defect", 0, 1),
        Column("sharpness_p50", pl.Float64, "median sharpness", low=0),
        Column("blur_share", pl.Float64, "share of frames under the hard sharpness limit", 0, 1),
        Column(
            "artifact_share", pl.Float64, "share of frames with noise far over the session's median", 0, 1
        ),
        Column("freeze_s", pl.Float64, "longest still picture while the pose moves", low=0),
        Column("black_share", pl.Float64, "share of black or flat frames", 0, 1),
        Column("low_entropy_share", pl.Float64, "share of frames under the entropy limit", 0, 1),
        Column("cuts", pl.Int32, "picture jumps inside the segment", low=0),
        Column("teleports", pl.Int32, "frames across a teleport", low=0),
        Column(
            "alignment_uncertainty_ms", pl.Float64, "half width of the start's interval", low=0, nullable=True
        ),
        Column("alignment_confidence", pl.Float64, "confidence of the alignment", 0, 1, nullable=True),
        Column("pose_share", pl.Float64, "share of frames with a known pose", 0, 1),
        Column("key_events", pl.Int32, "WASD transitions", low=0),
        Column("moving_share", pl.Float64, "share of frames faster than the idle limit", 0, 1),
        Column("path_m", pl.Float64, "driven distance", low=0),
        Column("spam_events", pl.Int32, "key transitions closer than the spam limit", low=0),
        Column("opposing_share", pl.Float64, "share of frames with A and D, or W and S, held together", 0, 1),
        Column("uncaused_motion_share", pl.Float64, "share of frames that speed up without a key", 0, 1),
        Column("keys_uncertain_share", pl.Float64, "share of frames with keys held over a logging gap", 0, 1),
        Column("pairs", pl.Int32, "frames that are known before painting, too", low=0),
        Column(
            "hallucinated_share",
            pl.Float64,
            "share of those that show something else than before painting",
            0,
            1,
            nullable=True,
        ),
        Column("pair_layout_p50", pl.Float64, "median of their `pair_layout`", 0, 1.0001, nullable=True),
        Column("contacts", pl.Int32, "contact events of the session", low=0, nullable=True),
        Column("scenario_result", pl.String, "result of the session's scenario", nullable=True),
        Column(
            "duplicate_of",
            pl.String,
            "earlier segment of any wallet with nearly the same pictures",
            nullable=True,
        ),
        Column("duplicate_share", pl.Float64, "share of hashes found in that segment", 0, 1),
    ),
)

DATASET_INDEX = Table(
    "cilrs_datasets.segments",
    "a passing segment of the day and where its frames lie",
    ("segment_id",),
    (
        _SEGMENT,
        _SESSION,
        _WALLET,
        _ORIGIN,
        Column("shard_key", pl.String, "object key of the training shard"),
        Column("first_row", pl.Int32, "first row in the shard", low=0),
        Column("rows", pl.Int32, "frames in the shard", low=1),
        Column("duration_ms", pl.Int64, "PTS span", low=0),
        Column("policy_hash", pl.String, "policy that passed it"),
        Column("align_method", pl.String, "how its frames were aligned"),
        Column("align_uncertainty_ms", pl.Float64, "half width of the start's interval", low=0),
        Column("score", pl.Float64, "quality score", 0, 1),
        *(
            Column(f"frames_{name}", pl.Int32, f"frames under command {number}", low=0)
            for number, name in enumerate(("left", "right", "straight", "follow"), start=1)
        ),
        Column("content_sha256", pl.String, "hash of the segment's rows, JPEG bytes included"),
    ),
)

SHARD_FRAMES = Table(
    "cilrs_datasets.shard",
    "an exported frame with its labels: the columns of a training shard",
    ("segment_id", "frame_idx"),
    (
        _SEGMENT,
        *(column for column in FRAMES.columns),
        Column("jpeg", pl.Binary, "256x256 JPEG, full-range YUV 4:2:0"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class RawSessions(TableSet):
    """What `raw_sessions` holds for an hour."""

    sessions: pl.DataFrame = table_field(MANIFEST)


class RawSessionsHours(Partitions[RawSessions]):
    """Hours of `RawSessions` that a downstream asset reads."""

    kind = RawSessions


@dataclass(frozen=True, kw_only=True)
class AlignedSessions(TableSet):
    """What `aligned_sessions` holds for an hour."""

    sessions: pl.DataFrame = table_field(ALIGNMENTS)
    frames: pl.DataFrame = table_field(FRAMES)


class AlignedSessionsHours(Partitions[AlignedSessions]):
    """Hours of `AlignedSessions` that a downstream asset reads."""

    kind = AlignedSessions


@dataclass(frozen=True, kw_only=True)
class Segments(TableSet):
    """What `segments` holds for an hour; the JPEGs lie in one shard per session."""

    sessions: pl.DataFrame = table_field(DECODINGS)
    segments: pl.DataFrame = table_field(SEGMENTS)
    signals: pl.DataFrame = table_field(SIGNALS)


class SegmentsHours(Partitions[Segments]):
    """Hours of `Segments` that a downstream asset reads."""

    kind = Segments


@dataclass(frozen=True, kw_only=True)
class QualityScores(TableSet):
    """What `quality_scores` holds for an hour."""

    segments: pl.DataFrame = table_field(VERDICTS)


class QualityScoresHours(Partitions[QualityScores]):
    """Hours of `QualityScores` that a downstream asset reads."""

    kind = QualityScores


@dataclass(frozen=True, kw_only=True)
class CilrsDataset(TableSet):
    """What `cilrs_datasets` holds for a day; frames lie in shards named by the index."""

    segments: pl.DataFrame = table_field(DATASET_INDEX)


class CilrsDatasetDays(Partitions[CilrsDataset]):
    """Days of `CilrsDataset` that a downstream asset reads."""

    kind = CilrsDataset


ALL_TABLES = (
    MANIFEST,
    ALIGNMENTS,
    FRAMES,
    DECODINGS,
    SEGMENTS,
    SIGNALS,
    VERDICTS,
    DATASET_INDEX,
    SHARD_FRAMES,
)
