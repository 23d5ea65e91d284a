"""Scenario files that cannot be played, and what is said about them."""

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

from world.scenario import ScenarioError
from world.scenario.load import read_scenario

SOURCE = "broken.json"

_CAR: dict[str, Any] = {
    "id": "car",
    "type": "vehicle",
    "color": "#ff0000",
    "dimensions": {"width": 2, "height": 1.5, "depth": 4},
    "trajectory": [
        {"time": 1, "x": 0, "z": 0, "rotation": 0},
        {"time": 5, "x": 0, "z": -40, "rotation": 0},
    ],
}
_FILE: dict[str, Any] = {
    "version": 1,
    "id": "test",
    "name": "Test",
    "description": "",
    "duration": 10,
    "playerSpawn": {"x": 0, "z": 0, "rotation": 0, "initialSpeed": 5},
    "successCondition": {"type": "no_collision"},
    "entities": [_CAR],
}
_LINE = {"type": "line", "points": [[0, 0], [0, 9]], "duration": 1}


def _path(*segments: dict[str, Any]) -> list[dict[str, Any]]:
    car = {name: value for name, value in _CAR.items() if name != "trajectory"}
    return [{**car, "path": {"segments": list(segments)}}]


def _wave(**trigger: Any) -> list[dict[str, Any]]:
    return [{"id": "w", "trigger": trigger, "entities": ["car"]}]


_CHANGES: tuple[dict[str, Any], ...] = (
    {"duration": -1},
    {"duration": 601},
    {"version": 2},
    {"id": "Not An Id"},
    {"name": ""},
    {"description": 7},
    {"next": "?"},
    {"signals": "red"},
    {"unknown": 1},
    {"entities": []},
    {"entities": "none"},
    {"entities": [7]},
    {"entities": [_CAR, _CAR]},
    {"entities": [{**_CAR, "type": "dragon"}]},
    {"entities": [{**_CAR, "color": "red"}]},
    {"entities": [{**_CAR, "dimensions": {"width": 0, "height": 1, "depth": 1}}]},
    {"entities": [{**_CAR, "dimensions": {"width": 1, "height": 1}}]},
    {"entities": [{**_CAR, "afterEnd": "vanish"}]},
    {"entities": [{**_CAR, "trajectory": None}]},
    {"entities": [{**_CAR, "path": {"segments": [_LINE]}}]},
    {"entities": [{**_CAR, "trajectory": [_CAR["trajectory"][1], _CAR["trajectory"][0]]}]},
    {
        "entities": [
            {**_CAR, "trajectory": [_CAR["trajectory"][0], {**_CAR["trajectory"][1], "time": 0.00002}]}
        ]
    },
    {"entities": _path({**_LINE, "points": [[0, 0]]})},
    {"entities": _path({**_LINE, "points": [[0, 0, 0], [0, 9]]})},
    {"entities": _path({**_LINE, "points": [[0], [0, 9]]})},
    {"entities": _path({**_LINE, "type": "bezier"})},
    {"entities": _path(_LINE, {**_LINE, "points": [[0, 9.5], [0, 20]]})},
    {"successCondition": {"type": "win"}},
    {"successCondition": {"type": "reach_position"}},
    {"successCondition": {"type": "no_collision", "target": {"x": 0, "z": 0, "radius": 1}}},
    {"playerSpawn": {"x": 0, "z": 0, "rotation": 0, "initialSpeed": 61}},
    {"playerSpawn": {"x": "west", "z": 0, "rotation": 0, "initialSpeed": 6}},
    {"waves": [{"id": "w", "trigger": {"type": "time", "time": 1}, "entities": ["nobody"]}]},
    {"waves": [*_wave(type="time", time=1), {**_wave(type="time", time=2)[0], "id": "v"}]},
    {"waves": _wave(type="luck")},
    {"waves": _wave(time=1)},
    {"waves": _wave(type="time", time=-1)},
    {"waves": _wave(type="distance", within=5)},
    {"waves": _wave(type="distance", within=5, entity="nobody")},
    {"waves": _wave(type="distance", within=0, place=[0, 0])},
    {"waves": _wave(type="position", low=[0, 0], high=[5, 0])},
)


def refusals() -> list[dict[str, Any]]:
    """The good file first, then changed top-level fields and the message for each.

    Returns:
        file: The whole scenario file, of the first entry only.
        change: Fields to put in its place; null values of an entity are those of JSON.
        message: What is said, or null where the file is accepted.
    """
    entries: list[dict[str, Any]] = [{"file": _FILE, "change": {}, "message": _message(_FILE)}]
    entries += [{"change": change, "message": _message({**_FILE, **change})} for change in _CHANGES]
    return copy.deepcopy(entries)


def _message(content: dict[str, Any]) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SOURCE
        path.write_text(json.dumps(content))
        try:
            read_scenario(path)
        except ScenarioError as error:
            return str(error)
    return None
