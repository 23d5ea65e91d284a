"""Drives one agent over route sets through the job launcher, and makes the tables."""

import json
from collections.abc import Sequence
from typing import Any

import dagster as dg
from pydantic import Field

from resources.connections import Connections
from resources.driving import DrivingPlaces
from resources.jobs import JobFailedError, JobLauncher
from scalediff_assets.leaderboard_results.record import FOLDER
from scalediff_assets.leaderboard_results.results import result_tables, route_set_name
from scalediff_assets.model_schemas import LeaderboardResults
from scalediff_contract.jobs import EvaluateResult, EvaluateSpec


class EvaluationConfig(dg.Config):
    """How an agent is evaluated."""

    route_sets: list[str] = Field(
        default=["minitown-12", "scenarios-11"], description="Route sets, or routes XML files for CARLA."
    )
    repetitions: int = Field(default=1, ge=1, le=100, description="How often each route is driven.")
    seed: int = Field(default=0, ge=0, description="Base seed of the traffic.")
    films: int = Field(default=1, description="Films of the first so many routes of each set; -1: of all.")
    agent_timeout_s: float = Field(default=60.0, gt=0, description="Wall time an agent may take for a step.")


def drive_sets(
    context: dg.AssetExecutionContext,
    agent: str,
    checkpoint_url: str | None,
    config: EvaluationConfig,
    connections: Connections,
    jobs: JobLauncher,
    places: DrivingPlaces,
) -> LeaderboardResults:
    """Drive all route sets of a configuration.

    Raises:
        JobFailedError: Where a set has routes without a final result.
    """
    made = []
    for route_set in config.route_sets:
        folder_key = f"{FOLDER}/{agent}/{route_set_name(route_set)}"
        spec = EvaluateSpec(
            agent=agent if checkpoint_url is None else "checkpoint",
            checkpoint_url=checkpoint_url,
            route_set=route_set,
            repetitions=config.repetitions,
            seed=config.seed,
            backend=places.backend,
            carla=places.carla(),
            output_url=f"{connections.models().url}/{folder_key}",
            video_routes=config.films,
            workers=places.workers,
            agent_timeout_s=config.agent_timeout_s,
        )
        result = jobs.run(context, spec)
        assert isinstance(result, EvaluateResult)  # noqa: S101 -- of an EvaluateSpec
        if result.status != "finished":
            raise JobFailedError(f"{agent} on {route_set}: {result.detail}; run again, it goes on by route")
        documents = {
            version: _document(connections, f"{folder_key}/{key}") for version, key in result.results.items()
        }
        made.append(result_tables(agent, spec, result, documents, folder_key=folder_key))
    return LeaderboardResults.concat(made)


def _document(connections: Connections, key: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(connections.models().get(key))
    return document


def score_lines(tables: LeaderboardResults) -> Sequence[str]:
    """One line per route set and version: never a score without its context."""
    return [
        f"{row['agent']} on {row['route_set']} ({row['backend']}, scorer {row['scorer_version']}): "
        f"driving score {row['driving_score']:.2f} "
        f"[{row['driving_score_low']:.2f}, {row['driving_score_high']:.2f}], "
        f"{row['n_results']} of {row['n_routes'] * row['repetitions']} routes, {row['km_driven']:.2f} km"
        for row in tables.route_sets.iter_rows(named=True)
    ]
