"""`scalediff release`: make, list, show and compare dataset releases."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from resources.connections import Connections
    from resources.settings import Settings

app = typer.Typer(name="release", help="Immutable dataset releases.", no_args_is_help=True)
Home = Annotated[
    Path, typer.Option("--home", help="Folder of the instance and the stores.", envvar="SCALEDIFF_HOME")
]
Name = Annotated[str, typer.Argument(help="The release's name.")]
_HOME = Path(".scalediff")
_SHOWN = 12
console = Console()


@app.command()
def create(
    name: Name,
    home: Home = _HOME,
    days: Annotated[
        list[str] | None, typer.Option(help="2026-01-01, 2026-01-01..2026-01-31 or all (repeatable).")
    ] = None,
    policy: Annotated[str, typer.Option(help="Only segments this quality policy passed (hash prefix).")] = "",
    align: Annotated[list[str] | None, typer.Option(help="Only this alignment (repeatable).")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Least quality score.")] = 0.0,
    val_share: Annotated[float, typer.Option(help="Most of the segments held out for validation.")] = 0.15,
) -> None:
    """Make a release; its card, manifest and hash are printed."""
    from scalediff_assets.dataset_releases.assets import FOLDER, read_release
    from scalediff_assets.home import use_home
    from scalediff_assets.runner import run_partition

    settings = use_home(home)
    config = {
        "days": days or ["all"],
        "policy": policy,
        "align_methods": align or [],
        "min_score": min_score,
        "val_share": val_share,
    }
    run_partition(settings, "make_release", name, {"dataset_releases": config})
    connections = _connections(settings)
    release = read_release(connections, name)
    console.print(f"release {name}: {len(release.segments)} segments, hash {release.content_hash}")
    console.print(f"card: {connections.clean().link(f'{FOLDER}/{name}/card.html')}")


@app.command("list")
def list_releases(home: Home = _HOME) -> None:
    """List all releases."""
    from resources.tables import written_partitions
    from scalediff_assets.dataset_releases.assets import read_release
    from scalediff_assets.home import use_home

    connections = _connections(use_home(home))
    table = Table("release", "days", "segments", "frames", "players", "split by", "hash")
    for name in written_partitions(connections.lake(), "dataset_releases"):
        release = read_release(connections, name)
        frames, players = sum(s.rows for s in release.segments), {s.wallet for s in release.segments}
        table.add_row(
            name, ", ".join(release.days), str(len(release.segments)), str(frames), str(len(players)),
            release.split_by, release.content_hash[:16],
        )  # fmt: skip
    console.print(table)


@app.command()
def show(name: Name, home: Home = _HOME) -> None:
    """Print a release's card."""
    from rich.markdown import Markdown

    from scalediff_assets.dataset_releases.assets import FOLDER
    from scalediff_assets.home import use_home

    card = _connections(use_home(home)).clean().get(f"{FOLDER}/{name}/card.md")
    console.print(Markdown(card.decode()))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="Release.")],
    after: Annotated[str, typer.Argument(help="Release that is compared with it.")],
    home: Home = _HOME,
) -> None:
    """Show what changed from one release to another."""
    from scalediff_assets.dataset_releases.assets import read_release
    from scalediff_assets.dataset_releases.release import diff as compare
    from scalediff_assets.home import use_home

    connections = _connections(use_home(home))
    found = compare(read_release(connections, before), read_release(connections, after))
    table = Table("", before, after, title=f"{found.shared} segments are in both")
    table.add_row("frames", *map(str, found.frames))
    for command, counts in found.frames_by_command.items():
        table.add_row(f"frames, {command}", *map(str, counts))
    console.print(table)
    for label, segments in (
        ("added", found.added),
        ("removed", found.removed),
        ("other content", found.changed),
        ("other side of the split", found.moved),
    ):
        more = f" and {len(segments) - _SHOWN} more" if len(segments) > _SHOWN else ""
        console.print(f"{label}: {len(segments)}  {', '.join(segments[:_SHOWN])}{more}", highlight=False)


def _connections(settings: "Settings") -> "Connections":
    from resources.profiles import resources_for

    connections: Connections = resources_for(settings)["connections"]
    return connections
