"""The plan line: `scenario_plans` -> `generated_clips` -> `gated_clips` -> `synthetic_lake`, and its costs.

Each partition is a scenario category in a week; a run covers a whole week's categories at once.
"""

import time

import dagster as dg
import polars as pl
from pydantic import Field

from resources.connections import Connections
from resources.generation import GenerationService
from resources.jobs import JobLauncher
from scalediff_assets.clip_schemas import (
    COHORTS,
    COSTS,
    GATED_CLIPS,
    GENERATED_CLIPS,
    LAKE_CLIPS,
    PLANNED_CLIPS,
    STAGE_SECONDS,
    GatedClips,
    GatedClipsOf,
    GeneratedClips,
    GeneratedClipsOf,
    GenerationCosts,
    ScenarioPlan,
    ScenarioPlansOf,
    SyntheticLake,
    SyntheticLakeOf,
)
from scalediff_assets.hours import column_schema, sample
from scalediff_assets.partitions import ALL_CATEGORIES, CATEGORY_WEEKS, WEEKLY, of_category_week
from scalediff_assets.policy_audit import PolicyInForce, gate_in_force, note_policy
from scalediff_assets.synthetic_clips import report as say
from scalediff_assets.synthetic_clips.accepting import accept_partition
from scalediff_assets.synthetic_clips.comparing import compare_with_training
from scalediff_assets.synthetic_clips.costing import cost_tables, price_key, production_of
from scalediff_assets.synthetic_clips.costs import clip_costs, load_prices
from scalediff_assets.synthetic_clips.gate import gate_rates
from scalediff_assets.synthetic_clips.judging import (
    cohorts_to_publish,
    decision_events,
    judged,
    read_sidecars,
    tell_service,
)
from scalediff_assets.synthetic_clips.orders import (
    clip_tables,
    order_and_wait,
    plan_events,
    planned_jobs,
    stage_seconds,
    with_empty,
)
from scalediff_assets.synthetic_clips.planning import plan_tables
from scalediff_assets.synthetic_clips.scenarios import WEEKLY_JOBS, PlanSettings
from scalediff_assets.video_models.report import latency_picture

OWNERS = ("team:simulation",)
GROUP = "synthetic_clips"


class PlanConfig(dg.Config):
    """The size of a week."""

    jobs: int = Field(default=WEEKLY_JOBS, ge=23, description="Clips of the week over all categories.")
    seed: int = Field(default=0, ge=0, description="Chooses prompts and noise.")
    num_inference_steps: int = Field(default=50, ge=1, description="Denoising steps.")
    guidance_scale: float = Field(default=4.0, ge=0, description="Weight of the prompt.")


@dg.asset(
    partitions_def=CATEGORY_WEEKS,
    backfill_policy=ALL_CATEGORIES,
    group_name=GROUP,
    kinds={"python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(PLANNED_CLIPS)},
)
def scenario_plans(context: dg.AssetExecutionContext, config: PlanConfig) -> dict[str, ScenarioPlan]:
    """The week's orders: every category gets clips, rare ones more, each with a prompt and a seed.

    A plan is a pure function of week, category, size and seed, and its keys say so: ordering it twice
    orders nothing twice. Sensors order it when the off-peak windows open.
    """
    settings = PlanSettings(
        jobs=config.jobs, seed=config.seed, num_inference_steps=config.num_inference_steps,
        guidance_scale=config.guidance_scale,
    )  # fmt: skip
    made = plan_tables(context.partition_keys, settings)
    planned = {of_category_week(key)[0]: tables.orders.height for key, tables in made.items()}
    for key, tables in made.items():
        shown = sample(tables.orders.select("prompt", "seed"), rows=5)
        context.add_asset_metadata({"clips": tables.orders.height, "prompts": shown}, partition_key=key)
    context.add_output_metadata(
        {"clips": sum(planned.values()), "plan": say.coverage_picture(planned, planned)}
    )
    return made


class GenerateConfig(dg.Config):
    """How long to wait for the service."""

    wait_s: float = Field(
        default=0.0, ge=0, description="Seconds; 0 orders, and a sensor collects what has ended."
    )


@dg.asset(
    partitions_def=CATEGORY_WEEKS,
    backfill_policy=ALL_CATEGORIES,
    group_name=GROUP,
    kinds={"fastapi", "pytorch"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(GENERATED_CLIPS, STAGE_SECONDS)},
)
def generated_clips(
    context: dg.AssetExecutionContext,
    config: GenerateConfig,
    connections: Connections,
    generation: GenerationService,
    scenario_plans: ScenarioPlansOf,
) -> dict[str, GeneratedClips]:
    """The plan's orders at the generation service, and what became of each.

    Ordering is idempotent; a row is an order with its state, model and the processor time it took. Clips
    and sidecars lie under `synthetic/raw/` in the lake for 90 days.
    """
    orders = pl.concat([scenario_plans[key].orders for key in context.partition_keys])
    jobs = order_and_wait(generation, planned_jobs(orders), wait_s=config.wait_s, label="clips")
    made = with_empty(context.partition_keys, clip_tables(jobs))
    connections.audit_log().append(plan_events(jobs))
    for key, tables in made.items():
        context.add_asset_metadata(_states(tables), partition_key=key)
    done = [(job.category, job.content_key) for job in jobs if job.content_key is not None]
    latency = stage_seconds(made.values())
    context.add_output_metadata(
        {
            "jobs": len(jobs),
            "completed": len(done),
            "latency": latency_picture(latency) if latency else "nothing is done yet",
            "contact_sheet": say.sheet_of(connections, dict(done).items()) or "no clip is done yet",
        }
    )
    context.log.info("ordered jobs=%d completed=%d", len(jobs), len(done))
    return made


def _states(tables: GeneratedClips) -> dict[str, int]:
    return {f"jobs_{row['status']}": row["len"] for row in tables.jobs.group_by("status").len().to_dicts()}


class GateConfig(dg.Config):
    """How clips are held against real ones."""

    extractor: str = Field(
        default="random3d-v1", description="Whose features copies and distances are measured in."
    )
    compare: bool = Field(default=True, description="Look for copies of training clips, and measure cohorts.")


@dg.asset(
    partitions_def=CATEGORY_WEEKS,
    backfill_policy=ALL_CATEGORIES,
    group_name=GROUP,
    kinds={"polars", "pytorch"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(GATED_CLIPS, COHORTS)},
)
def gated_clips(
    context: dg.AssetExecutionContext,
    config: GateConfig,
    connections: Connections,
    jobs: JobLauncher,
    generation: GenerationService,
    generated_clips: GeneratedClipsOf,
) -> dg.Output[dict[str, GatedClips]]:
    """The gate's verdict on each clip under the policy file, from stored measures, and its cohorts.

    A clip's row names every rule that it broke, with the policy's hash. Frechet distances belong to a cohort,
    with extractor and n. The blocking check stops a partition whose cohort fails the policy.
    """
    from scoring.gate import load_gate_policy

    policy, now_ms = load_gate_policy(), time.time_ns() // 1_000_000
    keys = {
        key: generated_clips[key].jobs.drop_nulls("content_key")["content_key"].to_list()
        for key in context.partition_keys
    }
    sidecars = {key: read_sidecars(connections, own) for key, own in keys.items()}
    every = [each for own in sidecars.values() for each in own]
    features = compare_with_training(
        context, connections, jobs, every, config.extractor, skip=not config.compare
    )
    made = {key: judged(key, own, policy, features) for key, own in sidecars.items()}
    verdicts = pl.concat([tables.verdicts for tables in made.values()])
    week = of_category_week(context.partition_keys[0])[1]
    told = tell_service(generation, verdicts, cohorts_to_publish(made.values(), week, features))
    actor, log = f"dagster run {context.run.run_id}", connections.audit_log()
    note_policy(log, gate_in_force(policy), partition=context.partition_keys[0], actor=actor, now_ms=now_ms)
    log.append(decision_events(verdicts, actor, now_ms))
    for key, tables in made.items():
        passed = {"passed": int(tables.verdicts["passed"].sum()), "clips": tables.verdicts.height}
        context.add_asset_metadata(passed | {"policy_hash": policy.policy_hash}, partition_key=key)
    rates = gate_rates(verdicts, policy)
    context.log.info("judged n=%d rejected=%d state=%s", rates.n, rates.rejected, rates.overall)
    # A step that started a job over Pipes must return an event.
    return dg.Output(
        made, metadata=say.gate_report(verdicts, policy, made.values(), features) | {"service": told}
    )


@dg.asset(
    partitions_def=CATEGORY_WEEKS,
    backfill_policy=ALL_CATEGORIES,
    group_name=GROUP,
    kinds={"s3", "parquet"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(LAKE_CLIPS)},
)
def synthetic_lake(
    context: dg.AssetExecutionContext, connections: Connections, gated_clips: GatedClipsOf
) -> dict[str, SyntheticLake]:
    """Accepted clips beside real data: kept for good, tagged synthetic, each traceable to where it came from.

    A clip's sidecar names prompt, seed, model, the clips that model learnt from, and the policy that let it
    in; the audit log has who decided. Refused clips stay under the raw prefix until their 90 days are over.
    """
    from scalediff_assets.code_version import code_version

    now_ms, made = time.time_ns() // 1_000_000, {}
    actor, code = f"dagster run {context.run.run_id}", code_version()
    for key in context.partition_keys:
        accepted = accept_partition(
            key, gated_clips[key], connections, actor=actor, code_version=code, now_ms=now_ms
        )
        connections.audit_log().append(accepted.events)
        made[key] = accepted.tables
        context.add_asset_metadata({"accepted": accepted.tables.clips.height}, partition_key=key)
    counts = {of_category_week(key)[0]: tables.clips.height for key, tables in made.items()}
    planned = {of_category_week(key)[0]: gated_clips[key].verdicts.height for key in made}
    shown = [(category, row) for key, tables in made.items() for category in [of_category_week(key)[0]]
             for row in tables.clips["content_key"].head(1)]  # fmt: skip
    context.add_output_metadata(
        say.coverage_report(counts, planned)
        | {
            "accepted": sum(counts.values()),
            "audit_head": connections.audit_log().head()[1],
            "contact_sheet": say.sheet_of(connections, shown) or "no clip was accepted",
        }
    )
    context.log.info("accepted clips=%d", sum(counts.values()))
    return made


class CostConfig(dg.Config):
    """What it ran on."""

    device: str = Field(default="cpu", description="What it ran on: cpu, or a GPU's name.")
    clip_s: float = Field(default=0.8, gt=0, description="Length of a clip; 4.0 of the production size.")


_OF_WEEK = dg.AssetIn(partition_mapping=dg.MultiToSingleDimensionPartitionMapping("week"))


@dg.asset(
    partitions_def=WEEKLY,
    ins={"generated_clips": _OF_WEEK, "synthetic_lake": _OF_WEEK},
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=1),
    group_name=GROUP,
    kinds={"polars"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(COSTS)},
)
def generation_costs(
    context: dg.AssetExecutionContext,
    config: CostConfig,
    connections: Connections,
    generated_clips: GeneratedClipsOf,
    synthetic_lake: SyntheticLakeOf,
) -> dict[str, GenerationCosts]:
    """What a week's clips cost: measured processor seconds and stored bytes times the price table.

    Refused clips cost as much as accepted ones, so the accepted ones carry them. The rates of
    `prices.toml` are guesses until a contract's are put in.
    """
    week, prices = context.partition_key, load_prices()
    production = production_of(
        week, list(generated_clips.values()), list(synthetic_lake.values()), connections,
        device=price_key(config.device), clip_s=config.clip_s,
    )  # fmt: skip
    costs = clip_costs(production, prices)
    tables = cost_tables(week, production, costs, prices)
    in_force = PolicyInForce(subject="price table", version=prices.version, content_hash=prices.content_hash)
    actor, now_ms = f"dagster run {context.run.run_id}", time.time_ns() // 1_000_000
    note_policy(connections.audit_log(), in_force, partition=week, actor=actor, now_ms=now_ms)
    context.add_output_metadata(
        {
            "total_usd": costs.total_usd,
            "accepted_clip_usd": "no clip was accepted" if costs.accepted_clip_usd is None
            else costs.accepted_clip_usd,
            "by_stage": say.cost_picture(costs.by_stage_usd),
            "costs": sample(tables.weeks),
        }
    )  # fmt: skip
    context.log.info("week=%s total_usd=%.4f accepted=%d", week, costs.total_usd, production.accepted)
    return {week: tables}
