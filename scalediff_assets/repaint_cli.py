"""`scalediff repaint`: recorded geometry videos painted anew with other prompts, and paired."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl

    from resources.settings import Settings

_HOME = Path(".scalediff")
console = Console()


class UnknownSessionError(ValueError):
    """A session that no hour of this home holds; the message names it and the mend."""


def repaint(
    sessions: Annotated[list[str], typer.Argument(metavar="SESSION...", help="Sessions to paint anew.")],
    prompt: Annotated[list[str], typer.Option(help="What to paint (repeatable): `heavy rain`, `night`.")],
    backend: Annotated[str, typer.Option(help="stylize, passthrough or wan.")] = "stylize",
    weights: Annotated[Path | None, typer.Option(help="Of wan: folder of the published weights.")] = None,
    home: Annotated[
        Path, typer.Option(help="Folder of the instance and the stores.", envvar="SCALEDIFF_HOME")
    ] = _HOME,
) -> None:
    """Paint recorded geometry videos anew and pair them; needs sessions recorded with `?source`."""
    from scalediff_assets.home import use_home
    from scalediff_assets.runner import run_partition

    settings = use_home(home)
    for hour, chosen in sorted(_by_hour(settings, sessions).items()):
        order = {"session_ids": chosen, "prompts": prompt, "painter": backend}
        order |= {"weights_dir": str(weights)} if weights else {}
        configs: dict[str, dict[str, Any]] = {
            "repainted_sessions": order,
            "paired_clips": {"session_ids": chosen},
        }
        run_partition(settings, "repaint_hours", hour, configs)
        console.print(_table(_clips(settings, hour, chosen)))


def _by_hour(settings: "Settings", sessions: list[str]) -> dict[str, list[str]]:
    """The hour of arrival of each session, and its sessions.

    Raises:
        UnknownSessionError: For one that never became complete.
    """
    from resources.profiles import resources_for

    known = resources_for(settings)["connections"].catalog().sessions().drop_nulls("hour")
    hours: dict[str, str] = dict(known.select("session_id", "hour").iter_rows())
    found: dict[str, list[str]] = {}
    for session_id in dict.fromkeys(sessions):
        if session_id not in hours:
            mend = "`scalediff sessions` lists what there is"
            raise UnknownSessionError(f"{session_id}: no hour holds this session; {mend}")
        found.setdefault(hours[session_id], []).append(session_id)
    return found


def _clips(settings: "Settings", hour: str, sessions: list[str]) -> "pl.DataFrame":
    from resources.profiles import resources_for
    from resources.tables import read_tables
    from scalediff_assets.hours import only
    from scalediff_assets.pair_schemas import PairedClips

    lake = resources_for(settings)["connections"].lake()
    tables: PairedClips = read_tables(lake, "paired_clips", hour, PairedClips)
    return only(tables.clips, sessions)


def _table(clips: "pl.DataFrame") -> Table:
    table = Table("session", "origin", "prompt", "state", "pairs", "layout", "shard")
    for row in clips.iter_rows(named=True):
        layout = "" if row["layout_p50"] is None else f"{row['layout_p50']:.2f}"
        state = row["state"] if row["detail"] is None else f"{row['state']}: {row['detail']}"
        table.add_row(
            row["session_id"], row["origin"], row["prompt"] or "", state, str(row["pairs"]), layout,
            row["shard_key"] or "",
        )  # fmt: skip
    return table
