"""The jobs of the generation line; GPU work and the service's work are apart, for a run has one executor."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from scalediff_assets.generation_speed import bench_generation
from scalediff_assets.retention import apply_retention

plan_week = dg.define_asset_job(
    "plan_week",
    selection=dg.AssetSelection.assets("scenario_plans"),
    description="A week's orders for all 23 categories.",
)
order_clips = dg.define_asset_job(
    "order_clips",
    selection=dg.AssetSelection.assets("generated_clips"),
    description="A plan's orders at the service; what has ended is noted.",
)
make_clips = dg.define_asset_job(
    "make_clips",
    selection=dg.AssetSelection.assets("generated_clips", "gated_clips", "synthetic_lake"),
    description="Ended orders through the gate into the lake.",
)
cost_weeks = dg.define_asset_job(
    "cost_weeks",
    selection=dg.AssetSelection.assets("generation_costs"),
    description="What a week's clips cost.",
)
cut_clips = dg.define_asset_job(
    "cut_clips",
    selection=dg.AssetSelection.assets("driving_clips", "clip_dynamics"),
    description="A set of real clips, and how it moves.",
)
model_release = dg.define_asset_job(
    "model_release",
    selection=dg.AssetSelection.assets(
        "video_models", "video_evaluations", "ab_experiments", "model_releases"
    ),
    description=(
        "CI for models: unit tests, small training and its gate, full training, evaluation, experiment, "
        "promotion. Each stage stops the run where it fails."
    ),
)
judge_release = dg.define_asset_job(
    "judge_release",
    selection=dg.AssetSelection.assets("ab_experiments", "model_releases"),
    description="An experiment measured again, and what follows for its challenger.",
)
watch_drift = dg.define_asset_job(
    "watch_drift",
    selection=dg.AssetSelection.assets("drift_reports"),
    description="A month's real clips beside those before.",
)

CLIP_JOBS: list[dg.JobDefinition | UnresolvedAssetJobDefinition] = [
    plan_week,
    order_clips,
    make_clips,
    cost_weeks,
    cut_clips,
    model_release,
    judge_release,
    watch_drift,
    apply_retention,
    bench_generation,
]
