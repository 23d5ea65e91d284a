"""Starts the UIs of a home and says where they are; they run on until `scalediff ui --stop`."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from resources.solana.embedded.process import chain_folder, start_chain
from scalediff_assets.home import use_home
from scalediff_assets.ui import DAGSTER, MLFLOW, start_ui


def start_uis(home: Path, port: int, mlflow_port: int | None, *, console: Console) -> None:
    """Start Dagster's UI, and MLflow's where a port for it is given and no server has one."""
    settings = use_home(home)
    if settings.solana_url is None and chain_folder(settings.home).exists():
        start_chain(chain_folder(settings.home))  # so that links to transactions lead somewhere
    wanted = [(DAGSTER, port)]
    if mlflow_port is not None and not settings.tracking_uri.startswith("http"):
        wanted.append((MLFLOW, mlflow_port))
    names = " and the ".join(each.title for each, _ in wanted)
    with console.status(f"starting the {names}"), ThreadPoolExecutor() as pool:
        starts = [pool.submit(start_ui, settings, port=its_port, ui=each) for each, its_port in wanted]
        running = [start.result() for start in starts]
    for (each, _), ui in zip(wanted, running, strict=True):
        console.print(f"{each.title}: [link]{ui.url}[/link]")
    console.print(f"stop with: scalediff ui --stop --home {home}")
