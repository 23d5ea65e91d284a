"""The street network's parts: lanes between crossings, connectors through them, controls at them.

Only data lives here; `build` makes it from a city, `plan` finds routes through it. Right-hand
traffic; one driving lane per direction.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


class Command(IntEnum):
    """Navigation commands, with the CARLA Leaderboard's RoadOption values."""

    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    FOLLOW_LANE = 4


class Control(StrEnum):
    """How a crossing is regulated."""

    LIGHTS = "lights"
    ALL_WAY_STOP = "all_way_stop"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One driving lane, from one crossing's edge to the next one's.

    Attributes:
        lane_id: Index in `StreetNetwork.lanes`.
        street: Index of the corridor in `City.streets`.
        points_m: `(N, 2)` centre line in driving direction; straight lanes have their two ends.
        width_m: Lane width.
        yaw_rad: Driving direction of a straight lane at its start.
        length_m: Length of the centre line.
        speed_limit_mps: Legal limit.
        from_crossing: Crossing it comes from, or -1 at the map's edge.
        to_crossing: Crossing it leads to, or -1 at the map's edge.
        turn: For a connector through a crossing LEFT, RIGHT or STRAIGHT; FOLLOW_LANE otherwise.
        successors: Lanes (connectors for a lane, lanes for a connector) that continue it.
        predecessors: Lanes that lead into it.
    """

    lane_id: int
    street: int
    points_m: Points
    width_m: float
    yaw_rad: float
    length_m: float
    speed_limit_mps: float
    from_crossing: int
    to_crossing: int
    turn: Command
    successors: tuple[int, ...]
    predecessors: tuple[int, ...]

    @property
    def is_connector(self) -> bool:
        """Whether it runs through a crossing."""
        return self.turn is not Command.FOLLOW_LANE


@dataclass(frozen=True, kw_only=True)
class StopLine:
    """Where traffic of one lane waits at a crossing.

    Attributes:
        crossing: The crossing it guards.
        lane_id: The lane whose end it is.
        x_m: Middle of the line.
        y_m: Middle of the line.
        yaw_rad: Driving direction across it.
        half_width_m: Half of the lane's width.
        phase: 0 or 1, which of the crossing's two light phases it obeys.
    """

    crossing: int
    lane_id: int
    x_m: float
    y_m: float
    yaw_rad: float
    half_width_m: float
    phase: int


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Where two corridors meet: an axis-aligned rectangle.

    Attributes:
        crossing_id: Index in `StreetNetwork.crossings`.
        x_m: Centre.
        y_m: Centre.
        half_x_m: Half extent along X.
        half_y_m: Half extent along Y.
        streets: The two corridors' indices in `City.streets` (the one along X first).
        control: How it is regulated.
        stop_lines: One per lane that leads in.
        phase_offset_s: Shift of its light cycle.
    """

    crossing_id: int
    x_m: float
    y_m: float
    half_x_m: float
    half_y_m: float
    streets: tuple[int, int]
    control: Control
    stop_lines: tuple[StopLine, ...]
    phase_offset_s: float


@dataclass(frozen=True, kw_only=True)
class StreetNetwork:
    """All lanes and crossings of a city."""

    lanes: tuple[Lane, ...]
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True, kw_only=True)
class RoutePlan:
    """A dense route, lane-true, about one point per metre.

    Attributes:
        points_m: `(N, 2)` in driving direction.
        yaw_rad: `(N,)` direction at each point.
        along_m: `(N,)` distance from the start.
        command: `(N,) int8`; the next crossing's turn within 30 m of it (and inside it), else
            `FOLLOW_LANE`.
        lane_id: `(N,) int32` lane or connector under each point.
        speed_limit_mps: `(N,)`.
    """

    points_m: Points
    yaw_rad: Points
    along_m: Points
    command: npt.NDArray[np.int8]
    lane_id: npt.NDArray[np.int32]
    speed_limit_mps: Points

    @property
    def length_m(self) -> float:
        """Length of the route."""
        return float(self.along_m[-1])

    def turns(self) -> int:
        """How many left and right turns it has."""
        inside = np.isin(self.command, (Command.LEFT, Command.RIGHT))
        return int(inside[0]) + int(np.count_nonzero(inside[1:] & (self.command[1:] != self.command[:-1])))
