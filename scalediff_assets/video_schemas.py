"""The tables of video models: clips to learn from, trainings, evaluations, releases; see `schemas.py`."""

from dataclasses import dataclass
from typing import ClassVar, get_args

import polars as pl

from resources.tables import Partitions
from scalediff_assets.tables import Column, Table, TableSet, table_field
from scalediff_contract.clip_manifests import Origin

_SET = Column("clip_set", pl.String, "name of the set of clips")
_MODEL = Column("video_model", pl.String, "name of the training run")
_VERSION = Column("version", pl.String, "semantic version, vX.Y.Z")
_EXTRACTOR = Column("extractor", pl.String, "whose features; distances of others are not comparable")

CLIP_SET_TABLE = Table(
    "driving_clips.sets",
    "a set of clips that a model may learn from",
    ("clip_set",),
    (
        _SET,
        Column("place_url", pl.String, "folder of the manifest and its arrays"),
        Column("manifest_key", pl.String, "the manifest there"),
        Column("manifest_hash", pl.String, "its content hash"),
        Column("frames", pl.Int32, "pictures of a clip", low=2),
        Column("height_px", pl.Int32, "height of a picture", low=1),
        Column("width_px", pl.Int32, "width of a picture", low=1),
        Column("fps", pl.Float64, "pictures a second", low=0),
        Column("train", pl.Int64, "clips to learn from", low=1),
        Column("val", pl.Int64, "clips held out, of other stretches of time", low=1),
        Column("skipped", pl.Int64, "recordings that gave no clip", low=0),
        Column("privacy", pl.String, "places blurred, or why nothing was looked for"),
    ),
)

DRIVING_CLIPS = Table(
    "driving_clips.clips",
    "a clip and where it was cut from",
    ("clip_set", "clip_id"),
    (
        _SET,
        Column("clip_id", pl.String, "`{source}:{first picture}`"),
        Column("origin", pl.String, "real, game or synthetic", values=get_args(Origin)),
        Column("source", pl.String, "recording: a segment of a player's session, or a KITTI sequence"),
        Column("block", pl.Int32, "stretch of time of the recording; whole in one split", low=0),
        Column("split", pl.String, "train or val"),
        Column("category", pl.String, "what it shows, in a word"),
        Column("caption", pl.String, "what it shows, in the words of the prompt template"),
        Column("kitti_category", pl.String, "KITTI's own category", nullable=True),
        Column("first_frame", pl.Int32, "its first picture in the recording", low=0),
    ),
)

DYNAMICS = Table(
    "clip_dynamics.conditions",
    "how much the clips of a condition move",
    ("clip_set", "condition"),
    (
        _SET,
        Column("condition", pl.String, "category"),
        Column("n_clips", pl.Int64, "clips", low=1),
        Column("n_pairs", pl.Int64, "pairs of neighbouring pictures", low=1),
        Column("mean_change", pl.Float64, "mean change of neighbours, share of the full range", 0, 1),
        Column("std_change", pl.Float64, "its standard deviation", low=0),
        Column("max_change", pl.Float64, "the largest", 0, 1),
        Column("still_pairs", pl.Int64, "pairs under 0.01", low=0),
        Column("slow_pairs", pl.Int64, "pairs under 0.05", low=0),
        Column("lively_pairs", pl.Int64, "pairs under 0.15", low=0),
        Column("violent_pairs", pl.Int64, "the rest", low=0),
    ),
)

VIDEO_MODEL_TABLE = Table(
    "video_models.models",
    "a training run and the checkpoint that it published",
    ("video_model",),
    (
        _MODEL,
        _VERSION,
        Column("change", pl.String, "architecture, retrain or inference: what the number says"),
        Column("base", pl.String, "version that it was made from", nullable=True),
        Column("preset", pl.String, "preset of clip size, network and recipe"),
        Column("clip_set", pl.String, "what it learnt from"),
        Column("manifest_hash", pl.String, "content hash of those clips"),
        Column("trainable", pl.String, "all parameters, or those over time only"),
        Column("status", pl.String, "finished, or diverged: the last good checkpoint is the result"),
        Column("detail", pl.String, "why it stopped early; empty where it did not"),
        Column("step", pl.Int64, "optimiser steps of the checkpoint", low=1),
        Column("folder_key", pl.String, "the checkpoint's folder in the store of models"),
        Column("weights_sha256", pl.String, "hash of its weights"),
        Column("parameters", pl.Int64, "of the network", low=1),
        Column("seconds", pl.Float64, "wall time of training", low=0),
        Column("steps_per_s", pl.Float64, "training speed", low=0),
        Column("device", pl.String, "what it was trained on"),
        Column("loss", pl.Float64, "training loss at the end", nullable=True),
        Column("val_loss", pl.Float64, "loss on held-out clips", nullable=True),
    ),
)

EVALUATION_TABLE = Table(
    "video_evaluations.reports",
    "a model held against real clips",
    ("video_model",),
    (
        _MODEL,
        _VERSION,
        Column("weights_sha256", pl.String, "hash of the weights that were measured"),
        Column("manifest_hash", pl.String, "clips that it was held against"),
        Column("n", pl.Int64, "clips of every arm", low=1),
        Column("seeds", pl.Int64, "sampling runs", low=1),
        Column("steps", pl.Int64, "denoising steps", low=1),
        Column("guidance", pl.Float64, "weight of the prompt"),
        Column("device", pl.String, "what it ran on"),
        Column("worst", pl.String, "least coherent condition"),
        Column("best", pl.String, "most coherent condition"),
        Column("gap", pl.Float64, "difference of their coherence", 0, 1),
        Column("coherence_min", pl.Float64, "floor of the gate's policy", 0, 1),
        Column("gap_max", pl.Float64, "largest gap of the gate's policy", 0, 1),
        Column("policy_hash", pl.String, "of the gate's policy"),
        Column("samples", pl.Int64, "clips of fixed seeds kept with the model", low=0),
        Column("report_url", pl.String, "folder of report, card, pictures and samples"),
    ),
)

ARMS = Table(
    "video_evaluations.arms",
    "one way of making clips, measured against held-out ones",
    ("video_model", "arm", "extractor"),
    (
        _MODEL,
        Column("arm", pl.String, "model, frame_independent, retrieval_augmented, or real for scale"),
        _EXTRACTOR,
        Column("n", pl.Int64, "clips on each side", low=2),
        Column("fvd", pl.Float64, "Frechet video distance, mean of the sampling seeds", low=0),
        Column("of_noise", pl.Float64, "share of uniform noise's distance", low=0),
        Column("of_real", pl.Float64, "multiple of the distance of training clips", low=0),
        Column("indicative", pl.Boolean, "n is under 256: not to be published"),
        Column("tcs", pl.Float64, "mean cosine of neighbouring pictures", 0, 1.0001),
        Column("tcs_flow_error", pl.Float64, "mean warp error", 0, 1),
        Column("sharpness", pl.Float64, "mean Sobel gradient", low=0),
        Column("motion", pl.Float64, "mean change from picture to picture", 0, 1),
        Column("motion_gap", pl.Float64, "of the worst condition, to real", low=0),
        Column("memorised_share", pl.Float64, "clips that are copies of training clips", 0, 1),
        Column("clip_score", pl.Float64, "cosine of prompt and pictures", -1, 1, nullable=True),
        Column("diversity", pl.Float64, "distinct clips retrieved, of those asked for", 0, 1, nullable=True),
    ),
)

CONDITIONS = Table(
    "video_evaluations.conditions",
    "quality of one condition's clips",
    ("video_model", "condition"),
    (
        _MODEL,
        Column("condition", pl.String, "category"),
        Column("n", pl.Int64, "clips", low=1),
        Column("coherence", pl.Float64, "1 - mean warp error", 0, 1),
        Column("sharpness", pl.Float64, "mean Sobel gradient", low=0),
        Column("motion", pl.Float64, "mean change from picture to picture", 0, 1),
    ),
)

RELEASES_TABLE = Table(
    "model_releases.decisions",
    "what was decided of a whole version, and what the service holds since",
    ("video_model",),
    (
        _MODEL,
        _VERSION,
        Column("registry_version", pl.Int64, "number in MLflow's registry", nullable=True),
        Column("stage", pl.String, "candidate or production"),
        Column("promoted", pl.Boolean, "it became production in this run"),
        Column("reason", pl.String, "why, in one sentence"),
        Column("previous", pl.String, "version that was production before", nullable=True),
        Column("checkpoint_url", pl.String, "what the service loads"),
        Column("reload_s", pl.Float64, "until every worker held it", low=0, nullable=True),
        Column("decided_ms", pl.Int64, "epoch ms", low=0),
        Column("audit_head", pl.String, "newest hash of the audit log"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class DrivingClips(TableSet):
    """What `driving_clips` holds for a set; pictures lie in arrays in the store of models."""

    row_owner: ClassVar[str] = "clip_set"
    sets: pl.DataFrame = table_field(CLIP_SET_TABLE)
    clips: pl.DataFrame = table_field(DRIVING_CLIPS)


class DrivingClipsOf(Partitions[DrivingClips]):
    """Sets of clips that a downstream asset reads."""

    kind = DrivingClips


@dataclass(frozen=True, kw_only=True)
class ClipDynamics(TableSet):
    """What `clip_dynamics` holds for a set."""

    row_owner: ClassVar[str] = "clip_set"
    conditions: pl.DataFrame = table_field(DYNAMICS)


@dataclass(frozen=True, kw_only=True)
class VideoModel(TableSet):
    """What `video_models` holds for a training run."""

    row_owner: ClassVar[str] = "video_model"
    models: pl.DataFrame = table_field(VIDEO_MODEL_TABLE)


class VideoModelsOf(Partitions[VideoModel]):
    """Training runs that a downstream asset reads."""

    kind = VideoModel


@dataclass(frozen=True, kw_only=True)
class VideoEvaluation(TableSet):
    """What `video_evaluations` holds for a training run."""

    row_owner: ClassVar[str] = "video_model"
    reports: pl.DataFrame = table_field(EVALUATION_TABLE)
    arms: pl.DataFrame = table_field(ARMS)
    conditions: pl.DataFrame = table_field(CONDITIONS)


class VideoEvaluationsOf(Partitions[VideoEvaluation]):
    """Evaluations that a downstream asset reads."""

    kind = VideoEvaluation


@dataclass(frozen=True, kw_only=True)
class ModelRelease(TableSet):
    """What `model_releases` holds for a training run."""

    row_owner: ClassVar[str] = "video_model"
    decisions: pl.DataFrame = table_field(RELEASES_TABLE)


class ModelReleasesOf(Partitions[ModelRelease]):
    """Releases that a downstream asset reads."""

    kind = ModelRelease


VIDEO_TABLES = (
    CLIP_SET_TABLE,
    DRIVING_CLIPS,
    DYNAMICS,
    VIDEO_MODEL_TABLE,
    EVALUATION_TABLE,
    ARMS,
    CONDITIONS,
    RELEASES_TABLE,
)
