"""The demo's second half: a release, two training runs, closed-loop results and a champion.

Two runs of the small preset: one short, so that there is a champion to beat, and one long. What they
are worth is for the promotion rule to say.
"""

from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import Settings
from resources.tables import read_tables
from scalediff_assets.dataset_releases.assets import FOLDER as RELEASES_FOLDER
from scalediff_assets.dataset_releases.assets import read_release
from scalediff_assets.leaderboard_results.champion import ASSET, CHAMPION, PARTITION, RUN_TAG, holder
from scalediff_assets.leaderboard_results.listing import all_results
from scalediff_assets.leaderboard_results.plots import drivers_picture
from scalediff_assets.leaderboard_results.record import FOLDER as RESULTS_FOLDER
from scalediff_assets.model_cli import scores_table
from scalediff_assets.model_schemas import Champions
from scalediff_assets.partitions import SIMPLE_DRIVERS
from scalediff_assets.runner import run_partition

EXACT = "frame_id"
RELEASE = "demo"
RUNS: dict[str, dict[str, Any]] = {"demo-short": {"steps": 250, "seed": 0}, "demo-long": {"seed": 1}}
_FILMED = "minitown-12"


def run_models(
    settings: Settings, connections: Connections, days: list[str], *, console: Console
) -> dict[str, Any]:
    """Release, train, drive, promote.

    Args:
        settings: The home.
        connections: Its stores.
        days: Days to release.
        console: Where progress is shown.

    Returns:
        What demo_report.json says of it.

    Raises:
        JobFailedError: Where a step failed.
    """
    # Only exact recordings: legacy ones come from another law of motion.
    run_partition(
        settings,
        "make_release",
        RELEASE,
        {"dataset_releases": {"days": days, "align_methods": [EXACT], "val_share": 0.1}},
    )
    release = read_release(connections, RELEASE)
    card = connections.clean().link(f"{RELEASES_FOLDER}/{RELEASE}/card.html")
    console.print(f"release {RELEASE}: {len(release.segments)} segments; card: {card}")
    for driver in SIMPLE_DRIVERS.get_partition_keys():
        run_partition(settings, "drive_simple_drivers", driver, {"simple_drivers": {"films": 0}})
    for number, (name, form) in enumerate(RUNS.items()):
        config = {"release": RELEASE, "preset": "demo", **form}
        run_partition(settings, "train", name, {"checkpoints": config})
        films = 1 if number == len(RUNS) - 1 else 0
        run_partition(settings, "evaluate", name, {"leaderboard_results": {"films": films}})
        run_partition(settings, "promote", None, {"champions": {"challenger": name}})
    return _report(settings, connections, console, release.content_hash)


def _report(
    settings: Settings, connections: Connections, console: Console, release_hash: str
) -> dict[str, Any]:
    rows = all_results(connections)
    scores: dict[str, dict[str, float]] = {}
    for row in rows.iter_rows(named=True):
        scores.setdefault(row["route_set"], {})[row["agent"]] = round(row["driving_score"], 3)
    tracking = resources_for(settings)["tracking"]
    from scalediff_assets.checkpoints.record import MODEL

    champion = holder(tracking.versions(MODEL), CHAMPION)
    picture = settings.home / "leaderboard.png"
    picture.write_bytes(drivers_picture(rows))
    console.print(scores_table(settings))
    decisions = read_tables(connections.lake(), ASSET, PARTITION, Champions).decisions
    for decision in decisions.iter_rows(named=True):
        console.print(f"{decision['challenger']}: {decision['reason']}", highlight=False)
    console.print(f"champion: {champion.tags[RUN_TAG] if champion else 'none'}; picture: {picture}")
    films = _films(settings, list(RUNS)[-1])
    for film in films:
        console.print(f"film: {film}")
    return {
        "leaderboard": scores,
        "leaderboard_context": _context(rows),
        "champion": champion.tags[RUN_TAG] if champion else None,
        "decisions": decisions.select("challenger", "champion", "promoted", "p_gain", "reason").to_dicts(),
        "release_hash": release_hash,
        "films": [str(film) for film in films],
    }


def _context(rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """What the scores were measured on: a number without it says nothing."""
    columns = ("backend", "scorer_version", "route_set_hash", "n_routes", "repetitions", "total_km", "seed")
    return {
        name: rows.filter(pl.col("route_set") == name).select(columns).row(0, named=True)
        for name in rows["route_set"].unique().sort()
    }


def _films(settings: Settings, run: str) -> list[Path]:
    return sorted(Path(settings.models_url).glob(f"{RESULTS_FOLDER}/{run}/{_FILMED}/video/*.mp4"))
