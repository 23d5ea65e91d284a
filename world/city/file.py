"""The format of `city.json`: what the browser and Python both read, in the game's axes.

Lengths are metres with two decimals, heights with one; x runs right and z towards the viewer, as in
three.js. The JSON Schema beside the data is generated from these models:
`python -m world.city.file` writes it, a test proves that it is up to date.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from world.city.errors import CityFileError

CITY_PATH = Path(__file__).resolve().parents[1] / "data" / "city.json"
SCHEMA_PATH = CITY_PATH.parent / "schemas" / "city.schema.json"
HEIGHT_LIMIT_M = 1_000.0
COORDINATE_LIMIT_M = 100_000.0

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Coordinate = Annotated[float, Field(ge=-COORDINATE_LIMIT_M, le=COORDINATE_LIMIT_M, allow_inf_nan=False)]
Extent = Annotated[float, Field(gt=0.0, le=COORDINATE_LIMIT_M, allow_inf_nan=False)]
Point = tuple[Coordinate, Coordinate]
Interval = tuple[Coordinate, Coordinate]


def _ring(points: list[Point]) -> list[Point]:
    if len(set(points)) < 3:
        raise ValueError(f"{len(set(points))} distinct points (minimum 3)")
    return points


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, validate_by_name=True
    )


class MapEntry(_Model):
    """The ground and the sky.

    Attributes:
        width: Extent along x, metres.
        depth: Extent along z, metres.
        color: Ground.
        sky_color: Sky.
    """

    width: Extent
    depth: Extent
    color: Colour
    sky_color: Colour


class BuildingEntry(_Model):
    """An extruded footprint.

    Attributes:
        vertices: Outline as `[x, z]` points; the last repeats the first.
        height: Metres above the ground.
        color: Walls.
    """

    vertices: Annotated[list[Point], AfterValidator(_ring), Field(min_length=4)]
    height: Annotated[float, Field(gt=0.0, le=HEIGHT_LIMIT_M, allow_inf_nan=False)]
    color: Colour


class StreetEntry(_Model):
    """A straight corridor between buildings.

    Attributes:
        axis: The axis that it runs along.
        center: Its centre line on the other axis.
        width: Metres.
        start: Lower end on its own axis.
        end: Upper end on its own axis.
        interrupts: Where other corridors cross, as intervals on its own axis.
    """

    axis: Literal["x", "z"]
    center: Coordinate
    width: Annotated[float, Field(gt=0.0, le=1_000.0, allow_inf_nan=False)]
    start: Coordinate
    end: Coordinate
    interrupts: list[Interval] = []

    @model_validator(mode="after")
    def _runs_upwards(self) -> "StreetEntry":
        if self.start >= self.end:
            raise ValueError(f"start {self.start:g} is not below end {self.end:g}")
        for low, high in self.interrupts:
            if low >= high:
                raise ValueError(f"interrupt [{low:g}, {high:g}] does not run upwards")
        return self


class CityFile(_Model):
    """A whole city.

    Attributes:
        version: Of this format.
        source: What the city was made from.
        map: The ground and the sky.
        tile_width: Period of the repeated city along x, metres.
        tile_depth: Period along z, metres.
        grid_angle_deg: How far the street grid stood from north before it was turned.
        buildings: All of them.
        streets: All corridors.
    """

    version: Literal[1] = 1
    source: str = "unknown"
    map: MapEntry
    tile_width: Extent
    tile_depth: Extent
    grid_angle_deg: Annotated[float, Field(ge=-360.0, le=360.0, allow_inf_nan=False)]
    buildings: list[BuildingEntry]
    streets: list[StreetEntry]


def parse_city(text: bytes | str, name: Path | str) -> CityFile:
    """A city file's content.

    Args:
        text: The file's bytes.
        name: What to call the file in messages.

    Returns:
        The checked content.

    Raises:
        CityFileError: It is no JSON or breaks the format; the first fault's field is named.
    """
    try:
        return CityFile.model_validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)
        first = faults[0]
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise CityFileError(name, _fault_line(first) + more) from None


def _fault_line(fault: Any) -> str:
    if fault["type"] == "json_invalid":
        return f"no JSON: {fault['msg']}"
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    reason = fault["msg"].removeprefix("Value error, ")
    value = "" if fault["type"] == "missing" else f" (it is {_short(fault['input'])})"
    return f"{field.lstrip('.') or 'the file'}: {reason}{value}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def write_city(city: CityFile, path: Path) -> None:
    """Write a city as minified JSON in the format's key order; whole numbers have no decimal point.

    Raises:
        CityFileError: The file cannot be written.
    """
    try:
        path.write_bytes(city_bytes(city))
    except OSError as error:
        raise CityFileError(path, f"cannot be written ({error.strerror})") from None


def city_bytes(city: CityFile) -> bytes:
    """A city as minified JSON; the same city gives the same bytes on every machine."""
    content = _plain(city.model_dump(by_alias=True))
    return (json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def schema() -> dict[str, Any]:
    """The format as a JSON Schema, 2020-12."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Scale Diffusion city"}
    body = CityFile.model_json_schema(by_alias=True)
    return head | {key: value for key, value in body.items() if key != "title"}


def schema_text() -> str:
    """The schema file's text."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
