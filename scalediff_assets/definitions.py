"""The code location: every stage in data order, eager, light to load.

Loading imports no torch, cv2, mlflow or dagster_aws and opens no connection; a test holds this.
"""

import warnings

import dagster as dg

# Partitioned checks and backfill policies are what this graph stands on; their preview and beta
# warnings would fill every terminal. The pinned Dagster version and the tests guard their behaviour.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from resources.profiles import executor, resources_for
from resources.settings import read_settings
from scalediff_assets.aligned_sessions.assets import aligned_sessions
from scalediff_assets.automation import JOBS, SCHEDULES, SENSORS
from scalediff_assets.checkpoints.assets import checkpoints
from scalediff_assets.checks import CHECKS
from scalediff_assets.cilrs_datasets.assets import cilrs_datasets
from scalediff_assets.dataset_releases.assets import dataset_releases
from scalediff_assets.driving_clips.assets import clip_dynamics, driving_clips
from scalediff_assets.leaderboard_results.assets import champions, leaderboard_results, simple_drivers
from scalediff_assets.model_watch.assets import ab_experiments, drift_reports
from scalediff_assets.paired_clips.assets import paired_clips, repainted_sessions
from scalediff_assets.payouts.assets import payouts
from scalediff_assets.quality_scores.assets import quality_scores
from scalediff_assets.raw_sessions.assets import raw_sessions
from scalediff_assets.raw_sessions.sensors import (
    reconcile_arrivals,
    reconcile_nightly,
    uploads,
)
from scalediff_assets.segments.assets import segments
from scalediff_assets.synthetic_clips.assets import (
    gated_clips,
    generated_clips,
    generation_costs,
    scenario_plans,
    synthetic_lake,
)
from scalediff_assets.video_models.assets import model_releases, video_evaluations, video_models

# What each worker process needs; the fork server imports it once.
WORKER_MODULES = (
    "scalediff_assets.raw_sessions.validate",
    "scalediff_assets.aligned_sessions.task",
    "scalediff_assets.segments.task",
    "scalediff_assets.paired_clips.task",
)

STAGES = [
    raw_sessions,
    aligned_sessions,
    segments,
    repainted_sessions,
    paired_clips,
    quality_scores,
    payouts,
    cilrs_datasets,
    dataset_releases,
    checkpoints,
    simple_drivers,
    leaderboard_results,
    champions,
    driving_clips,
    clip_dynamics,
    video_models,
    video_evaluations,
    scenario_plans,
    generated_clips,
    gated_clips,
    synthetic_lake,
    ab_experiments,
    model_releases,
    drift_reports,
    generation_costs,
]

defs = dg.Definitions(
    assets=STAGES,
    asset_checks=CHECKS,
    jobs=[*JOBS, reconcile_arrivals],
    schedules=[*SCHEDULES, reconcile_nightly],
    sensors=[uploads, *SENSORS],
    resources=resources_for(read_settings(), worker_modules=WORKER_MODULES),
    executor=executor(),
)
