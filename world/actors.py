"""What moves or stands in the world, as every part of it sees it: pose, box, kind, colour.

Traffic and scenarios own the behaviour; collision, camera and criteria read only this.
"""

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What an actor is; the values are the scenario files' entity types."""

    VEHICLE = "vehicle"
    PEDESTRIAN = "pedestrian"
    BICYCLE = "bicycle"
    OBSTACLE = "obstacle"
    EMERGENCY_WORKER = "emergency_worker"


@dataclass(slots=True, kw_only=True)
class Actor:
    """An upright oriented box on the ground; mutable, because its owner moves it every tick.

    Attributes:
        actor_id: Unique within a run, positive.
        kind: What it is.
        type_id: Blueprint name for messages, such as `vehicle.minitown.car`.
        x_m: Centre, world X.
        y_m: Centre, world Y.
        yaw_rad: Heading of its length axis.
        speed_mps: Along the heading; 0 while it stands.
        length_m: Along the heading.
        width_m: Across.
        height_m: Upwards.
        rgb: Body colour.
        braking: Brake lights are on.
        blinker: -1 left, 1 right, 0 none.
    """

    actor_id: int
    kind: ActorKind
    type_id: str
    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float = 0.0
    length_m: float = 4.0
    width_m: float = 2.0
    height_m: float = 1.5
    rgb: tuple[int, int, int] = (200, 200, 200)
    braking: bool = False
    blinker: int = 0
