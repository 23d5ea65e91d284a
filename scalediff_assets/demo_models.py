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
from scalediff_assets.cilrs_datasets.layout import dataset_hash
from scalediff_assets.dataset_releases.assets import FOLDER as RELEASES_FOLDER
from scalediff_assets.dataset_releases.assets import manifest_key, read_release
from scalediff_assets.leaderboard_results.champion import ASSET, CHAMPION, PARTITION, RUN_TAG, holder
from scalediff_assets.leaderboard_results.listing import all_results
from scalediff_assets.leaderboard_results.plots import drivers_picture
from scalediff_assets.leaderboard_results.record import FOLDER as RESULTS_FOLDER
from scalediff_assets.model_cli import scores_table
from scalediff_assets.model_schemas import Champions
from scalediff_assets.partitions import SIMPLE_DRIVERS
from scalediff_assets.runner import run_partition
from scalediff_assets.schemas import CilrsDataset

EXACT, VAL_SHARE = "frame_id", 0.1
RELEASE = "demo"
FIRST, SECOND = "demo-short", "demo-long"
RUNS: dict[str, dict[str, Any]] = {
    FIRST: {"steps": 300, "seed": 0},
    SECOND: {"steps": 1000, "seed": 1},
}
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
    suffix = _suffix(connections, days)
    name, runs = f"{RELEASE}{suffix}", {f"{run}{suffix}": form for run, form in RUNS.items()}
    # Only exact recordings: legacy ones come from another law of motion.
    form = {"days": days, "align_methods": [EXACT], "val_share": VAL_SHARE}
    run_partition(settings, "make_release", name, {"dataset_releases": form})
    release = read_release(connections, name)
    card = connections.clean().link(f"{RELEASES_FOLDER}/{name}/card.html")
    console.print(f"release {name}: {len(release.segments)} segments; card: {card}")
    for driver in SIMPLE_DRIVERS.get_partition_keys():
        run_partition(settings, "drive_simple_drivers", driver, {"simple_drivers": {"films": 0}})
    last = list(runs)[-1]
    for run, changes in runs.items():
        config = {"release": name, "preset": "demo", **changes}
        run_partition(settings, "train", run, {"checkpoints": config})
        films = 1 if run == last else 0
        run_partition(settings, "evaluate", run, {"leaderboard_results": {"films": films}})
        run_partition(settings, "promote", None, {"champions": {"challenger": run}})
    return _report(settings, connections, console, release.content_hash, last)


def _suffix(connections: Connections, days: list[str]) -> str:
    """Nothing for a home's first demo and for the same data again; else the start of the data's hash.

    Releases never change, so a demo that finds other recordings in its home takes another name.
    """
    lake, clean = connections.lake(), connections.clean()
    if clean.head(manifest_key(RELEASE)) is None:
        return ""
    index = pl.concat([read_tables(lake, "cilrs_datasets", day, CilrsDataset).segments for day in days])
    released = read_release(connections, RELEASE)
    known = {segment.segment_id for segment in released.segments} | set(released.near_duplicates)
    exact = set(index.filter(pl.col("align_method") == EXACT)["segment_id"])
    return "" if known == exact else f"-{dataset_hash(index)[:8]}"


def _report(
    settings: Settings, connections: Connections, console: Console, release_hash: str, filmed: str
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
    films = _films(settings, filmed)
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
