"""`scalediff world opendrive`: the street network for CARLA and other readers of OpenDRIVE."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def opendrive(
    out: Annotated[Path, typer.Argument(metavar="OUT.xodr", help="File to write.")],
    city: Annotated[Path | None, typer.Option(help="City file; default: the shipped one.")] = None,
) -> None:
    """Write the street network as OpenDRIVE."""
    from world.minitown.opendrive import export_opendrive_file

    export_opendrive_file(out, city)
    Console().print(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
