"""What can happen on a route, as the scorer sees it; and how a route can fail from outside."""

import math
from dataclasses import dataclass
from enum import StrEnum

from scoring.leaderboard.errors import ScoringInputError


class EventType(StrEnum):
    """Traffic events; names and values are those of scenario_runner's TrafficEventType."""

    NORMAL_DRIVING = "NORMAL_DRIVING"
    COLLISION_STATIC = "COLLISION_STATIC"
    COLLISION_VEHICLE = "COLLISION_VEHICLE"
    COLLISION_PEDESTRIAN = "COLLISION_PEDESTRIAN"
    ROUTE_DEVIATION = "ROUTE_DEVIATION"
    ROUTE_COMPLETION = "ROUTE_COMPLETION"
    ROUTE_COMPLETED = "ROUTE_COMPLETED"
    TRAFFIC_LIGHT_INFRACTION = "TRAFFIC_LIGHT_INFRACTION"
    WRONG_WAY_INFRACTION = "WRONG_WAY_INFRACTION"
    ON_SIDEWALK_INFRACTION = "ON_SIDEWALK_INFRACTION"
    STOP_INFRACTION = "STOP_INFRACTION"
    OUTSIDE_LANE_INFRACTION = "OUTSIDE_LANE_INFRACTION"
    OUTSIDE_ROUTE_LANES_INFRACTION = "OUTSIDE_ROUTE_LANES_INFRACTION"
    VEHICLE_BLOCKED = "VEHICLE_BLOCKED"
    MIN_SPEED_INFRACTION = "MIN_SPEED_INFRACTION"
    YIELD_TO_EMERGENCY_VEHICLE = "YIELD_TO_EMERGENCY_VEHICLE"
    SCENARIO_TIMEOUT = "SCENARIO_TIMEOUT"


WITH_PERCENTAGE = frozenset(
    {EventType.ROUTE_COMPLETION, EventType.OUTSIDE_ROUTE_LANES_INFRACTION, EventType.MIN_SPEED_INFRACTION}
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        type: What.
        message: Sentence for the results document.
        percentage: In %, of the types that have one: route completed; route driven outside the
            lanes; own speed against the surrounding traffic's. A whole number stays whole: it is
            written into the document as it is.
        distance_m: Distance driven outside the lanes.

    Raises:
        ScoringInputError: For a missing percentage, or a number that is not finite.
    """

    type: EventType
    message: str = ""
    percentage: float | None = None
    distance_m: float | None = None

    def __post_init__(self) -> None:
        if self.percentage is None and self.type in WITH_PERCENTAGE:
            raise ScoringInputError(f"{self.type}.percentage", "missing; this event type needs one")
        for name, value in (("percentage", self.percentage), ("distance_m", self.distance_m)):
            if value is not None and not math.isfinite(value):
                raise ScoringInputError(f"{self.type}.{name}", f"{value} (must be a finite number)")


class Failure(StrEnum):
    """What stopped a route from outside; the value is the words in its status."""

    SIMULATION = "Simulation crashed"
    SENSORS = "Agent's sensors were invalid"
    AGENT_INIT = "Agent couldn't be set up"
    AGENT_RUNTIME = "Agent crashed"
