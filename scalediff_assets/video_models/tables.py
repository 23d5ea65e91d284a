"""From the jobs' results to tables."""

from scalediff_assets.video_models.launch import FOLDER
from scalediff_assets.video_schemas import (
    ARMS,
    CONDITIONS,
    EVALUATION_TABLE,
    VIDEO_MODEL_TABLE,
    VideoEvaluation,
    VideoModel,
)
from scalediff_contract.video_evaluation import ArmReport, EvaluateVideoResult, EvaluateVideoSpec
from scalediff_contract.video_training import TrainVideoResult, TrainVideoSpec
from scoring.gate import GatePolicy


def model_tables(
    spec: TrainVideoSpec,
    result: TrainVideoResult,
    *,
    change: str,
    base: str | None,
    preset: str,
    clip_set: str,
) -> VideoModel:
    """The table of a training run."""
    row = {
        "video_model": spec.training_run,
        "version": result.version,
        "change": change,
        "base": base,
        "preset": preset,
        "clip_set": clip_set,
        "manifest_hash": spec.clips.content_hash,
        "trainable": spec.recipe.trainable,
        "folder_key": f"{FOLDER}/{spec.training_run}/{result.checkpoint}",
    }
    same = (
        "status", "detail", "step", "weights_sha256", "parameters", "seconds", "steps_per_s", "device",
        "loss", "val_loss",
    )  # fmt: skip
    return VideoModel(models=VIDEO_MODEL_TABLE.frame([row | {name: getattr(result, name) for name in same}]))


def evaluation_tables(
    training_run: str, spec: EvaluateVideoSpec, result: EvaluateVideoResult, policy: GatePolicy
) -> VideoEvaluation:
    """The tables of an evaluation."""
    same = (
        "version", "weights_sha256", "manifest_hash", "n", "steps", "guidance", "device", "worst", "best",
        "gap",
    )  # fmt: skip
    report = {
        "video_model": training_run,
        **{name: getattr(result, name) for name in same},
        "seeds": len(result.seeds),
        "coherence_min": policy.audit.coherence_min,
        "gap_max": policy.audit.gap_max,
        "policy_hash": policy.policy_hash,
        "samples": len(result.samples),
        "report_url": spec.output_url,
    }
    conditions = [{"video_model": training_run, **condition.model_dump()} for condition in result.conditions]
    arms = [row for arm in result.arms for row in _arm_rows(training_run, arm)]
    return VideoEvaluation(
        reports=EVALUATION_TABLE.frame([report]),
        arms=ARMS.frame(arms).sort("video_model", "arm", "extractor"),
        conditions=CONDITIONS.frame(conditions).sort("video_model", "condition"),
    )


def _arm_rows(training_run: str, arm: ArmReport) -> list[dict[str, object]]:
    same = (
        "arm", "tcs", "tcs_flow_error", "sharpness", "motion", "motion_gap", "memorised_share",
        "clip_score", "diversity",
    )  # fmt: skip
    shared = {"video_model": training_run, **{name: getattr(arm, name) for name in same}}
    return [
        shared
        | {
            "extractor": figure.extractor,
            "n": figure.n,
            "fvd": figure.value,
            "of_noise": figure.of_noise,
            "of_real": figure.of_real,
            "indicative": figure.indicative,
        }
        for figure in arm.frechet
    ]


def audit_problem(tables: VideoEvaluation) -> str | None:
    """What the per-condition audit holds against a model, naming the worst condition; None: nothing."""
    report = tables.reports.row(0, named=True)
    worst = tables.conditions.sort("coherence", "condition").row(0, named=True)
    if worst["coherence"] < report["coherence_min"]:
        return (
            f"worst condition {worst['condition']}: coherence {worst['coherence']:.3f} of {worst['n']} clips "
            f"is under {report['coherence_min']:g}; train on more clips of it"
        )
    if report["gap"] > report["gap_max"]:
        return (
            f"worst condition {report['worst']} is {report['gap']:.3f} less coherent than {report['best']} "
            f"({report['gap_max']:g} allowed); train on more clips of it"
        )
    return None
