"""What MLflow is told of an evaluation: a nested run per agent and route set; made from stored results.

Runs of checkpoints are children of their training run; simple drivers stand alone, so that a chart of
driving scores shows all of them.
"""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from resources.connections import Connections
from resources.object_store import ObjectStore
from resources.tables import has_tables, read_tables
from resources.tracking import Record, Tracking
from scalediff_assets.checkpoints.record import EXPERIMENT, training_key
from scalediff_assets.leaderboard_results.results import infractions_per_km, scenario_confusion
from scalediff_assets.model_schemas import INFRACTIONS, LeaderboardResults

FOLDER = "leaderboard_results"
_FILMS = 4


def deliver_results(connections: Connections, tracking: Tracking, agent: str, tags: dict[str, str]) -> str:
    """Record every route set that an agent drove, and put its scores on the training run.

    Args:
        connections: Where the tables and documents lie.
        tracking: MLflow.
        agent: A training run or a simple driver.
        tags: Facts of the Dagster run.

    Returns:
        The id of the last run that was recorded.

    Raises:
        TrackingUnavailableError: MLflow does not answer; call again later.
    """
    tables = read_results(connections, agent)
    parent = None
    if is_checkpoint(connections, agent):
        parent = tracking.run_for(training_key(agent), experiment=EXPERIMENT, name=agent)
    run_id = ""
    all_scores: dict[str, float] = {}
    for (name,), route_sets in tables.route_sets.group_by(["route_set"], maintain_order=True):
        routes = tables.routes.filter(pl.col("route_set") == name)
        key, title = f"evaluate/{agent}/{name}", f"{agent} on {name}"
        run_id = tracking.run_for(key, experiment=EXPERIMENT, name=title, parent=parent)
        scores = dict(_scores(route_sets, routes))
        all_scores |= {f"closed_loop/{name}/{metric}": value for metric, value in scores.items()}
        with tempfile.TemporaryDirectory() as folder:
            files = _files(connections.models(), route_sets, routes, Path(folder), agent, str(name))
            record = Record(
                params=_params(route_sets), metrics=scores, tags=_tags(route_sets) | tags, files=files
            )
            tracking.record(run_id, record)
    if parent is not None:
        tracking.record(parent, Record(metrics=all_scores, tags={"scalediff.backend": _backend(tables)}))
    return run_id


def read_results(connections: Connections, agent: str) -> LeaderboardResults:
    """An agent's results, whether it is a checkpoint or a simple driver.

    Raises:
        PartitionMissingError: It has not been driven.
    """
    asset = "leaderboard_results" if is_checkpoint(connections, agent) else "simple_drivers"
    return read_tables(connections.lake(), asset, agent, LeaderboardResults)


def is_checkpoint(connections: Connections, agent: str) -> bool:
    """Whether an agent is a training run."""
    return has_tables(connections.lake(), "checkpoints", agent)


def _backend(tables: LeaderboardResults) -> str:
    return ", ".join(sorted(set(tables.route_sets["backend"])))


def _scores(route_sets: pl.DataFrame, routes: pl.DataFrame) -> Iterator[tuple[str, float]]:
    for row in route_sets.iter_rows(named=True):
        version = row["scorer_version"]
        yield f"driving_score/{version}", row["driving_score"]
        yield f"driving_score/{version}/ci95_low", row["driving_score_low"]
        yield f"driving_score/{version}/ci95_high", row["driving_score_high"]
        yield f"infraction_penalty/{version}", row["infraction_penalty"]
    first = route_sets.row(0, named=True)
    for name in ("route_completion", "success_share", "km_driven", "total_km", "sim_wall_ratio"):
        yield name, float(first[name])
    per_km = infractions_per_km(routes)
    for name in INFRACTIONS:
        yield f"infractions/{name}/count", float(routes[name].sum())
        if name in per_km:
            yield f"infractions/{name}/per_km", per_km[name]
    yield "attempts", float(routes["attempts"].sum())


def _params(route_sets: pl.DataFrame) -> dict[str, Any]:
    row = route_sets.row(0, named=True)
    names = ("agent", "route_set", "route_set_hash", "backend", "seed", "repetitions", "n_routes")
    return {name: row[name] for name in names}


def _tags(route_sets: pl.DataFrame) -> dict[str, str]:
    row = route_sets.row(0, named=True)
    return {
        "scalediff.backend": row["backend"],
        "scalediff.route_set_hash": row["route_set_hash"],
        "scalediff.scorer_versions": ", ".join(sorted(route_sets["scorer_version"])),
        "scalediff.kind": "evaluation",
    }


def _files(
    models: ObjectStore, route_sets: pl.DataFrame, routes: pl.DataFrame, folder: Path, agent: str, name: str
) -> dict[str, list[Path]]:
    """Documents verbatim, the route table, the confusion of scenarios, films and plots."""
    from scalediff_assets.leaderboard_results.plots import confusion_picture, route_picture

    written: dict[str, list[Path]] = {"results": [], "routes": [], "plots": [], "videos": []}

    def keep(kind: str, file: str, content: bytes) -> None:
        (folder / file).write_bytes(content)
        written[kind].append(folder / file)

    for key in route_sets["results_key"]:
        keep("results", key.rpartition("/")[2], models.get(key))
    buffer = io.BytesIO()
    routes.write_parquet(buffer)
    keep("routes", "routes.parquet", buffer.getvalue())
    keep("routes", "routes.csv", routes.write_csv().encode())
    confusion = scenario_confusion(routes)
    keep("routes", "scenario_by_end_status.csv", confusion.write_csv().encode())
    keep("plots", "routes.png", route_picture(routes))
    keep("plots", "scenario_by_end_status.png", confusion_picture(confusion))
    films = [info.key for info in models.list(f"{FOLDER}/{agent}/{name}/video/") if info.key.endswith(".mp4")]
    for key in films[:_FILMS]:
        keep("videos", key.rpartition("/")[2], models.get(key))
    return {kind: paths for kind, paths in written.items() if paths}
