"""From corridors to lanes: every street part between two crossings gets one lane per direction.

Crossings are the rectangles where two corridors meet. Lanes end 2 m before them, at the stop
line; connectors (straight on, or a quarter circle with straight ends) lead from lane to lane
through them. There are no U-turns. At the map's edge lanes just end. About 0.1 s for 39 corridors.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from world.axes import world_point
from world.city.model import City, Street
from world.streets.network import (
    Command,
    Control,
    Crossing,
    Lane,
    StopLine,
    StreetNetwork,
)
from world.streets.shape import HEADINGS_RAD, LaneShape, sample

SET_BACK_M = 2.0
MAX_LANE_WIDTH_M = 7.0
CONNECTOR_SPACING_M = 0.5
WIDE_STREET_M = 18.0
WIDE_STREET_MPS = 13.9
STREET_MPS = 11.2
LIGHT_SHIFT_S = 7.0

_MIN_LANE_M = 5.0
_MEET_M = 2.0  # corridors found on a 2 m raster may end that short of the street that they meet
_SCENARIO_CROSSINGS = tuple(world_point(-225.91, z) for z in (-570.98, -412.98, -257.98))
_SAME_PLACE_M = 1.0
_TURNS = {0: Command.STRAIGHT, 1: Command.RIGHT, 3: Command.LEFT}


@dataclass(kw_only=True)
class _Draft:
    """A lane before its neighbours are known."""

    street: int
    shape: LaneShape
    width_m: float
    limit_mps: float
    from_crossing: int
    to_crossing: int
    turn: Command = Command.FOLLOW_LANE
    successors: list[int] = field(default_factory=list)
    predecessors: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """A crossing before its lanes are known; `column` and `row` count streets in map order."""

    along_x: int
    along_y: int
    column: int
    row: int


def lane_width_m(street: Street) -> float:
    """Width of each of a street's two driving lanes; the rest is shoulder."""
    return min(street.width_m / 2, MAX_LANE_WIDTH_M)


def build_network(city: City) -> StreetNetwork:
    """Lanes, connectors and regulated crossings of a city's corridors."""
    spots = _find_crossings(city.streets)
    drafts: list[_Draft] = []
    for number in range(len(city.streets)):
        drafts += _street_lanes(city.streets, number, spots)
    arriving, leaving = defaultdict(list), defaultdict(list)
    for number, draft in enumerate(drafts):
        arriving[draft.to_crossing].append(number)
        leaving[draft.from_crossing].append(number)
    for crossing in range(len(spots)):
        _connect(drafts, crossing, arriving[crossing], leaving[crossing])
    lanes = tuple(_lane(number, draft) for number, draft in enumerate(drafts))
    crossings = tuple(
        _crossing(number, spot, city.streets, [lanes[k] for k in arriving[number]])
        for number, spot in enumerate(spots)
    )
    return StreetNetwork(lanes=lanes, crossings=crossings)


def _find_crossings(streets: Sequence[Street]) -> list[_Spot]:
    columns = sorted((s.centre_m, k) for k, s in enumerate(streets) if s.direction == "x")
    rows = sorted((s.centre_m, k) for k, s in enumerate(streets) if s.direction == "y")
    return [
        _Spot(along_x=along_x, along_y=along_y, column=column, row=row)
        for column, (_, along_x) in enumerate(columns)
        for row, (_, along_y) in enumerate(rows)
        if _reaches(streets[along_x], streets[along_y]) and _reaches(streets[along_y], streets[along_x])
    ]


def _reaches(street: Street, other: Street) -> bool:
    """Whether a street's ends lie on both sides of, or in, the other's corridor."""
    half_m = other.width_m / 2 + _MEET_M
    return street.start_m <= other.centre_m + half_m and street.end_m >= other.centre_m - half_m


def _street_lanes(streets: Sequence[Street], number: int, spots: Sequence[_Spot]) -> list[_Draft]:
    """Both lanes of each of a street's parts, in order along its axis."""
    street = streets[number]
    met = sorted(
        (other.centre_m, other.width_m / 2, crossing)
        for crossing, spot in enumerate(spots)
        if number in (spot.along_x, spot.along_y)
        for other in [streets[spot.along_y if number == spot.along_x else spot.along_x]]
    )
    starts = [(street.start_m, -1)] + [(centre + half + SET_BACK_M, k) for centre, half, k in met]
    ends = [(centre - half - SET_BACK_M, k) for centre, half, k in met] + [(street.end_m, -1)]
    drafts = []
    for (low_m, low), (high_m, high) in zip(starts, ends, strict=True):
        if high_m - low_m >= _MIN_LANE_M:
            drafts.append(_lane_draft(street, number, (low_m, high_m), (low, high)))
            drafts.append(_lane_draft(street, number, (high_m, low_m), (high, low)))
    return drafts


def _lane_draft(
    street: Street, number: int, span_m: tuple[float, float], crossings: tuple[int, int]
) -> _Draft:
    """One lane from the first to the second coordinate on the street's axis."""
    width_m = lane_width_m(street)
    forward = span_m[1] > span_m[0]
    if street.direction == "x":
        side_m = street.centre_m + (width_m / 2 if forward else -width_m / 2)
        start, end = (span_m[0], side_m), (span_m[1], side_m)
        heading = 0 if forward else 2
    else:
        side_m = street.centre_m + (-width_m / 2 if forward else width_m / 2)
        start, end = (side_m, span_m[0]), (side_m, span_m[1])
        heading = 1 if forward else 3
    return _Draft(
        street=number,
        shape=LaneShape.between(start, end, heading, Command.FOLLOW_LANE),
        width_m=width_m,
        limit_mps=WIDE_STREET_MPS if street.width_m >= WIDE_STREET_M else STREET_MPS,
        from_crossing=crossings[0],
        to_crossing=crossings[1],
    )


def _connect(drafts: list[_Draft], crossing: int, arriving: list[int], leaving: list[int]) -> None:
    """Append the connectors of a crossing and link them to their lanes."""
    for source in arriving:
        for target in leaving:
            before, after = drafts[source], drafts[target]
            turn = _TURNS.get((after.shape.heading - before.shape.heading) & 3)
            if turn is None:
                continue
            end = before.shape.at(before.shape.length_m)[:2]
            shape = LaneShape.between(end, (after.shape.x_m, after.shape.y_m), before.shape.heading, turn)
            before.successors.append(len(drafts))
            after.predecessors.append(len(drafts))
            drafts.append(
                _Draft(
                    street=before.street,
                    shape=shape,
                    width_m=min(before.width_m, after.width_m),
                    limit_mps=min(before.limit_mps, after.limit_mps),
                    from_crossing=crossing,
                    to_crossing=crossing,
                    turn=turn,
                    successors=[target],
                    predecessors=[source],
                )
            )


def _lane(number: int, draft: _Draft) -> Lane:
    points = np.array(sample(draft.shape, CONNECTOR_SPACING_M))
    points.setflags(write=False)
    return Lane(
        lane_id=number,
        street=draft.street,
        points_m=points,
        width_m=draft.width_m,
        yaw_rad=HEADINGS_RAD[draft.shape.heading],
        length_m=draft.shape.length_m,
        speed_limit_mps=draft.limit_mps,
        from_crossing=draft.from_crossing,
        to_crossing=draft.to_crossing,
        turn=draft.turn,
        successors=tuple(draft.successors),
        predecessors=tuple(draft.predecessors),
    )


def _crossing(number: int, spot: _Spot, streets: Sequence[Street], arriving: Sequence[Lane]) -> Crossing:
    along_x, along_y = streets[spot.along_x], streets[spot.along_y]
    x_m, y_m = along_y.centre_m, along_x.centre_m
    control = _control(spot, x_m, y_m, arms=len(arriving))
    regulated = arriving if control is not Control.NONE else ()
    return Crossing(
        crossing_id=number,
        x_m=x_m,
        y_m=y_m,
        half_x_m=along_y.width_m / 2,
        half_y_m=along_x.width_m / 2,
        streets=(spot.along_x, spot.along_y),
        control=control,
        stop_lines=tuple(_stop_line(number, lane, streets) for lane in regulated),
        phase_offset_s=LIGHT_SHIFT_S * ((spot.column + spot.row) % 4),
    )


def _control(spot: _Spot, x_m: float, y_m: float, arms: int) -> Control:
    """Lights, or stop signs at every fourth crossing; nothing where a street only bends."""
    if arms < 3:
        return Control.NONE
    if any(abs(x - x_m) <= _SAME_PLACE_M and abs(y - y_m) <= _SAME_PLACE_M for x, y in _SCENARIO_CROSSINGS):
        return Control.LIGHTS
    return Control.ALL_WAY_STOP if (spot.column + spot.row) % 4 == 0 else Control.LIGHTS


def _stop_line(crossing: int, lane: Lane, streets: Sequence[Street]) -> StopLine:
    x_m, y_m = lane.points_m[-1].tolist()
    return StopLine(
        crossing=crossing,
        lane_id=lane.lane_id,
        x_m=x_m,
        y_m=y_m,
        yaw_rad=lane.yaw_rad,
        half_width_m=lane.width_m / 2,
        phase=0 if streets[lane.street].direction == "x" else 1,
    )
