"""`scalediff world`: make a city file, draw it from above."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from world.city.convert import Conversion
    from world.city.file import CityFile

app = typer.Typer(name="world", help="The city that is driven in.", no_args_is_help=True)
console = Console()
_SHOWN_REFUSALS = 10


class Source(StrEnum):
    """What a city is made from."""

    NYC = "nyc"
    PROCEDURAL = "procedural"


@app.command()
def build(
    footprints: Annotated[
        Path | None, typer.Argument(metavar="[FILE.geojson]", help="Building footprints, for --source nyc.")
    ] = None,
    source: Annotated[Source, typer.Option(help="What to make the city from.")] = Source.PROCEDURAL,
    out: Annotated[Path, typer.Option(help="The city file to write.")] = Path("city.json"),
    seed: Annotated[int, typer.Option(min=0, help="Of a procedural city.")] = 0,
    grid_angle_deg: Annotated[
        float, typer.Option(help="Degrees clockwise from north at which the street grid stands (nyc).")
    ] = 29.0,
) -> None:
    """Make a city file: a Manhattan-like one from a seed, or one from NYC Open Data's footprints."""
    from world.city.file import write_city

    started = time.perf_counter()
    if source is Source.PROCEDURAL:
        city = _procedural(footprints, seed)
    else:
        city = _converted(footprints, grid_angle_deg)
    with console.status(f"writing {out}"):
        write_city(city, out)
    took_s = time.perf_counter() - started
    along = sum(street.axis == "z" for street in city.streets)
    console.print(
        f"[green]{out}[/green]: {len(city.buildings):,} buildings, {len(city.streets)} streets "
        f"({along} along z, {len(city.streets) - along} along x), "
        f"{city.map.width:,.0f} x {city.map.depth:,.0f} m, {took_s:.1f} s",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def picture(
    out: Annotated[Path, typer.Argument(help="The picture to write, .png or .jpg.")],
    city: Annotated[Path | None, typer.Option(help="City file; default: the one that ships.")] = None,
    size_px: Annotated[int, typer.Option(min=200, max=8_000, help="The map's longer side.")] = 1_600,
) -> None:
    """Draw a city from above: buildings by height, streets, crossings."""
    from world.city.load import load_city
    from world.city.picture import write_map

    with console.status("drawing the map"):
        loaded = load_city(city)
        write_map(loaded, out, size_px=size_px)
    console.print(
        f"[green]{out}[/green]: {len(loaded.buildings):,} buildings, {len(loaded.streets)} streets",
        highlight=False,
        soft_wrap=True,
    )


def _procedural(footprints: Path | None, seed: int) -> "CityFile":
    from world.city.errors import CityError
    from world.city.procedural import procedural_city

    if footprints is not None:
        raise CityError(footprints, "a procedural city needs no file; add --source nyc to convert it")
    with console.status(f"building the city of seed {seed}"):
        return procedural_city(seed)


def _converted(footprints: Path | None, grid_angle_deg: float) -> "CityFile":
    from world.city.convert import convert_footprints
    from world.city.errors import CityError
    from world.city.footprints import read_footprints

    if footprints is None:
        raise CityError("--source nyc", "no file named; give the footprints' GeoJSON file")
    with console.status(f"reading {footprints}") as status:
        found = read_footprints(footprints)
        status.update(f"converting {len(found.footprints):,} footprints")
        made = convert_footprints(found, source=f"nyc {footprints.name}", grid_angle_deg=grid_angle_deg)
    _print_conversion(made)
    return made.city


def _print_conversion(made: "Conversion") -> None:
    counts = {
        "without a roof height": made.without_height,
        "outside the largest built rectangle": made.outside,
        "mended": made.mended,
        "cut open at a courtyard": made.opened,
        "refused": len(made.refusals),
    }
    parts = [f"{count:,} {what}" for what, count in counts.items() if count]
    line = f"{made.features:,} features" + (": " + ", ".join(parts) if parts else "")
    console.print(line, highlight=False, soft_wrap=True)
    for refusal in made.refusals[:_SHOWN_REFUSALS]:
        console.print(
            f"  refused {refusal.feature}: {refusal.reason}", highlight=False, markup=False, soft_wrap=True
        )
    if len(made.refusals) > _SHOWN_REFUSALS:
        console.print(f"  and {len(made.refusals) - _SHOWN_REFUSALS:,} more", highlight=False)
