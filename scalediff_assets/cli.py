"""The command line: `scalediff demo | generate | ingest | sessions | export | ui | world | drive | ...`.

Users get one clear line for whatever they did wrong, never a traceback.
"""

import json
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scalediff_assets import (
    audit_cli,
    bench_cli,
    drive_cli,
    generate_cli,
    model_cli,
    opendrive_cli,
    payouts_cli,
    play_cli,
    release_cli,
    repaint_cli,
    scoring_cli,
    world_cli,
)

app = typer.Typer(
    name="scalediff",
    help="Player recordings become driving datasets; drivers are scored in closed loop.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Home = Annotated[
    Path,
    typer.Option(
        "--home", help="Folder of the instance, the store and the databases.", envvar="SCALEDIFF_HOME"
    ),
]
DEFAULT_HOME = Path(".scalediff")
console = Console()

world_cli.app.command()(opendrive_cli.opendrive)
app.add_typer(world_cli.app)
app.add_typer(scoring_cli.app)
app.add_typer(release_cli.app)
app.add_typer(model_cli.app)
app.add_typer(audit_cli.app)
app.add_typer(generate_cli.app)
app.add_typer(payouts_cli.app)
app.command()(drive_cli.drive)
app.command()(play_cli.play)
app.command()(repaint_cli.repaint)
app.command("bench-generation")(bench_cli.bench_generation)


class UserError(Exception):
    """Something the user can mend; its message is all that is printed."""


@app.command()
def demo(
    home: Home = DEFAULT_HOME,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave no UI running.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Stop at the dataset: no training.")] = False,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI, if it is free.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's UI, if it is free.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of the generated drives.")] = 0,
) -> None:
    """Make player bundles, run the whole graph on them, train models, drive them, name a champion."""
    from resources.solana.embedded.process import chain_folder, stop_chain
    from scalediff_assets.demo import run_demo
    from scalediff_assets.home import use_home
    from scalediff_assets.start_ui import start_uis

    settings = use_home(home)
    report = run_demo(settings, console=console, seed=seed, fast=fast)
    if no_ui:
        stop_chain(chain_folder(settings.home))
    else:
        start_uis(home, port, None if fast else mlflow_port, console=console)
    if report.failures:
        raise UserError("; ".join(report.failures))


@app.command()
def ingest(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the files of recorded bundles.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Take the bundles of a folder through the graph. What is not in the folder will not come."""
    from scalediff_assets.home import use_home
    from scalediff_assets.ingest import ingest_folder

    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; name the folder that holds the bundles' files")
    settings = use_home(home)
    report = ingest_folder(settings, folder, console=console)
    if report.failures:
        raise UserError("; ".join(report.failures))


@app.command()
def sessions(
    home: Home = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list for machines.")] = False,
) -> None:
    """List each session with its status, reason, alignment and segments."""
    from scalediff_assets.home import use_home
    from scalediff_assets.listing import list_sessions, sessions_table

    listed = list_sessions(use_home(home))
    if as_json:
        print(json.dumps([session.as_json() for session in listed], indent=2))
    else:
        console.print(sessions_table(listed))


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Folder to make; it must be empty or absent.")],
    home: Home = DEFAULT_HOME,
    layout: Annotated[str, typer.Option(help="cilrs, clean-bucket, webdataset or lerobot.")] = "cilrs",
    day: Annotated[list[str] | None, typer.Option(help="Day to export (repeatable); default: all.")] = None,
    digits: Annotated[int, typer.Option(help="Digits of the CILRS layout's frame numbers: 4 or 5.")] = 4,
) -> None:
    """Write packed days in a consumer's layout."""
    from scalediff_assets.exporting import export_days
    from scalediff_assets.home import use_home

    summary = export_days(
        use_home(home), out=out, layout=layout, days=day or [], digits=digits, console=console
    )
    console.print(summary)


@app.command()
def ui(
    home: Home = DEFAULT_HOME,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI, if it is free.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's UI, if it is free.")] = 5000,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the UIs of this home.")] = False,
) -> None:
    """Open the Dagster and MLflow UIs of the home folder; they run on until `--stop`."""
    from resources.solana.embedded.process import chain_folder, stop_chain
    from scalediff_assets.home import use_home
    from scalediff_assets.start_ui import start_uis
    from scalediff_assets.ui import DAGSTER, MLFLOW, stop_ui

    if stop:
        settings = use_home(home)
        stopped = [each.title for each in (DAGSTER, MLFLOW) if stop_ui(settings, each)]
        stopped += ["embedded chain"] if stop_chain(chain_folder(settings.home)) else []
        console.print(f"stopped: {', '.join(stopped)}" if stopped else "no UI runs for this home")
    else:
        start_uis(home, port, mlflow_port, console=console)


def main() -> None:
    """Entry point: errors that a user can mend end as one line and exit code 1."""
    try:
        app()
    except Exception as error:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Dagster says while it loads is not the user's
            from scalediff_assets.errors import USER_ERRORS

        if not isinstance(error, (UserError, *USER_ERRORS)):
            raise
        Console(stderr=True).print(f"[red]error:[/red] {error}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
