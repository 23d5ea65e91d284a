"""`scalediff model`: train, evaluate, promote, roll back, purge, and see who is champion."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from resources.settings import Settings

app = typer.Typer(name="model", help="Training runs and the model registry.", no_args_is_help=True)
Home = Annotated[
    Path, typer.Option("--home", help="Folder of the instance and the stores.", envvar="SCALEDIFF_HOME")
]
Run = Annotated[str, typer.Argument(metavar="NAME", help="Name of the training run.")]
_HOME = Path(".scalediff")
console = Console()


@app.command()
def train(
    name: Run,
    release: Annotated[str, typer.Option(help="Dataset release to learn from.")],
    home: Home = _HOME,
    preset: Annotated[str, typer.Option(help="seed_compat, cilrs_2019, default or demo.")] = "default",
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps, instead of the preset's.")] = None,
    initial_weights: Annotated[
        str | None, typer.Option(help="A training run's name, or a .pth of the reference.")
    ] = None,
) -> None:
    """Train a model; a run that was killed goes on when it is named again."""
    from scalediff_assets.home import use_home
    from scalediff_assets.runner import run_partition

    config: dict[str, Any] = {"release": release, "preset": preset, "seed": seed}
    config |= {"steps": steps} if steps else {}
    config |= {"initial_weights": initial_weights} if initial_weights else {}
    run_partition(use_home(home), "train", name, {"checkpoints": config})
    console.print(f"trained {name}; drive it with: scalediff model evaluate {name}")


@app.command()
def evaluate(
    name: Run,
    home: Home = _HOME,
    route_set: Annotated[list[str] | None, typer.Option(help="Route set (repeatable).")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="Of each route.")] = 1,
    films: Annotated[int, typer.Option(help="Films of the first so many routes; -1: all.")] = 1,
) -> None:
    """Drive a checkpoint, or expert, noop or random, in closed loop."""
    from scalediff_assets.home import use_home
    from scalediff_assets.partitions import SIMPLE_DRIVERS
    from scalediff_assets.runner import run_partition

    settings = use_home(home)
    simple = name in SIMPLE_DRIVERS.get_partition_keys()
    job, asset = ("drive_simple_drivers", "simple_drivers") if simple else ("evaluate", "leaderboard_results")
    config: dict[str, Any] = {"repetitions": repetitions, "films": films}
    config |= {"route_sets": route_set} if route_set else {}
    run_partition(settings, job, name, {asset: config})
    console.print(scores_table(settings))


@app.command()
def promote(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Default: the challenger.")] = "",
    home: Home = _HOME,
) -> None:
    """Put a training run up against the champion, by the promotion rule."""
    from scalediff_assets.home import use_home
    from scalediff_assets.leaderboard_results.champion import ASSET, PARTITION
    from scalediff_assets.model_schemas import Champions
    from scalediff_assets.runner import run_partition

    settings = use_home(home)
    run_partition(settings, "promote", None, {"champions": {"challenger": name}})
    from resources.tables import read_tables

    decision = read_tables(_resources(settings)["connections"].lake(), ASSET, PARTITION, Champions).decisions
    row = (
        decision.filter(decision["challenger"] == name).row(0, named=True)
        if name
        else decision.row(-1, named=True)
    )
    console.print(
        f"{row['challenger']}: {'promoted' if row['promoted'] else 'not promoted'}: {row['reason']}"
    )


@app.command()
def rollback(
    model: Annotated[
        str, typer.Argument(metavar="[MODEL]", help="driving (default), or video: the generation service's.")
    ] = "driving",
    home: Home = _HOME,
    reason: Annotated[str, typer.Option(help="For the audit log, of a video model.")] = "by hand",
) -> None:
    """Make the previous champion the champion again; of video models, give the service its previous one."""
    if model == "video":
        _rollback_video(home, reason)
        return
    if model != "driving":
        raise typer.BadParameter(f"{model!r} is no model; name driving or video")
    from scalediff_assets.home import use_home
    from scalediff_assets.leaderboard_results.champion import RUN_TAG
    from scalediff_assets.leaderboard_results.champion import rollback as go_back

    now, before = go_back(_resources(use_home(home))["tracking"])
    console.print(f"champion: {now.tags[RUN_TAG]} (version {now.version}); previous: {before.tags[RUN_TAG]}")


def _rollback_video(home: Path, reason: str) -> None:
    """Service first: it holds the model before, and queued jobs stay queued."""
    import getpass
    import time

    from scalediff_assets.home import use_home
    from scalediff_assets.video_models.registry import rollback as go_back

    began_s, found = time.monotonic(), _resources(use_home(home))
    done = go_back(
        connections=found["connections"], tracking=found["tracking"], generation=found["generation"],
        actor=getpass.getuser(), reason=reason, now_ms=time.time_ns() // 1_000_000,
    )  # fmt: skip
    told = "the service does not run: it takes it at its start"
    if done.reload_s is not None:
        told = f"{done.workers} workers hold it after {done.reload_s:.2f} s"
    before = done.previous.version if done.previous else "none"
    console.print(f"production: {done.production.version}; previous: {before}; {told}; MLflow: {done.mlflow}")
    console.print(f"{time.monotonic() - began_s:.1f} s in all")


@app.command()
def purge(
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="Of a video model, v1.2.0; default: all overdue ones.")
    ] = "",
    home: Home = _HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Delete video models that are in no use: weights and registry version, 30 days after production."""
    import getpass
    import time

    from scalediff_assets.home import use_home
    from scalediff_assets.video_models.purging import carry_out, plan_overdue, plan_purge

    resources, now_ms = _resources(use_home(home)), time.time_ns() // 1_000_000
    connections, tracking = resources["connections"], resources["tracking"]
    due, kept = (
        ([plan_purge(connections, tracking, version, now_ms=now_ms)], list[str]())
        if version
        else plan_overdue(connections, tracking, now_ms=now_ms)
    )
    for sentence in kept:
        console.print(f"kept: {sentence}", highlight=False)
    for each in due:
        if not dry_run:
            carry_out(each, connections, tracking, actor=getpass.getuser(), now_ms=now_ms)
        done = "would purge" if dry_run else "purged"
        console.print(
            f"{done} {each.version} ({each.training_run}): {each.size_bytes / 1e6:.1f} MB of weights"
        )
    if not due:
        console.print("nothing is to be purged")


@app.command("list")
def list_models(home: Home = _HOME) -> None:
    """List all versions with their aliases, and the closed-loop scores of all drivers."""
    from scalediff_assets.checkpoints.record import MODEL
    from scalediff_assets.home import use_home
    from scalediff_assets.leaderboard_results.champion import RUN_TAG

    settings = use_home(home)
    table = Table("version", "training run", "preset", "aliases", title=f"registered model {MODEL}")
    for version in _resources(settings)["tracking"].versions(MODEL):
        run, preset = version.tags.get(RUN_TAG, "?"), version.tags.get("preset", "?")
        table.add_row(str(version.version), run, preset, ", ".join(version.aliases))
    console.print(table)
    console.print(_video_table(settings))
    console.print(scores_table(settings))


def _video_table(settings: "Settings") -> Table:
    """All versions of the video models with their stages."""
    from scalediff_assets.video_models.record import MODEL, RUN_TAG
    from scalediff_assets.video_models.versions import SEMVER_TAG

    table = Table("version", "semver", "training run", "stages", title=f"registered model {MODEL}")
    for version in _resources(settings)["tracking"].versions(MODEL):
        semver, run = version.tags.get(SEMVER_TAG, "?"), version.tags.get(RUN_TAG, "?")
        table.add_row(str(version.version), semver, run, ", ".join(version.aliases))
    return table


def scores_table(settings: "Settings") -> Table:
    """Every driver's score with what it was measured on."""
    from scalediff_assets.leaderboard_results.listing import all_results

    table = Table(title="closed loop", title_style="bold")
    for name in ("driver", "route set", "backend", "scorer"):
        table.add_column(name)
    for name in ("driving score", "95 %", "completion %", "penalty", "routes", "km"):
        table.add_column(name, justify="right")
    for row in all_results(_resources(settings)["connections"]).iter_rows(named=True):
        table.add_row(
            row["agent"], row["route_set"], row["backend"], row["scorer_version"],
            f"{row['driving_score']:.2f}",
            f"{row['driving_score_low']:.1f} to {row['driving_score_high']:.1f}",
            f"{row['route_completion']:.1f}", f"{row['infraction_penalty']:.3f}",
            f"{row['n_results']}", f"{row['km_driven']:.2f}",
        )  # fmt: skip
    return table


def _resources(settings: "Settings") -> dict[str, Any]:
    from resources.profiles import resources_for

    return resources_for(settings)
