"""`scalediff bench-generation`: how fast this platform's jobs make clips, and how many GPUs a week needs."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from scalediff_contract.video_speed import BenchGenerationResult

_HOME = Path(".scalediff")
console = Console()


def bench_generation(
    preset: Annotated[str, typer.Option(help="tiny, demo, proto64 or prod720.")] = "",
    batch: Annotated[int | None, typer.Option(help="Clips made together; default: the device's own.")] = None,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = 50,
    runs: Annotated[int, typer.Option(help="Batches that count, after one to warm up.")] = 5,
    clips_per_week: Annotated[int, typer.Option(min=1, help="Clips that GPUs are counted for.")] = 10_000,
    home: Annotated[
        Path, typer.Option(help="Folder of the instance and the stores.", envvar="SCALEDIFF_HOME")
    ] = _HOME,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for machines.")] = False,
) -> None:
    """Measure seconds a clip on the device that jobs get; the figures go to MLflow, too."""
    from resources.profiles import resources_for
    from scalediff_assets.generation_speed import KIND, read_speed, speed_figures
    from scalediff_assets.home import use_home
    from scalediff_assets.runner import run_partition
    from scalediff_assets.tracking_outbox import owed

    settings = use_home(home)
    name = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H%M%S")
    config: dict[str, Any] = {"name": name, "preset": preset, "steps": steps, "runs": runs}
    config |= {"batch": batch} if batch is not None else {}
    run_partition(settings, "bench_generation", None, {"time_clips": config})
    connections = resources_for(settings)["connections"]
    result = read_speed(connections, name)
    figures = speed_figures(result, weekly_clips=clips_per_week)
    if as_json:
        console.print_json(data=result.model_dump(mode="json") | figures)
        return
    told = "pending" if (KIND, name) in owed(connections) else f"run {name} of {KIND}"
    console.print(_table(result, figures, clips_per_week))
    console.print(f"MLflow: {told}", highlight=False)


def _table(result: "BenchGenerationResult", figures: dict[str, float], weekly_clips: int) -> Table:
    size = f"{result.frames}x{result.height_px}x{result.width_px}"
    made = f"{result.batch} at once, {result.steps} steps, guidance {result.guidance:g}, {result.runs} runs"
    table = Table(title=f"{result.preset} {size} on {result.device}: {made}", title_style="bold")
    table.add_column("figure")
    table.add_column("value", justify="right")
    words = {
        "mean_s": "seconds a clip",
        "std_s": "standard deviation over runs, s",
        "per_step_ms": "ms of a step",
        "decode_s": "seconds to decode a clip",
        "peak_memory_mb": "peak memory, MB",
        "clips_per_hour": "clips an hour",
    }
    for name, text in words.items():
        table.add_row(text, _figure(figures[name]) if name in figures else "not measured")
    needed = figures[f"devices_for_{weekly_clips}_a_week"]
    kind = "CPUs like this" if result.device.startswith("cpu") else "GPUs"
    table.add_row(f"{kind}, day and night, for {weekly_clips:,} clips a week", _figure(needed))
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"
