"""The assets `ab_experiments` and `drift_reports`."""

import time

import dagster as dg
from pydantic import Field

from resources.connections import Connections
from resources.generation import GenerationService
from resources.jobs import JobLauncher
from resources.tables import has_tables, read_tables
from scalediff_assets.clip_schemas import DRIFT, EXPERIMENTS, AbExperiment, Drift
from scalediff_assets.driving_clips.tables import read_manifest
from scalediff_assets.hours import column_schema, sample
from scalediff_assets.model_watch.arms import (
    DAY_MS,
    FIRST,
    Experiment,
    accepted_clips,
    all_verdicts,
    arm_clips_spec,
    arm_result,
    begin,
    end,
    experiment_event,
    experiment_tables,
    first_tables,
)
from scalediff_assets.model_watch.months import (
    MONTH,
    REFERENCE,
    Watched,
    by_category,
    clips_of_each,
    drift_event,
    drift_spec,
    drift_tables,
    month_set,
    reference_of,
)
from scalediff_assets.partitions import MONTHLY, VIDEO_MODELS
from scalediff_assets.policy_audit import PolicyInForce, note_policy
from scalediff_assets.synthetic_clips.drift import drift_report
from scalediff_assets.synthetic_clips.experiments import ExperimentPolicy, decide
from scalediff_assets.synthetic_clips.likeness import read_features
from scalediff_assets.synthetic_clips.report import drift_picture
from scalediff_assets.video_models.record import read_training
from scalediff_assets.video_models.registry import Staged, read_stages
from scalediff_assets.video_models.releasing import staged_of
from scalediff_contract.clip_manifests import ClipsPlace, CutClipsResult
from scalediff_contract.video_evaluation import DownstreamResult, DownstreamSpec, EmbedClipsResult
from scalediff_contract.video_models import ClipSpec

OWNERS = ("team:simulation",)
GROUP = "video_models"
_ONE = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
_FEWEST = 20


class ExperimentConfig(dg.Config):
    """What is measured beside the gate's rates and the evaluations' distances."""

    challenger_share: float | None = Field(default=None, description="Of the jobs; None: the policy's 10 %.")
    detector_seeds: int = Field(
        default=0, ge=0, description="Detectors trained on each arm's clips; 0: the gain is not measured yet."
    )
    detector_steps: int = Field(default=300, ge=1, description="Optimiser steps of each detector.")


@dg.asset(
    partitions_def=VIDEO_MODELS,
    deps=[
        "video_models",
        "video_evaluations",
        *(
            dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping())
            for name in ("gated_clips", "synthetic_lake")
        ),
    ],
    backfill_policy=_ONE,
    pool="gpu",
    group_name=GROUP,
    kinds={"polars", "pytorch"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(EXPERIMENTS)},
)
def ab_experiments(
    context: dg.AssetExecutionContext,
    config: ExperimentConfig,
    connections: Connections,
    jobs: JobLauncher,
    generation: GenerationService,
) -> dg.Output[dict[str, AbExperiment]]:
    """A challenger against the production model: 10 % of the jobs by the hash of their ids, for 7 days.

    The first materialisation begins it, later ones measure it, until it is decided. Guardrails first (Frechet
    distance at equal n, refused clips), then the gain of detectors trained on each arm's clips, by a
    two-sided test over training seeds. The partition is the challenger's training run.
    """
    name, now_ms = context.partition_key, time.time_ns() // 1_000_000
    policy, challenger = ExperimentPolicy.read(), staged_of(connections, context.partition_key)
    control, began_ms = _control(connections, name), _began_ms(connections, name, now_ms)
    if control is None:
        tables, told = first_tables(challenger, policy, now_ms), "nothing to share out"
    else:
        share = policy.challenger_share if config.challenger_share is None else config.challenger_share
        experiment = Experiment(challenger=challenger, control=control, share=share, began_ms=began_ms)
        told = begin(generation, experiment)
        tables = _measured(context, config, connections, jobs, experiment, policy)
        if str(tables.decisions["outcome"][0]) in ("keep", "stopped"):
            end(generation, experiment)
    actor, log = f"dagster run {context.run.run_id}", connections.audit_log()
    in_force = PolicyInForce(
        subject="experiment policy", version=policy.version, content_hash=policy.content_hash
    )
    note_policy(log, in_force, partition=name, actor=actor, now_ms=now_ms)
    log.append([experiment_event(tables, actor, now_ms)])
    outcome, reason = tables.decisions.select("outcome", "reason").row(0)
    report = {"outcome": outcome, "reason": reason, "service": told, "arms": sample(tables.decisions)}
    context.add_asset_metadata(report, partition_key=name)
    context.log.info("experiment=%s outcome=%s: %s", name, outcome, reason)
    # A step that started a job over Pipes must return an event.
    return dg.Output({name: tables})


def _control(connections: Connections, name: str) -> Staged | None:
    """What it is held against: production, where that is another version."""
    production = read_stages(connections).production
    return None if production is None or production.training_run == name else production


def _began_ms(connections: Connections, name: str, now_ms: int) -> int:
    """When the experiment began: kept from its first materialisation."""
    if not has_tables(connections.lake(), "ab_experiments", name):
        return now_ms
    row = read_tables(connections.lake(), "ab_experiments", name, AbExperiment).decisions.row(0, named=True)
    return now_ms if row["outcome"] == FIRST else int(row["began_ms"])


def _measured(
    context: dg.AssetExecutionContext,
    config: ExperimentConfig,
    connections: Connections,
    jobs: JobLauncher,
    experiment: Experiment,
    policy: ExperimentPolicy,
) -> AbExperiment:
    verdicts = all_verdicts(connections)
    staged = (experiment.control, experiment.challenger)
    gains = _detectors(context, config, connections, jobs, staged)
    arms = tuple(
        arm_result(each, verdicts, connections, gain, count)
        for each, (gain, count) in zip(staged, gains, strict=True)
    )
    days = (time.time_ns() // 1_000_000 - experiment.began_ms) / DAY_MS
    decision = decide(arms[0], arms[1], days=round(days, 4), policy=policy)
    return experiment_tables(experiment, (arms[0], arms[1]), decision)


def _detectors(
    context: dg.AssetExecutionContext,
    config: ExperimentConfig,
    connections: Connections,
    jobs: JobLauncher,
    staged: tuple[Staged, Staged],
) -> list[tuple[DownstreamResult | None, int]]:
    """Each arm's detectors, on equally many clips; None where they are not asked for or clips are too few."""
    clips = [accepted_clips(connections, each.version) for each in staged]
    count = min(map(len, clips))
    if config.detector_seeds < 2 or count < _FEWEST:
        return [(None, 0), (None, 0)]
    found: list[tuple[DownstreamResult | None, int]] = []
    for each, own in zip(staged, clips, strict=True):
        trained = read_training(connections, each.training_run)[0]
        name = f"{context.partition_key}-{each.version}"
        cut = arm_clips_spec(connections, name, own[:count], _size(connections, trained.clips))
        result = jobs.run(context, cut)
        assert isinstance(result, CutClipsResult)  # noqa: S101 -- of a CutClipsSpec
        place = ClipsPlace(url=cut.output_url, key=result.manifest_key, content_hash=result.manifest_hash)
        spec = DownstreamSpec(
            synthetic=place, seeds=tuple(range(config.detector_seeds)), steps=config.detector_steps,
            output_url=f"{cut.output_url}/detectors",
        )  # fmt: skip
        gain = jobs.run(context, spec)
        assert isinstance(gain, DownstreamResult)  # noqa: S101 -- of a DownstreamSpec
        found.append((gain, count))
    return found


def _size(connections: Connections, clips: ClipsPlace) -> ClipSpec:
    return read_manifest(connections, clips.url.rpartition("/")[2]).spec


class DriftConfig(dg.Config):
    """Which clips are compared."""

    month_clips: str = Field(default="", description="Set of the month; empty: month-YYYY-MM.")
    month_split: str | None = Field(default=None, description="train or val; None: all of it.")
    reference_clips: str = Field(
        default="", description="Set before; empty: the month before, else what production learnt from."
    )
    reference_split: str | None = Field(default=None, description="train or val; None: all of it.")
    extractor: str = Field(default="random3d-v1", description="Whose features are compared.")


@dg.asset(
    partitions_def=MONTHLY,
    deps=[dg.AssetDep("driving_clips", partition_mapping=dg.AllPartitionMapping())],
    backfill_policy=_ONE,
    group_name=GROUP,
    kinds={"pytorch", "polars"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(DRIFT)},
)
def drift_reports(
    context: dg.AssetExecutionContext, config: DriftConfig, connections: Connections, jobs: JobLauncher
) -> dg.Output[dict[str, Drift]]:
    """Has the world moved away from what the model learnt? A month's real clips beside those before.

    Three looks, each beside what mixed months make: the Frechet distance of all features, how far clusters'
    centres moved, and their shares. An alarm makes a sensor fine-tune attention over time on the new clips.
    """
    month, now_ms = context.partition_key, time.time_ns() // 1_000_000
    watched = Watched.model_validate(
        {
            "month": config.month_clips or month_set(month),
            "month_split": config.month_split,
            "reference": config.reference_clips or reference_of(connections, month),
            "reference_split": config.reference_split,
        }
    )
    spec = drift_spec(connections, watched, month, config.extractor)
    result = jobs.run(context, spec)
    assert isinstance(result, EmbedClipsResult)  # noqa: S101 -- of an EmbedClipsSpec
    of_each = clips_of_each(result.sets)
    sides = {
        each.name: by_category(
            each, read_features(connections, spec, each), result.extractor, of_each=of_each
        )
        for each in result.sets
    }
    report = drift_report(sides[REFERENCE], sides[MONTH])
    tables = drift_tables(month, watched, report)
    event = drift_event(month, report, f"dagster run {context.run.run_id}", now_ms)
    connections.audit_log().append([event])
    row = tables.months.row(0, named=True)
    shown = {
        "alarm": report.alarm,
        "distance": str(report.distance),
        "clips_of_a_stretch": of_each,
        "looks": drift_picture(row),
    }
    context.add_asset_metadata(shown | {"report": sample(tables.months)}, partition_key=month)
    context.log.info("month=%s alarm=%s %s", month, report.alarm, report.distance)
    # A step that started a job over Pipes must return an event.
    return dg.Output({month: tables})
