"""The tables of scenario clips: plans, clips, verdicts, lake, experiments, drift, costs; see `schemas.py`."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from resources.tables import Partitions
from scalediff_assets.tables import Column, Table, TableSet, table_field

_CATEGORY = Column("category", pl.String, "scenario category")
_WEEK = Column("week", pl.String, "the plan's week, its Monday")
_CONTENT = Column("content_key", pl.String, "the clip, by all that it depends on")
_JOB = Column("job_id", pl.String, "order that it was made for")
_PROMPT = Column("prompt", pl.String, "what it should show")
_VERSION = Column("model_version", pl.String, "who made it")
_ORIGIN = Column("origin", pl.String, "synthetic, always", values=("synthetic",))
_POLICY = Column("policy_hash", pl.String, "hash of the policy that decided")
_EXTRACTOR = Column("extractor", pl.String, "whose features; distances of others are not comparable")

PLANNED_CLIPS = Table(
    "scenario_plans.orders",
    "a clip to be ordered",
    ("idempotency_key",),
    (
        Column("idempotency_key", pl.String, "ordering it twice gives the same job"),
        _CATEGORY,
        _WEEK,
        _PROMPT,
        Column("seed", pl.Int64, "of the clip's noise", low=0),
        Column("num_inference_steps", pl.Int64, "denoising steps", low=1),
        Column("guidance_scale", pl.Float64, "weight of the prompt", low=0),
        Column("priority", pl.String, "batch, normal, high or safety_critical"),
        Column("catalogue", pl.String, "version of the scenario catalogue"),
    ),
)

GENERATED_CLIPS = Table(
    "generated_clips.jobs",
    "an order of the plan and what the service made of it",
    ("job_id",),
    (
        _JOB,
        Column("idempotency_key", pl.String, "of the plan"),
        _CATEGORY,
        _WEEK,
        _PROMPT,
        _ORIGIN,
        Column("seed", pl.Int64, "of the clip's noise", low=0),
        Column("status", pl.String, "queued, running, completed, failed or cancelled"),
        Column("failure", pl.String, "why it failed, in one sentence", nullable=True),
        Column("content_key", pl.String, "the clip, by all that it depends on", nullable=True),
        Column("model_version", pl.String, "who made it", nullable=True),
        Column("training_release", pl.String, "hash of the clips that model learnt from", nullable=True),
        Column("frames_sha256", pl.String, "hash of the frames before encoding", nullable=True),
        Column("arm", pl.String, "production or challenger", nullable=True),
        Column("attempts", pl.Int64, "how often a worker began it", low=0),
        Column("completed_ms", pl.Int64, "epoch ms of its end", low=0, nullable=True),
        Column("gpu_s", pl.Float64, "this clip's share of the worker's time", low=0, nullable=True),
    ),
)

STAGE_SECONDS = Table(
    "generated_clips.stages",
    "a stage of a clip's making and its share of the time",
    ("job_id", "stage"),
    (
        _JOB,
        _CATEGORY,
        Column("stage", pl.String, "prepare, encode, denoise, decode, gate, h264, store, ..."),
        Column("seconds", pl.Float64, "of this clip: a batch's seconds over its clips", low=0),
    ),
)

GATED_CLIPS = Table(
    "gated_clips.verdicts",
    "a generated clip and what the gate says of it",
    ("content_key",),
    (
        Column("content_key", pl.String, "the clip, by all that it depends on"),
        Column("job_id", pl.String, "order that it was made for"),
        Column("category", pl.String, "scenario category"),
        Column("prompt", pl.String, "what it should show"),
        _ORIGIN,
        Column("model_version", pl.String, "who made it"),
        Column("passed", pl.Boolean, "whether it may join the lake"),
        Column("reasons", pl.List(pl.String), "codes of the rules that it broke"),
        Column("not_applied", pl.List(pl.String), "rules that could not be applied"),
        Column("policy_version", pl.String, "gate policy"),
        Column("policy_hash", pl.String, "hash of its content"),
        Column("calibration", pl.String, "source of the calibrated limits", nullable=True),
        Column("tcs", pl.Float64, "cosine of neighbouring raw frames", 0, 1),
        Column("tcs_flow", pl.Float64, "1 - warp error", 0, 1),
        Column("tcs_flow_worst", pl.Float64, "1 - largest warp error of two frames", 0, 1),
        Column("motion", pl.Float64, "mean change of neighbouring frames", 0, 1),
        Column("flicker", pl.Float64, "largest such change", 0, 1),
        Column("colour_drift", pl.Float64, "farthest that a channel's mean moves", 0, 1),
        Column("sharpness", pl.Float64, "mean Sobel gradient, gray levels per pixel", low=0),
        Column("flow_share", pl.Float64, "mean flow per frame, share of the width", low=0),
        Column("clip_score", pl.Float64, "cosine of prompt and frames", -1, 1, nullable=True),
        Column("clip_extractor", pl.String, "who measured it", nullable=True),
        Column("privacy", pl.String, "clear, found, not_applicable or unchecked"),
        Column("frames_sha256", pl.String, "hash of the frames before encoding"),
    ),
)

COHORTS = Table(
    "gated_clips.cohorts",
    "the clips of one model and category in a week, measured together",
    ("cohort_id",),
    (
        Column("cohort_id", pl.String, "`{model}/{category}/{week}`"),
        _VERSION,
        _CATEGORY,
        _WEEK,
        Column("n", pl.Int64, "clips judged", low=1),
        Column("rejected", pl.Int64, "of these", low=0),
        Column("rejection", pl.String, "too_few, ok, alarm or halt"),
        Column("passed", pl.Boolean, "no rule failed and intake need not halt"),
        Column("extractor", pl.String, "whose features", nullable=True),
        Column("fvd_n", pl.Int64, "clips on each side of the distance", low=2, nullable=True),
        Column("fvd", pl.Float64, "Frechet video distance to held-out clips", low=0, nullable=True),
        Column("indicative", pl.Boolean, "fvd_n is under 256: decides nothing", nullable=True),
        Column("copies", pl.Int64, "clips that are copies of training clips", low=0, nullable=True),
        _POLICY,
    ),
)

LAKE_CLIPS = Table(
    "synthetic_lake.clips",
    "an accepted clip in the lake",
    ("content_key",),
    (
        _CONTENT,
        _CATEGORY,
        _WEEK,
        _ORIGIN,
        Column("clip_key", pl.String, "object key of the MP4"),
        Column("sidecar_key", pl.String, "object key of its provenance"),
        Column("clip_bytes", pl.Int64, "size of the MP4", low=1),
        _JOB,
        _PROMPT,
        Column("seed", pl.Int64, "of the clip's noise", low=0),
        _VERSION,
        Column("training_release", pl.String, "hash of the clips that model learnt from", nullable=True),
        _POLICY,
        Column("accepted_ms", pl.Int64, "epoch ms", low=0),
    ),
)

EXPERIMENTS = Table(
    "ab_experiments.decisions",
    "a challenger put up against the production model",
    ("video_model",),
    (
        Column("video_model", pl.String, "the challenger's training run: the experiment's name"),
        Column("challenger", pl.String, "its version"),
        Column("control", pl.String, "production's version when it began", nullable=True),
        Column("outcome", pl.String, "promote, keep, stopped, inconclusive or first"),
        Column("reason", pl.String, "in a sentence"),
        Column("began_ms", pl.Int64, "epoch ms", low=0),
        Column("days", pl.Float64, "how long it has run", low=0),
        Column("challenger_share", pl.Float64, "of the jobs", 0, 1),
        Column("control_judged", pl.Int64, "clips that the gate saw", low=0),
        Column("control_rejected", pl.Int64, "of these", low=0),
        Column("challenger_judged", pl.Int64, "clips that the gate saw", low=0),
        Column("challenger_rejected", pl.Int64, "of these", low=0),
        Column("control_fvd", pl.Float64, "at equal n", low=0, nullable=True),
        Column("challenger_fvd", pl.Float64, "at equal n", low=0, nullable=True),
        Column("fvd_n", pl.Int64, "clips on each side", low=2, nullable=True),
        Column("extractor", pl.String, "whose features", nullable=True),
        Column("gain", pl.Float64, "mean downstream mAP, challenger less control", nullable=True),
        Column("p_value", pl.Float64, "two-sided, over training seeds", 0, 1, nullable=True),
        Column("low", pl.Float64, "95 % interval of the gain", nullable=True),
        Column("high", pl.Float64, "95 % interval of the gain", nullable=True),
        Column("seeds", pl.Int64, "training seeds of each arm", low=0),
        _POLICY,
    ),
)

DRIFT = Table(
    "drift_reports.months",
    "a month's real clips beside those before",
    ("month",),
    (
        Column("month", pl.String, "its first day"),
        Column("month_clips", pl.String, "set of clips of the month"),
        Column("reference_clips", pl.String, "set that it was compared with"),
        _EXTRACTOR,
        Column("n", pl.Int64, "clips on each side", low=2),
        Column("fvd", pl.Float64, "Frechet video distance", low=0),
        Column("fvd_limit", pl.Float64, "what mixed months hardly ever make", low=0),
        Column("centres", pl.Float64, "mean squared move of the clusters' centres", low=0),
        Column("centres_limit", pl.Float64, "of mixed months", low=0),
        Column("mixture", pl.Float64, "total variation of the clusters' shares", 0, 1),
        Column("mixture_limit", pl.Float64, "of mixed months", low=0),
        Column("alarm", pl.Boolean, "anything is over its limit"),
        Column("categories_compared", pl.Int64, "categories with 20 clips on both sides", low=0),
        Column("too_few", pl.String, "the others, with commas"),
    ),
)

COSTS = Table(
    "generation_costs.weeks",
    "what a week's clips cost; a quotient without a divisor is null",
    ("week",),
    (
        _WEEK,
        Column("device", pl.String, "kind of processor, as in the price table"),
        Column("prices_version", pl.String, "of the price table"),
        Column("made", pl.Int64, "clips", low=0),
        Column("accepted", pl.Int64, "of these", low=0),
        Column("generation_s", pl.Float64, "processor time of all clips, refused ones too", low=0),
        Column("training_s", pl.Float64, "of the models that made them", low=0),
        Column("stored_gb_months", pl.Float64, "bytes kept times how long", low=0),
        Column("total_usd", pl.Float64, "all together", low=0),
        Column("made_clip_usd", pl.Float64, "for each clip that was made", low=0, nullable=True),
        Column("accepted_clip_usd", pl.Float64, "for each accepted one", low=0, nullable=True),
        Column("video_hour_usd", pl.Float64, "for an hour of accepted video", low=0, nullable=True),
        Column("cheaper_than_real", pl.Float64, "times, than a real hour's price", low=0, nullable=True),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ScenarioPlan(TableSet):
    """What `scenario_plans` holds for a category and week."""

    row_owner: ClassVar[str] = "idempotency_key"
    orders: pl.DataFrame = table_field(PLANNED_CLIPS)


class ScenarioPlansOf(Partitions[ScenarioPlan]):
    """Plans that a downstream asset reads."""

    kind = ScenarioPlan


@dataclass(frozen=True, kw_only=True)
class GeneratedClips(TableSet):
    """What `generated_clips` holds for a category and week; clips lie in the lake's raw prefix."""

    row_owner: ClassVar[str] = "job_id"
    jobs: pl.DataFrame = table_field(GENERATED_CLIPS)
    stages: pl.DataFrame = table_field(STAGE_SECONDS)


class GeneratedClipsOf(Partitions[GeneratedClips]):
    """Jobs that a downstream asset reads."""

    kind = GeneratedClips


@dataclass(frozen=True, kw_only=True)
class GatedClips(TableSet):
    """What `gated_clips` holds for a category and week."""

    row_owner: ClassVar[str] = "content_key"
    verdicts: pl.DataFrame = table_field(GATED_CLIPS)
    cohorts: pl.DataFrame = table_field(COHORTS)


class GatedClipsOf(Partitions[GatedClips]):
    """Verdicts that a downstream asset reads."""

    kind = GatedClips


@dataclass(frozen=True, kw_only=True)
class SyntheticLake(TableSet):
    """What `synthetic_lake` holds for a category and week."""

    row_owner: ClassVar[str] = "content_key"
    clips: pl.DataFrame = table_field(LAKE_CLIPS)


class SyntheticLakeOf(Partitions[SyntheticLake]):
    """Accepted clips that a downstream asset reads."""

    kind = SyntheticLake


@dataclass(frozen=True, kw_only=True)
class AbExperiment(TableSet):
    """What `ab_experiments` holds for a challenger."""

    row_owner: ClassVar[str] = "video_model"
    decisions: pl.DataFrame = table_field(EXPERIMENTS)


class AbExperimentsOf(Partitions[AbExperiment]):
    """Experiments that a downstream asset reads."""

    kind = AbExperiment


@dataclass(frozen=True, kw_only=True)
class Drift(TableSet):
    """What `drift_reports` holds for a month."""

    row_owner: ClassVar[str] = "month"
    months: pl.DataFrame = table_field(DRIFT)


@dataclass(frozen=True, kw_only=True)
class GenerationCosts(TableSet):
    """What `generation_costs` holds for a week."""

    row_owner: ClassVar[str] = "week"
    weeks: pl.DataFrame = table_field(COSTS)


CLIP_TABLES = (
    PLANNED_CLIPS,
    GENERATED_CLIPS,
    STAGE_SECONDS,
    GATED_CLIPS,
    COHORTS,
    LAKE_CLIPS,
    EXPERIMENTS,
    DRIFT,
    COSTS,
)
