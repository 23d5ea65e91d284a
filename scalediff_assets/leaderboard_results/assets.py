"""The assets `simple_drivers`, `leaderboard_results` and `champions`."""

from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.connections import Connections
from resources.driving import DrivingPlaces
from resources.jobs import JobLauncher
from resources.tracking import Tracking
from scalediff_assets.checkpoints.assets import OWNERS, dagster_tags
from scalediff_assets.hours import column_schema, sample
from scalediff_assets.leaderboard_results.champion import PARTITION, decide, decisions_so_far
from scalediff_assets.leaderboard_results.drive import EvaluationConfig, drive_sets, score_lines
from scalediff_assets.leaderboard_results.record import deliver_results
from scalediff_assets.leaderboard_results.results import PRIMARY
from scalediff_assets.model_schemas import (
    CHAMPIONS,
    ROUTE_RESULTS,
    ROUTE_SET_RESULTS,
    Champions,
    Checkpoints,
    LeaderboardResults,
    LeaderboardResultsOf,
)
from scalediff_assets.partitions import SIMPLE_DRIVERS, TRAINING_RUNS
from scalediff_assets.tracking_outbox import deliver_or_owe

KIND = "results"
_SHOWN = (
    "route_set",
    "scorer_version",
    "backend",
    "n_routes",
    "km_driven",
    "driving_score",
    "driving_score_low",
    "driving_score_high",
    "route_completion",
    "infraction_penalty",
)
_COLUMNS = {"dagster/column_schema": column_schema(ROUTE_SET_RESULTS, ROUTE_RESULTS)}
_ONE = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


@dg.asset(
    partitions_def=SIMPLE_DRIVERS,
    backfill_policy=_ONE,
    group_name="models",
    kinds={"python", "mlflow"},
    owners=OWNERS,
    metadata=_COLUMNS,
)
def simple_drivers(
    context: dg.AssetExecutionContext,
    config: EvaluationConfig,
    connections: Connections,
    jobs: JobLauncher,
    driving: DrivingPlaces,
    tracking: Tracking,
) -> dg.Output[dict[str, LeaderboardResults]]:
    """What knows nothing and what sees everything: noop, random and the expert.

    They give every model's score its scale. They drive in minitown only; real CARLA has no expert here.
    """
    agent = context.partition_key
    places = DrivingPlaces(cache_dir=driving.cache_dir, carla_roots=[], workers=driving.workers)
    tables = drive_sets(context, agent, None, config, connections, jobs, places)
    return _finish(context, agent, tables, connections, tracking, "simple_drivers")


@dg.asset(
    partitions_def=TRAINING_RUNS,
    backfill_policy=_ONE,
    pool="gpu",
    group_name="models",
    kinds={"carla", "mlflow"},
    owners=OWNERS,
    metadata=_COLUMNS,
)
def leaderboard_results(
    context: dg.AssetExecutionContext,
    config: EvaluationConfig,
    connections: Connections,
    jobs: JobLauncher,
    driving: DrivingPlaces,
    tracking: Tracking,
    checkpoints: Checkpoints,
) -> dg.Output[dict[str, LeaderboardResults]]:
    """A checkpoint driven in closed loop and scored like the CARLA Leaderboard, with films.

    Drives on real CARLA where CARLA_ROOT, LEADERBOARD_ROOT and SCENARIO_RUNNER_ROOT are set, and in
    minitown elsewhere; each row says which. A row is a route, or a route set under one version of the
    scorer. The partition is the training run.
    """
    agent = context.partition_key
    run = checkpoints[agent].runs.row(0, named=True)
    checkpoint_url = f"{connections.models().url}/{run['folder_key']}"
    tables = drive_sets(context, agent, checkpoint_url, config, connections, jobs, driving)
    return _finish(context, agent, tables, connections, tracking, "leaderboard_results")


def _finish(
    context: dg.AssetExecutionContext,
    agent: str,
    tables: LeaderboardResults,
    connections: Connections,
    tracking: Tracking,
    asset: str,
) -> dg.Output[dict[str, LeaderboardResults]]:
    from resources.tables import write_tables

    # MLflow is told from the stored tables, now or later; the IO manager writes the same bytes again.
    write_tables(connections.lake(), asset, agent, tables)
    tags = dagster_tags(context, tracking, asset)
    told = deliver_or_owe(KIND, agent, deliver_results, connections, tracking, tags)
    report = _report(tables) | {"mlflow": "recorded" if told else "pending: MLflow did not answer"}
    context.add_asset_metadata(report, partition_key=agent)
    for line in score_lines(tables):
        context.log.info(line)
    # A step that started a job over Pipes must return an event.
    return dg.Output({agent: tables})


def _report(tables: LeaderboardResults) -> dict[str, Any]:
    from scalediff_assets.leaderboard_results.plots import route_picture
    from scalediff_assets.pictures import markdown_picture

    primary = tables.route_sets.filter(pl.col("scorer_version") == PRIMARY)
    report: dict[str, Any] = {
        f"driving_score {row['route_set']}": float(row["driving_score"])
        for row in primary.iter_rows(named=True)
    }
    report["backend"] = ", ".join(sorted(set(tables.route_sets["backend"])))
    report["scores"] = sample(tables.route_sets.select(_SHOWN))
    report["routes"] = markdown_picture(route_picture(tables.routes), "image/png", "scores by route")
    return report


class ChampionConfig(dg.Config):
    """Which training run is put up."""

    challenger: str = Field(default="", description="Training run; empty: the registry's challenger.")


@dg.asset(
    ins={
        "leaderboard_results": dg.AssetIn(partition_mapping=dg.AllPartitionMapping()),
        "simple_drivers": dg.AssetIn(partition_mapping=dg.AllPartitionMapping()),
    },
    group_name="models",
    kinds={"mlflow"},
    owners=OWNERS,
    metadata={"dagster/column_schema": column_schema(CHAMPIONS)},
)
def champions(
    context: dg.AssetExecutionContext,
    config: ChampionConfig,
    connections: Connections,
    tracking: Tracking,
    leaderboard_results: LeaderboardResultsOf,
    simple_drivers: LeaderboardResultsOf,
) -> dict[str, Champions]:
    """Which model is the champion, and every decision that made it so.

    A challenger is promoted where P(gain > 0) over the same routes and seeds is at least 0.95 and no
    safety rate is worse; the first champion must beat noop and random. Moves the MLflow aliases
    champion and previous. Results of different backends are never compared.
    """
    decision = decide(config.challenger, tracking, leaderboard_results, simple_drivers)
    made = decisions_so_far(connections, decision)
    context.add_output_metadata(
        {
            "champion": decision["challenger"] if decision["promoted"] else decision["champion"],
            "promoted": decision["promoted"],
            "reason": decision["reason"],
            "decisions": sample(made.decisions),
        }
    )
    context.log.info("%s: %s", decision["challenger"], decision["reason"])
    return {PARTITION: made}
