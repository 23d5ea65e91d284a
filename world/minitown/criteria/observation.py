"""What the criteria see of a tick. Independent of any simulator; it does the geometry, they judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

ContactKind = Literal["vehicle", "pedestrian", "layout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact that began in this tick.

    Attributes:
        actor_id: Of the other; 0 for buildings and other layout.
        type_id: Its blueprint, such as `vehicle.audi.tt`.
        kind: What it counts as.
        x_m: World X of the contact.
        y_m: World Y.
    """

    actor_id: int
    type_id: str
    kind: ContactKind
    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePosition:
    """Where the car's centre is relative to the lanes.

    Attributes:
        offset_m: Distance from the nearest driving lane's centre, either sign.
        lane_width_m: That lane's width.
        lane_yaw_rad: That lane's driving direction.
        in_junction: The lane is a connector in a crossing.
        off_road: Outside every street.
    """

    offset_m: float
    lane_width_m: float
    lane_yaw_rad: float
    in_junction: bool
    off_road: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopZone:
    """The stop sign whose zone the car is in.

    Attributes:
        stop_id: Its id.
        x_m: World X of the sign or its line.
        y_m: World Y.
        inside: False tells that the car is only near it, which does not count.
    """

    stop_id: int
    x_m: float
    y_m: float
    inside: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Position and heading of another vehicle."""

    x_m: float
    y_m: float
    yaw_rad: float


@dataclass(slots=True, kw_only=True)
class Observation:
    """One tick. Mutable on purpose: one instance is filled again at every tick.

    Attributes:
        tick: Number of the tick.
        t_s: Game time.
        x_m: World X of the car's centre.
        y_m: World Y.
        z_m: World Z.
        yaw_rad: Heading.
        speed_mps: Speed, never negative.
        background_speed_mps: Speed of each surrounding vehicle; empty where there is none.
        contacts: Contacts that began in this tick.
        lane: Where the car is relative to the lanes; None is not judged.
        red_light_crossed: Id of the light whose line the car's tail crosses in this tick while it
            is red. May stay set for several ticks.
        red_light_at_m: Where that light is, X and Y; None tells the car's own place.
        stop_sign: The stop sign whose zone the car is in.
        emergency_vehicle: An emergency vehicle that must be let past, while there is one.
    """

    tick: int
    t_s: float
    x_m: float
    y_m: float
    z_m: float = 0.0
    yaw_rad: float = 0.0
    speed_mps: float = 0.0
    background_speed_mps: Sequence[float] = ()
    contacts: Sequence[Contact] = ()
    lane: LanePosition | None = None
    red_light_crossed: int | None = None
    red_light_at_m: tuple[float, float] | None = None
    stop_sign: StopZone | None = None
    emergency_vehicle: Pose | None = None

    @classmethod
    def empty(cls) -> Self:
        """An instance to be filled."""
        return cls(tick=0, t_s=0.0, x_m=0.0, y_m=0.0)
