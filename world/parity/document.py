"""The whole file of reference cases."""

import json
from pathlib import Path
from typing import Any

from world.minitown.town import load_town
from world.parity.cases import free_drives, scenario_drives, wall_drives
from world.parity.drives import play
from world.parity.refusals import refusals
from world.parity.tables import lane_rows, query_rows, trig_rows, wall_summary, way_entries

PARITY_PATH = Path(__file__).parents[1] / "data" / "parity.json"


def parity_document() -> dict[str, Any]:
    """All cases, played now.

    Returns:
        version: Of this format.
        drives: See `drives.play`.
        trig, walls, queries, lanes, ways: See `tables`.
        refusals: See `refusals`.
    """
    town = load_town()
    drives = [*free_drives(), *wall_drives(town.network), *scenario_drives()]
    return {
        "version": 1,
        "drives": [play(drive) for drive in drives],
        "trig": trig_rows(),
        "walls": wall_summary(town),
        "queries": query_rows(town),
        "lanes": lane_rows(town),
        "ways": way_entries(town.network),
        "refusals": refusals(),
    }


def parity_text() -> str:
    """The file's text, one entry a line; floats are the shortest that give the same bits again."""
    document = parity_document()
    parts = [f'"{name}":{_lines(value)}' for name, value in document.items()]
    return "{" + ",\n".join(parts) + "}\n"


def _lines(value: Any) -> str:
    if not isinstance(value, list):
        return _json(value)
    return "[\n" + ",\n".join(_json(item) for item in value) + "\n]"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
