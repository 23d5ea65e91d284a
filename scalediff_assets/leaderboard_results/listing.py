"""All drivers' results, read from the lake."""

import polars as pl

from resources.connections import Connections
from resources.tables import read_tables, written_partitions
from scalediff_assets.leaderboard_results.results import PRIMARY
from scalediff_assets.model_schemas import ROUTE_SET_RESULTS, LeaderboardResults

ASSETS = ("simple_drivers", "leaderboard_results")


def all_results(connections: Connections, scorer_version: str | None = PRIMARY) -> pl.DataFrame:
    """ROUTE_SET_RESULTS of every driver, best first within a route set.

    Args:
        connections: The lake.
        scorer_version: Only this one; None: all.
    """
    lake = connections.lake()
    parts = [
        read_tables(lake, asset, agent, LeaderboardResults).route_sets
        for asset in ASSETS
        for agent in written_partitions(lake, asset)
    ]
    rows = pl.concat([ROUTE_SET_RESULTS.empty(), *parts])
    if scorer_version is not None:
        rows = rows.filter(pl.col("scorer_version") == scorer_version)
    return rows.sort("route_set", "scorer_version", "driving_score", descending=[False, True, True])
