"""The scenario file: what Python and the browser read, in the game's axes (x, z, rotation).

`world/data/schemas/scenario.schema.json` is made from these models:
    python -m world.scenario.model > world/data/schemas/scenario.schema.json

What a schema cannot say (ids that must exist, times that must rise) is in `check`.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Metres = Annotated[float, Field(ge=-1e5, le=1e5, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, le=1e3, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]
Radians = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Place = tuple[Metres, Metres]
"""x, z."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Waypoint(_Part):
    """Where an entity is at a moment of its own clock; straight lines between, the short way round."""

    time: Seconds
    x: Metres
    z: Metres
    rotation: Radians


class Segment(_Part):
    """A stretch of path, driven at constant speed: a line of 2 points or a cubic Bezier of 4."""

    type: Literal["line", "bezier"]
    points: list[Place] = Field(min_length=2, max_length=4)
    duration: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Path(_Part):
    """Segments one after another; the heading is the path's direction."""

    start_time: Seconds = 0.0
    segments: list[Segment] = Field(min_length=1)


class Dimensions(_Part):
    """Width across, height upwards, depth along the heading."""

    width: Length
    height: Length
    depth: Length


class Entity(_Part):
    """Something staged; it has either a trajectory or a path, and is not there before it begins."""

    id: Identifier
    type: Literal["vehicle", "pedestrian", "bicycle", "obstacle", "emergency_worker"]
    color: Colour
    dimensions: Dimensions
    trajectory: list[Waypoint] | None = Field(default=None, min_length=1)
    path: Path | None = None
    after_end: Literal["hold", "remove"] = "hold"


class TimeTrigger(_Part):
    """Fires at a time of the scenario."""

    type: Literal["time"]
    time: Seconds


class DistanceTrigger(_Part):
    """Fires when the player is near a place or an entity."""

    type: Literal["distance"]
    within: Length
    place: Place | None = None
    entity: Identifier | None = None


class PositionTrigger(_Part):
    """Fires when the player is in a rectangle: corners of lowest and highest x and z."""

    type: Literal["position"]
    low: Place
    high: Place


Trigger = Annotated[TimeTrigger | DistanceTrigger | PositionTrigger, Field(discriminator="type")]


class Wave(_Part):
    """Entities whose clocks start when a trigger fires."""

    id: Identifier
    trigger: Trigger
    entities: list[Identifier] = Field(min_length=1)


class PlayerSpawn(_Part):
    """Where the player starts, and how fast in m/s."""

    x: Metres
    z: Metres
    rotation: Radians
    initial_speed: Annotated[float, Field(ge=0, le=60, allow_inf_nan=False)]


class Target(_Part):
    """A circle to be reached."""

    x: Metres
    z: Metres
    radius: Length


class SuccessCondition(_Part):
    """When the scenario is won."""

    type: Literal["no_collision", "reach_position", "survive_duration"]
    target: Target | None = None


class ScenarioFile(_Part):
    """One scenario.

    `signals` is `playerGreen` where the lights on the player's way are green while it plays.
    `next` names the scenario that follows when this one is decided.
    """

    version: Literal[1]
    id: Identifier
    name: Annotated[str, Field(min_length=1, max_length=80)]
    description: str
    duration: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)]
    player_spawn: PlayerSpawn
    success_condition: SuccessCondition
    signals: Literal["city", "playerGreen"] = "city"
    next: Identifier | None = None
    entities: list[Entity] = Field(min_length=1)
    waves: list[Wave] = []


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))  # noqa: T201
