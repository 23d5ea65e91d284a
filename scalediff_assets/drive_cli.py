"""`scalediff drive`: routes driven in minitown, with progress, a results document and films."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from scoring.leaderboard import ScorerVersion

if TYPE_CHECKING:
    from world.minitown.runner import DriveJob
    from world.minitown.runner import Progress as RouteProgress


def drive(
    agent: Annotated[
        str, typer.Option(help="expert, noop, random, or FILE.py[:CONFIG] (a Leaderboard agent).")
    ],
    out: Annotated[Path, typer.Option(dir_okay=False, help="Results document to write.")] = Path(
        "results.json"
    ),
    route_set: Annotated[
        str, typer.Option(help="minitown-12, scenarios-11, or a routes XML file.")
    ] = "minitown-12",
    routes: Annotated[str, typer.Option(help='Only these route ids, such as "0-4,7".')] = "",
    video: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for a film of each route.")
    ] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="How often each route is driven.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the traffic.")] = 0,
    version: Annotated[ScorerVersion, typer.Option(help="Scoring rules.")] = ScorerVersion.V2_1,
    workers: Annotated[int, typer.Option(min=1, help="Routes driven at the same time.")] = 1,
    city: Annotated[Path | None, typer.Option(help="City file; default: the shipped one.")] = None,
    agent_timeout_s: Annotated[float, typer.Option(min=0.1, help="Wall seconds an agent may think.")] = 60.0,
) -> None:
    """Drive routes in minitown and score them like the CARLA Leaderboard."""
    from scalediff_assets.scoring_cli import results_table
    from world.minitown.agent.loading import check_agent
    from world.minitown.drive import DriveOptions
    from world.minitown.routes import load_route_set
    from world.minitown.runner import DriveJob

    check_agent(agent)
    job = DriveJob(
        agent=agent,
        route_set=load_route_set(route_set, subset=routes or None),
        out=out,
        repetitions=repetitions,
        options=DriveOptions(seed=seed, agent_timeout_s=agent_timeout_s),
        version=version,
        video=video,
        workers=workers,
        city=city,
    )
    console = Console()
    document, wall_s = _run_with_bars(job, console)
    console.print(results_table(document))
    game_s = document["_checkpoint"]["global_record"].get("meta", {}).get("duration_game", 0.0)
    console.print(f"{out}: {game_s:.0f} s driven in {wall_s:.1f} s")


def _run_with_bars(job: "DriveJob", console: Console) -> tuple[dict[str, Any], float]:
    from world.minitown.runner import run_job

    started_s = time.monotonic()
    percent = TextColumn("{task.percentage:3.0f} %")
    columns = (TextColumn("{task.description}"), BarColumn(), percent, TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        document = run_job(job, _bars_of(bars, len(job.route_set.routes) * job.repetitions))
    return document, time.monotonic() - started_s


def _bars_of(bars: Progress, total: int) -> "Callable[[RouteProgress], None]":
    whole = bars.add_task("all routes", total=total)
    each: dict[int, Any] = {}
    shares: dict[int, float] = {}

    def show(progress: "RouteProgress") -> None:
        if progress.index not in each:
            each[progress.index] = bars.add_task(f"route {progress.route_id}", total=1.0)
        shares[progress.index] = progress.share
        bars.update(each[progress.index], completed=progress.share)
        bars.update(whole, completed=sum(shares.values()))
        if progress.done:
            bars.remove_task(each[progress.index])
            if progress.detail:
                bars.console.print(f"[yellow]{progress.route_id}[/yellow]: {progress.detail}")

    return show
