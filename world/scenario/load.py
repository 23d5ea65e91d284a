"""Scenario files: the shipped ones by id, others by path."""

import json
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from world.scenario.check import check_scenario
from world.scenario.errors import ScenarioError
from world.scenario.model import ScenarioFile
from world.scenario.stage import Scenario, stage

FOLDER = Path(__file__).parents[1] / "data" / "scenarios"


def scenario_ids() -> tuple[str, ...]:
    """The ids of all shipped scenarios."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@cache
def load_scenario(name: str) -> Scenario:
    """A shipped scenario by its id, or any by the path of its file.

    Raises:
        ScenarioError: For an unknown id or a file that cannot be played.
    """
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    return stage(read_scenario(path))


def read_scenario(path: Path) -> ScenarioFile:
    """Read and check a scenario file.

    Raises:
        ScenarioError: Naming the file and the first field that is wrong.
    """
    if not path.is_file():
        known = ", ".join(scenario_ids())
        raise ScenarioError(path.stem, f"there is no such scenario; known are {known}")
    try:
        data = json.loads(path.read_text())
        file = ScenarioFile.model_validate(data)
    except json.JSONDecodeError as error:
        raise ScenarioError(path.name, f"not JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ScenarioError(path.name, f"{field}: {first['msg']}") from error
    if path.parent == FOLDER and file.id != path.stem:
        raise ScenarioError(path.name, f"id: {file.id!r} differs from the file's name")
    check_scenario(file)
    return file
