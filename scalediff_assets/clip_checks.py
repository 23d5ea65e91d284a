"""The checks of the generation line; `checks.py` has the factories.

- `gate` of `gated_clips` (blocking): a cohort that breaks the gate's policy stays out of the lake.
- `conditions` of `video_evaluations` (blocking): the worst category and the gap hold the policy's audit.
"""

from scalediff_assets.check_factories import partitioned_check, shape_check
from scalediff_assets.clip_schemas import (
    AbExperiment,
    Drift,
    GatedClips,
    GeneratedClips,
    GenerationCosts,
    ScenarioPlan,
    SyntheticLake,
)
from scalediff_assets.partitions import CATEGORY_WEEKS, CLIP_SETS, MONTHLY, VIDEO_MODELS, WEEKLY
from scalediff_assets.synthetic_clips.judging import problem_of
from scalediff_assets.video_models.tables import audit_problem
from scalediff_assets.video_schemas import (
    ClipDynamics,
    DrivingClips,
    ModelRelease,
    VideoEvaluation,
    VideoModel,
)

CLIP_CHECKS = [
    partitioned_check(
        "gated_clips", GatedClips, CATEGORY_WEEKS, "gate", problem_of, blocking=True,
        description="No cohort breaks the gate's policy: refused clips, copies, distances of enough clips.",
    ),
    partitioned_check(
        "video_evaluations", VideoEvaluation, VIDEO_MODELS, "conditions", audit_problem, blocking=True,
        description="The worst category's coherence and the gap to the best are within the gate's policy.",
    ),
    shape_check("driving_clips", DrivingClips, CLIP_SETS),
    shape_check("clip_dynamics", ClipDynamics, CLIP_SETS),
    shape_check("video_models", VideoModel, VIDEO_MODELS),
    shape_check("video_evaluations", VideoEvaluation, VIDEO_MODELS),
    shape_check("model_releases", ModelRelease, VIDEO_MODELS),
    shape_check("ab_experiments", AbExperiment, VIDEO_MODELS),
    shape_check("scenario_plans", ScenarioPlan, CATEGORY_WEEKS),
    shape_check("generated_clips", GeneratedClips, CATEGORY_WEEKS),
    shape_check("gated_clips", GatedClips, CATEGORY_WEEKS),
    shape_check("synthetic_lake", SyntheticLake, CATEGORY_WEEKS),
    shape_check("drift_reports", Drift, MONTHLY),
    shape_check("generation_costs", GenerationCosts, WEEKLY),
]  # fmt: skip
