"""`scalediff generate`: the generation line in one command, and a week's plan by hand."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(name="generate", help="Rare driving scenarios on order.", no_args_is_help=True)
Home = Annotated[
    Path, typer.Option("--home", help="Folder of the instance and the stores.", envvar="SCALEDIFF_HOME")
]
_HOME = Path(".scalediff")
console = Console()


@app.callback()
def _group() -> None:
    """Rare driving scenarios on order."""


@app.command()
def demo(
    home: Home = _HOME,
    no_ui: Annotated[bool, typer.Option("--no-ui", help="Leave no UI running.")] = False,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI, if it is free.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's UI, if it is free.")] = 5000,
    seed: Annotated[int, typer.Option(help="Of drives, training and plan.")] = 0,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps, instead of the demo's.")] = None,
    kitti: Annotated[
        Path | None, typer.Option(help="Local copy of KITTI's raw data, to learn from, too.")
    ] = None,
) -> None:
    """Cut clips, train a small model, order a plan through service, gate and lake, and judge it all."""
    from scalediff_assets.generate_demo import DemoSize, run_generate_demo
    from scalediff_assets.home import use_home

    size = DemoSize() if steps is None else DemoSize(steps=steps)
    run_generate_demo(use_home(home), console=console, seed=seed, size=size, kitti=kitti)
    if not no_ui:
        from scalediff_assets.start_ui import start_uis

        start_uis(home, port, mlflow_port, console=console)
