"""The street network for the browser: `world/data/streets.json`, made once from the city that ships.

    python -m world.streets.export > world/data/streets.json

Only what cannot be computed is in it. A straight lane is its two ends; a connector is the pair of
lanes that it joins and its turn, and its curve follows (`shape.LaneShape`). 1,300 lanes and 3,700
connectors are 126 kB; with sampled centre lines they would be 1.5 MB. Rows, not objects, for
the same reason; lengths are metres to 0.1 mm in the game's axes, as in all data files.
"""

import json
import sys
from typing import Any

from world.axes import game_point
from world.city.load import load_city
from world.city.model import City
from world.streets.build import build_network
from world.streets.network import Crossing, Lane

_DECIMALS = 4


def streets_document(city: City) -> dict[str, Any]:
    """The network of a city as plain JSON values.

    Lanes have their index as id, connectors follow them, so the ids are those of `build_network`.

    Returns:
        version: Of this format.
        city: The content hash of the city.
        lanes: Rows of x and z of the start, x and z of the end, width, speed limit in m/s, crossing
            that it comes from and crossing that it leads to (-1: the map's edge).
        connectors: Rows of lane before, lane after, turn (1 left, 2 right, 3 straight), crossing.
        crossings: Rows of centre x and z, half extent along x and along z.
    """
    network = build_network(city)
    lanes = [lane for lane in network.lanes if not lane.is_connector]
    connectors = [lane for lane in network.lanes if lane.is_connector]
    return {
        "version": 1,
        "city": city.content_hash,
        "lanes": [_lane_row(lane) for lane in lanes],
        "connectors": [_connector_row(lane) for lane in connectors],
        "crossings": [_crossing_row(crossing) for crossing in network.crossings],
    }


def streets_text(city: City) -> str:
    """The file's text; the same city gives the same text on every machine."""
    return json.dumps(streets_document(city), separators=(",", ":"), allow_nan=False) + "\n"


def _lane_row(lane: Lane) -> list[float]:
    (x0_m, y0_m), (x1_m, y1_m) = lane.points_m[0].tolist(), lane.points_m[-1].tolist()
    ends = (*game_point(x0_m, y0_m), *game_point(x1_m, y1_m))
    return [
        *(_short(value) for value in (*ends, lane.width_m, lane.speed_limit_mps)),
        lane.from_crossing,
        lane.to_crossing,
    ]


def _connector_row(lane: Lane) -> list[int]:
    return [lane.predecessors[0], lane.successors[0], int(lane.turn), lane.to_crossing]


def _crossing_row(crossing: Crossing) -> list[float]:
    x, z = game_point(crossing.x_m, crossing.y_m)
    return [_short(value) for value in (x, z, crossing.half_y_m, crossing.half_x_m)]


def _short(value: float) -> float:
    """To 0.1 mm; whole numbers lose their decimal point."""
    rounded = round(value, _DECIMALS)
    return int(rounded) if rounded.is_integer() else rounded


if __name__ == "__main__":
    sys.stdout.write(streets_text(load_city()))
