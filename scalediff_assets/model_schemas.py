"""Every table from releases to champions; sessions' tables are in `schemas.py`, columns in `tables.py`."""

from dataclasses import dataclass

import polars as pl

from resources.tables import Partitions
from scalediff_assets.schemas import DATASET_INDEX
from scalediff_assets.tables import Column, Table, TableSet, table_field

RELEASE_SEGMENTS = Table(
    "dataset_releases.segments",
    "a segment of a release, its side of the split and where its frames lie",
    ("segment_id",),
    (
        Column("release", pl.String, "release"),
        Column("day", pl.String, "day of arrival that it was packed in"),
        Column("split", pl.String, "train or val"),
        *DATASET_INDEX.columns,
    ),
)

_RUN = Column("training_run", pl.String, "name of the training run")
CHECKPOINTS = Table(
    "checkpoints.runs",
    "a training run and the checkpoint that it published",
    ("training_run",),
    (
        _RUN,
        Column("preset", pl.String, "preset that the recipe began as"),
        Column("release", pl.String, "dataset release that it learnt from"),
        Column("release_hash", pl.String, "content hash of that release"),
        Column("status", pl.String, "finished, or diverged: the last good checkpoint is the result"),
        Column("detail", pl.String, "why it stopped early; empty where it did not"),
        Column("step", pl.Int64, "optimiser steps of the checkpoint", low=0),
        Column("seed", pl.Int64, "seed of weights, samples and augmentation"),
        Column("folder_key", pl.String, "the checkpoint's folder in the store of models"),
        Column("weights_sha256", pl.String, "hash of its weights"),
        Column("seconds", pl.Float64, "wall time of training", low=0),
        Column("samples_per_s", pl.Float64, "training speed", low=0),
        Column("data_wait_share", pl.Float64, "share of that time spent waiting for data", 0, 1),
        Column("device", pl.String, "what it was trained on"),
        Column("train_frames", pl.Int64, "frames learnt from", low=1),
        Column("val_frames", pl.Int64, "held-out frames", low=1),
        Column("loss", pl.Float64, "training loss at the end", nullable=True),
    ),
)

OFFLINE_METRICS = Table(
    "checkpoints.offline",
    "an error on held-out players, beside two rules that know nothing",
    ("training_run", "control", "slice"),
    (
        _RUN,
        Column("control", pl.String, "steer, throttle, brake or speed_mps"),
        Column("slice", pl.String, "all, a command, a range of speeds, or turning"),
        Column("frames", pl.Int64, "frames measured", low=1),
        Column("mae", pl.Float64, "mean absolute error of the model", low=0),
        Column("mae_median", pl.Float64, "of always saying the training split's median", low=0),
        Column("mae_previous", pl.Float64, "of repeating the frame before", low=0, nullable=True),
        Column("skill_median", pl.Float64, "1 - mae / mae_median; above 0 is better", nullable=True),
        Column("skill_previous", pl.Float64, "1 - mae / mae_previous", nullable=True),
    ),
)

_AGENT = Column("agent", pl.String, "expert, noop, random, or a training run")
_ROUTE_SET = Column("route_set", pl.String, "name of the routes")
_BACKEND = Column("backend", pl.String, "minitown or carla; never compared with each other")
INFRACTIONS = (
    "collisions_layout",
    "collisions_pedestrian",
    "collisions_vehicle",
    "red_light",
    "stop_infraction",
    "outside_route_lanes",
    "min_speed_infractions",
    "yield_emergency_vehicle_infractions",
    "scenario_timeouts",
    "route_dev",
    "vehicle_blocked",
    "route_timeout",
)

ROUTE_RESULTS = Table(
    "leaderboard_results.routes",
    "a route that was driven once",
    ("agent", "route_set", "route_id", "repetition"),
    (
        _AGENT,
        _ROUTE_SET,
        Column("route_id", pl.String, "route"),
        Column("repetition", pl.Int32, "which repetition", low=0),
        _BACKEND,
        Column("town", pl.String, "map"),
        Column("scenario", pl.String, "staged scenario, or none"),
        Column("scenario_end", pl.String, "won, lost, timeout, unfinished, or none"),
        Column("status", pl.String, "how the route ended"),
        Column(
            "attempts", pl.Int32, "times it was started; more than one is a crash that was retried", low=1
        ),
        Column("length_m", pl.Float64, "length of the route", low=0),
        Column("completion_percent", pl.Float64, "route completion", 0, 100),
        Column("driving_score", pl.Float64, "by Leaderboard 2.1", 0, 100),
        Column("penalty", pl.Float64, "by Leaderboard 2.1", 0, 1),
        Column("driving_score_2_0", pl.Float64, "by Leaderboard 2.0", 0, 100),
        Column("penalty_2_0", pl.Float64, "by Leaderboard 2.0", 0, 1),
        Column("duration_game_s", pl.Float64, "simulated time", low=0),
        *(Column(name, pl.Int32, f"{name} events", low=0) for name in INFRACTIONS),
    ),
)

ROUTE_SET_RESULTS = Table(
    "leaderboard_results.route_sets",
    "an agent's score on a route set by one version of the scorer",
    ("agent", "route_set", "scorer_version"),
    (
        _AGENT,
        _ROUTE_SET,
        Column("scorer_version", pl.String, "2.0 or 2.1"),
        _BACKEND,
        Column("route_set_hash", pl.String, "hash of what is driven"),
        Column("seed", pl.Int64, "base seed of the traffic"),
        Column("repetitions", pl.Int32, "of each route", low=1),
        Column("n_routes", pl.Int32, "routes of the set", low=1),
        Column("n_results", pl.Int32, "results; a route that is missing counts as 0 in the means", low=0),
        Column("total_km", pl.Float64, "length of all routes", low=0),
        Column("km_driven", pl.Float64, "distance along them", low=0),
        Column("driving_score", pl.Float64, "mean over routes", 0, 100),
        Column("driving_score_low", pl.Float64, "lower end of its 95 % interval (bootstrap over routes)"),
        Column("driving_score_high", pl.Float64, "upper end"),
        Column("route_completion", pl.Float64, "mean over routes, percent", 0, 100),
        Column("infraction_penalty", pl.Float64, "mean over routes", 0, 1),
        Column("success_share", pl.Float64, "routes that ended Completed or Perfect", 0, 1),
        Column("status", pl.String, "the document's entry status"),
        Column("results_key", pl.String, "the results document in the store of models"),
        Column("sim_wall_ratio", pl.Float64, "simulated time by wall time", low=0),
    ),
)

CHAMPIONS = Table(
    "champions.decisions",
    "a comparison of a challenger with a champion, and what followed",
    ("model", "challenger"),
    (
        Column("model", pl.String, "registered model"),
        Column("challenger", pl.String, "training run that was put up"),
        Column("champion", pl.String, "training run, or best simple driver, that it was compared with"),
        Column("promoted", pl.Boolean, "the challenger is the champion now"),
        Column("reason", pl.String, "why, in one sentence"),
        Column("p_gain", pl.Float64, "P(gain > 0) by paired bootstrap", 0, 1),
        Column("gain", pl.Float64, "mean gain in driving score over the paired routes"),
        Column("pairs", pl.Int32, "routes and seeds that were compared", low=1),
        _BACKEND,
        Column("policy_hash", pl.String, "the promotion policy that decided"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class DatasetRelease(TableSet):
    """What `dataset_releases` holds for a release."""

    segments: pl.DataFrame = table_field(RELEASE_SEGMENTS)


class DatasetReleases(Partitions[DatasetRelease]):
    """Releases that a downstream asset reads."""

    kind = DatasetRelease


@dataclass(frozen=True, kw_only=True)
class Checkpoint(TableSet):
    """What `checkpoints` holds for a training run; weights lie in the store of models."""

    row_owner = "training_run"
    runs: pl.DataFrame = table_field(CHECKPOINTS)
    offline: pl.DataFrame = table_field(OFFLINE_METRICS)


class Checkpoints(Partitions[Checkpoint]):
    """Training runs that a downstream asset reads."""

    kind = Checkpoint


@dataclass(frozen=True, kw_only=True)
class LeaderboardResults(TableSet):
    """What `leaderboard_results` and `simple_drivers` hold for an agent."""

    row_owner = "agent"
    route_sets: pl.DataFrame = table_field(ROUTE_SET_RESULTS)
    routes: pl.DataFrame = table_field(ROUTE_RESULTS)


class LeaderboardResultsOf(Partitions[LeaderboardResults]):
    """Agents' results that a downstream asset reads."""

    kind = LeaderboardResults


@dataclass(frozen=True, kw_only=True)
class Champions(TableSet):
    """What `champions` holds: every decision so far."""

    row_owner = "challenger"
    decisions: pl.DataFrame = table_field(CHAMPIONS)


MODEL_TABLES = (
    RELEASE_SEGMENTS,
    CHECKPOINTS,
    OFFLINE_METRICS,
    ROUTE_RESULTS,
    ROUTE_SET_RESULTS,
    CHAMPIONS,
)
