"""The constants of traffic, from `world/data/traffic.json`; the browser reads the same file."""

import json
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

TRAFFIC_FILE = Path(__file__).parents[1] / "data" / "traffic.json"
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class TrafficFileError(ValueError):
    """A traffic file that cannot be used; the message names file and field."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LightTimes(_Part):
    """One phase of a crossing's lights; the other phase follows with the same times."""

    green_s: Positive
    yellow_s: Positive
    all_red_s: Positive

    @property
    def cycle_s(self) -> float:
        """Both phases."""
        return 2.0 * (self.green_s + self.yellow_s + self.all_red_s)


class DriverTraits(_Part):
    """IDM parameters (Treiber, Hennecke and Helbing 2000) and manners."""

    acceleration_mps2: Positive
    braking_mps2: Positive
    hardest_mps2: Positive
    headway_s: Positive
    gap_m: Positive
    limit_share: tuple[Positive, Positive]
    turn_left_mps: Positive
    turn_right_mps: Positive


class WalkerTraits(_Part):
    """How people walk."""

    speed_mps: tuple[Positive, Positive]
    width_m: Positive
    height_m: Positive


class Body(_Part):
    """A kind of vehicle and its share."""

    type_id: str
    length_m: Positive
    width_m: Positive
    height_m: Positive
    share: Positive


class TrafficRules(_Part):
    """The whole file; rings are least and greatest distance from the player."""

    lights: LightTimes
    driver: DriverTraits
    walker: WalkerTraits
    near_m: tuple[Positive, Positive]
    near_walker_m: tuple[Positive, Positive]
    far_m: Positive
    bodies: list[Body] = Field(min_length=1)
    colours: list[Colour] = Field(min_length=1)
    taxi_colour: Colour
    clothes: list[Colour] = Field(min_length=1)


def load_rules(path: Path) -> TrafficRules:
    """Read a traffic file.

    Raises:
        TrafficFileError: Naming the first field that is wrong.
    """
    try:
        return TrafficRules.model_validate(json.loads(path.read_text()))
    except (OSError, json.JSONDecodeError) as error:
        raise TrafficFileError(f"{path.name}: cannot be read as JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise TrafficFileError(f"{path.name}: {field}: {first['msg']}") from error


@cache
def traffic_rules() -> TrafficRules:
    """The shipped constants."""
    return load_rules(TRAFFIC_FILE)
