"""The assets `video_models`, `video_evaluations` and `model_releases`."""

import time
from typing import Any

import dagster as dg
from pydantic import Field

from resources.connections import Connections
from resources.generation import GenerationService
from resources.jobs import JobLauncher
from resources.tracking import Tracking, TrackingUnavailableError
from scalediff_assets.checkpoints.assets import dagster_tags
from scalediff_assets.clip_schemas import AbExperimentsOf
from scalediff_assets.hours import column_schema, sample
from scalediff_assets.partitions import VIDEO_MODELS
from scalediff_assets.policy_audit import gate_in_force, note_policy
from scalediff_assets.video_models import report as say
from scalediff_assets.video_models.launch import (
    SmallTrainingConfig,
    VideoEvaluationConfig,
    VideoTrainingConfig,
    base_of,
    evaluation_spec,
    small_training_spec,
    taken_versions,
    training_spec,
)
from scalediff_assets.video_models.record import EXPERIMENT, model_key
from scalediff_assets.video_models.releasing import release
from scalediff_assets.video_models.tables import evaluation_tables, model_tables
from scalediff_assets.video_models.unit_tests import run_unit_tests
from scalediff_assets.video_schemas import (
    ARMS,
    CONDITIONS,
    EVALUATION_TABLE,
    RELEASES_TABLE,
    VIDEO_MODEL_TABLE,
    ModelRelease,
    VideoEvaluation,
    VideoModel,
    VideoModelsOf,
)
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import EvaluateVideoResult
from scalediff_contract.video_training import SmokeVideoResult, TrainVideoResult

OWNERS = ("team:simulation",)
GROUP = "video_models"
_ONE = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


class UnitTestsConfig(dg.Config):
    """The first step."""

    skip: bool = Field(default=False, description="For new data under unchanged code.")


@dg.op(
    out=dg.Out(dg.Nothing),
    description="The quick tests of network, diffusion and training: seconds that may save GPU days.",
)
def unit_tests(context: dg.OpExecutionContext, config: UnitTestsConfig) -> None:
    """Stop where a test fails."""
    context.log.info("unit tests: %s", "skipped" if config.skip else run_unit_tests())


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dg.Nothing),
    pool="gpu",
    description="The tiny network on a few clips; the run ends here where it does not learn.",
)
def small_training(
    context: dg.OpExecutionContext, config: SmallTrainingConfig, connections: Connections, jobs: JobLauncher
) -> dg.Output[None]:
    """Train small, and hold loss and samples against their limits."""
    if config.skip:
        context.log.info("skipped: new data under unchanged code")
        return dg.Output(None)
    result = jobs.run(context, small_training_spec(context.partition_key, config, connections))
    assert isinstance(result, SmokeVideoResult)  # noqa: S101 -- of a SmokeVideoSpec
    if result.status == "failed":
        raise dg.Failure(
            f"the small training failed: {result.detail}; nothing larger is started",
            metadata={"loss": result.loss or -1.0, "seconds": result.seconds},
            allow_retries=False,
        )
    context.log.info("small training passed loss=%s of_noise=%s n=%d", result.loss, result.of_noise, result.n)
    # A step that started a job over Pipes must return an event.
    return dg.Output(None)


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    out=dg.Out(dict[str, VideoModel]),
    pool="gpu",
    description="The training itself; killed anywhere, it goes on from its last checkpoint.",
)
def full_training(
    context: dg.OpExecutionContext,
    config: VideoTrainingConfig,
    connections: Connections,
    jobs: JobLauncher,
    tracking: Tracking,
) -> dg.Output[dict[str, VideoModel]]:
    """Train and publish a checkpoint."""
    name = context.partition_key
    spec = training_spec(name, config, connections, _target(tracking, name), taken_versions(connections))
    result = jobs.run(context, spec)
    assert isinstance(result, TrainVideoResult)  # noqa: S101 -- of a TrainVideoSpec
    base = base_of(name, connections)
    tables = model_tables(
        spec, result, change=config.change, base=base, preset=config.preset, clip_set=config.clip_set
    )
    context.log.info("trained run=%s version=%s step=%d", name, result.version, result.step)
    return dg.Output({name: tables}, metadata=say.training(connections, spec, result))


@dg.graph_asset(
    partitions_def=VIDEO_MODELS,
    backfill_policy=_ONE,
    group_name=GROUP,
    kinds={"pytorch", "mlflow"},
    owners=list(OWNERS),
    metadata={"dagster/column_schema": column_schema(VIDEO_MODEL_TABLE)},
    description=(
        "A video diffusion model: unit checks, a small training that gates, then the full one.\n\n"
        "The partition is the training run; its launch form names a set of clips, a preset, and the kind of "
        "change that decides its version number. A broken loss never gets past the small training."
    ),
)
def video_models() -> dict[str, VideoModel]:
    """See the description."""
    return full_training(small_training(unit_tests()))  # type: ignore[no-any-return]


def _target(tracking: Tracking, training_run: str) -> TrackingTarget:
    """The MLflow run that the job streams to; without one it writes its spool only."""
    try:
        run_id = tracking.run_for(model_key(training_run), experiment=EXPERIMENT, name=training_run)
    except TrackingUnavailableError:
        return TrackingTarget(uri=tracking.uri)
    return TrackingTarget(uri=tracking.uri, run_id=run_id)


@dg.asset(
    partitions_def=VIDEO_MODELS,
    backfill_policy=_ONE,
    pool="gpu",
    group_name=GROUP,
    kinds={"pytorch", "opencv"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(EVALUATION_TABLE, ARMS, CONDITIONS)},
)
def video_evaluations(
    context: dg.AssetExecutionContext,
    config: VideoEvaluationConfig,
    connections: Connections,
    jobs: JobLauncher,
    tracking: Tracking,
    video_models: VideoModelsOf,
) -> dg.Output[dict[str, VideoEvaluation]]:
    """A model held against real clips that it never saw, beside two baselines, at equal n.

    The baselines are the same network without attention over time, and retrieval with augmentation. A
    Frechet distance carries extractor and n and is indicative under 256 clips. The blocking check reads
    the conditions: on average good and bad at dust storms is bad.
    """
    from scoring.gate import load_gate_policy

    name = context.partition_key
    model = video_models[name].models.row(0, named=True)
    url = f"{connections.models().url}/{model['folder_key']}"
    spec = evaluation_spec(name, url, model["clip_set"], config, connections, _target(tracking, name))
    result = jobs.run(context, spec)
    assert isinstance(result, EvaluateVideoResult)  # noqa: S101 -- of an EvaluateVideoSpec
    policy, actor = load_gate_policy(), f"dagster run {context.run.run_id}"
    tables, now_ms = evaluation_tables(name, spec, result, policy), time.time_ns() // 1_000_000
    in_force, log = gate_in_force(policy), connections.audit_log()
    note_policy(log, in_force, partition=name, actor=actor, now_ms=now_ms)
    context.add_asset_metadata(say.evaluation(connections, name, result, tables), partition_key=name)
    context.log.info("evaluated run=%s n=%d worst=%s gap=%.4f", name, result.n, result.worst, result.gap)
    # A step that started a job over Pipes must return an event.
    return dg.Output({name: tables})


class ReleaseConfig(dg.Config):
    """What a person may add to the rule."""

    promote_because: str = Field(default="", description="A reason to promote it without an experiment.")


@dg.asset(
    partitions_def=VIDEO_MODELS,
    deps=["video_models", "video_evaluations"],
    backfill_policy=_ONE,
    group_name=GROUP,
    kinds={"mlflow"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(RELEASES_TABLE)},
)
def model_releases(
    context: dg.AssetExecutionContext,
    config: ReleaseConfig,
    connections: Connections,
    tracking: Tracking,
    generation: GenerationService,
    ab_experiments: AbExperimentsOf,
) -> dict[str, ModelRelease]:
    """A whole version in the registry, and whether it is production.

    Whole is: checkpoint, training configuration, evaluation report, 100 clips of fixed seeds. The first
    whole version is promoted, a later one where its experiment says so or a person gives a reason. The
    service takes a promoted model at once; the one before stays for 30 days, for `scalediff model rollback`.
    """
    name, now_ms = context.partition_key, time.time_ns() // 1_000_000
    found = ab_experiments[name].decisions if name in set(ab_experiments) else None
    outcome = str(found["outcome"][0]) if found is not None and found.height else None
    released = release(
        name, outcome=outcome, by_hand=config.promote_because, connections=connections, tracking=tracking,
        generation=generation, actor=f"dagster run {context.run.run_id}",
        tags=dagster_tags(context, tracking, "model_releases"), now_ms=now_ms,
    )  # fmt: skip
    switched = released.switched
    row: dict[str, Any] = {
        "video_model": name,
        "version": released.staged.version,
        "registry_version": released.registry_version,
        "stage": "production" if released.promotes else "candidate",
        "promoted": released.promotes,
        "reason": released.reason,
        "previous": switched.previous.version if switched and switched.previous else None,
        "checkpoint_url": released.staged.url,
        "reload_s": switched.reload_s if switched else None,
        "decided_ms": now_ms,
        "audit_head": connections.audit_log().head()[1],
    }
    tables = ModelRelease(decisions=RELEASES_TABLE.frame([row]))
    pending = {"mlflow": "recorded" if released.registry_version else "pending: MLflow did not answer"}
    samples = say.release(connections, name)
    context.add_asset_metadata(
        {"decision": sample(tables.decisions), **pending, **samples}, partition_key=name
    )
    context.log.info("release run=%s stage=%s: %s", name, row["stage"], released.reason)
    return {name: tables}
