"""Which lane a point lies on, many times a second.

Corridors are few and parallel to the axes, so two bisections find the street and its part; only
inside a crossing are connectors compared, the few whose direction fits. A call costs about 3 us
on a street and 6 us in a crossing (pure Python); comparing all lanes would cost milliseconds.

On a street the lane is the one on whose side the point lies, whatever the heading: so driving on
the wrong side is seen as such. In a crossing lanes overlap, and the heading decides as well.
"""

import itertools
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from world.streets.errors import StreetsError
from world.streets.network import Crossing, Lane, StreetNetwork
from world.streets.shape import LaneShape, heading_of
from world.trig import wrap

_HINT_BONUS_M2 = 0.25
_HEADING_M2 = 16.0  # a squared heading error of 1 rad^2 counts like 4 m


class LanePosition(NamedTuple):
    """Where a point lies on the street network; a tuple, because one is made at every tick.

    Attributes:
        lane_id: The nearest lane or connector.
        offset_m: Distance from its centre line, to the right positive.
        along_m: Distance along it, within its length.
        lane_yaw_rad: Driving direction there.
        lane_width_m: Its width.
        in_junction: In a crossing, or between it and its stop lines.
        off_road: Outside every corridor.
    """

    lane_id: int
    offset_m: float
    along_m: float
    lane_yaw_rad: float
    lane_width_m: float
    in_junction: bool
    off_road: bool


class _Corridor:
    """One street: its parts between crossings in order along the axis."""

    def __init__(self, centre_m: float, half_width_m: float, parts: list["_Part"]) -> None:
        self.centre_m, self.half_width_m, self.parts = centre_m, half_width_m, parts
        # low, high, low, high, ...: an odd position in it is inside a part, an even one in a gap.
        self.edges = [edge for part in parts for edge in (part.low_m, part.high_m)]
        self.gaps: list[tuple[_Junction, ...]] = []
        self.start_m, self.end_m = self.edges[0], self.edges[-1]


class _Part:
    """A stretch of street with a lane on either side of its centre: against its axis and along it."""

    def __init__(self, low_m: float, high_m: float, against: Lane, along: Lane) -> None:
        self.low_m, self.high_m = low_m, high_m
        self.lanes = ((against, LaneShape.of(against)), (along, LaneShape.of(along)))


class _Junction:
    """A crossing and its connectors by the axis direction in which they start or end."""

    def __init__(self, crossing: Crossing, connectors: Iterable[Lane]) -> None:
        self.x_m, self.y_m = crossing.x_m, crossing.y_m
        everything = [(lane, LaneShape.of(lane)) for lane in connectors]
        fitting = tuple(
            tuple(
                (lane, shape)
                for lane, shape in everything
                if heading in (shape.heading, (shape.heading + shape.bend) & 3)
            )
            for heading in range(4)
        )
        self.by_heading = tuple(found or tuple(everything) for found in fitting)


class LaneLocator:
    """Finds the lane under a point.

    Args:
        network: Streets as `build_network` makes them.

    Raises:
        StreetsError: Without any lane.
    """

    def __init__(self, network: StreetNetwork) -> None:
        if not network.lanes:
            raise StreetsError("the city has no streets: 0 lanes (minimum 2); choose another city file")
        junctions = _junctions(network)
        corridors = _corridors(network, junctions)
        self._along_x = _Bundle([corridors[k] for k in corridors if _runs_along_x(network, k)])
        self._along_y = _Bundle([corridors[k] for k in corridors if not _runs_along_x(network, k)])
        self._corridors = corridors

    def street_half_width_m(self, street: int) -> float:
        """Half of a corridor's width, from its centre to the kerb."""
        return self._corridors[street].half_width_m

    def nearest(self, x_m: float, y_m: float, yaw_rad: float, hint: int = -1) -> LanePosition:
        """The lane at a point.

        Args:
            x_m: World X.
            y_m: World Y.
            yaw_rad: Heading; only decides in crossings.
            hint: Lane of the tick before; among equally good connectors it is kept.
        """
        along_x, beside_x = self._along_x.nearest(y_m, x_m)
        along_y, beside_y = self._along_y.nearest(x_m, y_m)
        if along_x is not None and (beside_x <= beside_y or along_y is None):
            corridor, along, across, off = along_x, x_m, y_m, beside_x > 0.0
        else:
            assert along_y is not None  # noqa: S101 -- a network has at least one street
            # Right of the +Y axis is -X.
            corridor, along, across, off = along_y, y_m, -x_m, beside_y > 0.0
        edges = corridor.edges
        place = bisect(edges, along)
        if not place & 1:
            junctions = corridor.gaps[place >> 1]
            if junctions:
                return self._in_junction(junctions, x_m, y_m, yaw_rad, hint, off)
            place += 1 if place == 0 else -1
        part = corridor.parts[place >> 1]
        centre = corridor.centre_m if corridor is along_x else -corridor.centre_m
        lane, shape = part.lanes[across >= centre]
        s, offset, yaw = shape.project(x_m, y_m)
        s = 0.0 if s < 0.0 else min(s, lane.length_m)
        return LanePosition(lane.lane_id, offset, s, yaw, lane.width_m, False, off)

    def _in_junction(
        self, junctions: tuple[_Junction, ...], x_m: float, y_m: float, yaw_rad: float, hint: int, off: bool
    ) -> LanePosition:
        """The connector that fits best in place and heading."""
        junction = junctions[0]
        if len(junctions) > 1:
            junction = min(junctions, key=lambda j: (j.x_m - x_m) ** 2 + (j.y_m - y_m) ** 2)
        best: tuple[Lane, float, float, float] | None = None
        best_cost = 1e18
        for lane, shape in junction.by_heading[heading_of(yaw_rad)]:
            s, offset, yaw = shape.project(x_m, y_m)
            turned = wrap(yaw_rad - yaw)
            length = lane.length_m
            beyond = -s if s < 0.0 else s - length if s > length else 0.0
            cost = offset * offset + beyond * beyond + _HEADING_M2 * turned * turned
            if lane.lane_id == hint:
                cost -= _HINT_BONUS_M2
            if cost < best_cost:
                best_cost = cost
                best = lane, offset, 0.0 if s < 0.0 else min(s, length), yaw
        assert best is not None  # noqa: S101 -- gaps without connectors are not kept
        lane, offset, s, yaw = best
        return LanePosition(lane.lane_id, offset, s, yaw, lane.width_m, True, off)


class _Bundle:
    """Parallel corridors, found by their coordinate across."""

    def __init__(self, corridors: list[_Corridor]) -> None:
        self._all = sorted(corridors, key=lambda corridor: corridor.centre_m)
        self._between = [
            (low.centre_m + low.half_width_m + high.centre_m - high.half_width_m) / 2
            for low, high in zip(self._all, self._all[1:], strict=False)
        ]

    def nearest(self, across_m: float, along_m: float) -> tuple[_Corridor | None, float]:
        """The nearest corridor and the distance to it, negative inside."""
        if not self._all:
            return None, 1e18
        corridor = self._all[bisect(self._between, across_m)]
        beside = across_m - corridor.centre_m
        beside = (beside if beside >= 0.0 else -beside) - corridor.half_width_m
        if along_m < corridor.start_m:
            return corridor, max(beside, corridor.start_m - along_m)
        if along_m > corridor.end_m:
            return corridor, max(beside, along_m - corridor.end_m)
        return corridor, beside


def _runs_along_x(network: StreetNetwork, street: int) -> bool:
    lane = next(lane for lane in network.lanes if lane.street == street and not lane.is_connector)
    return heading_of(lane.yaw_rad) in (0, 2)


def _junctions(network: StreetNetwork) -> dict[int, _Junction]:
    """Crossings that have connectors, by id."""
    connectors: dict[int, list[Lane]] = defaultdict(list)
    for lane in network.lanes:
        if lane.is_connector:
            connectors[lane.to_crossing].append(lane)
    return {number: _Junction(network.crossings[number], lanes) for number, lanes in connectors.items()}


def _corridors(network: StreetNetwork, junctions: dict[int, _Junction]) -> dict[int, _Corridor]:
    """Every street that has lanes, by its index in the city."""
    sides: dict[tuple[int, float, float], dict[bool, Lane]] = defaultdict(dict)
    for lane in network.lanes:
        if not lane.is_connector:
            heading = heading_of(lane.yaw_rad)
            ends = sorted(lane.points_m[[0, -1], heading & 1].tolist())
            # The two ends of a part are computed from either side: equal to the last bits only.
            sides[lane.street, round(ends[0], 3), round(ends[1], 3)][heading < 2] = lane
    parts: dict[int, list[_Part]] = defaultdict(list)
    for (street, low_m, high_m), lanes in sides.items():
        parts[street].append(_Part(low_m, high_m, lanes[False], lanes[True]))
    return {street: _corridor(network, junctions, street, found) for street, found in parts.items()}


def _corridor(
    network: StreetNetwork, junctions: dict[int, _Junction], street: int, parts: list[_Part]
) -> _Corridor:
    parts.sort(key=lambda part: part.low_m)
    lane = parts[0].lanes[0][0]
    along_x = heading_of(lane.yaw_rad) in (0, 2)
    across = [float(lane.points_m[0, 1 if along_x else 0]) for lane, _ in parts[0].lanes]
    crossings = [crossing for crossing in network.crossings if street in crossing.streets]
    half_m = lane.width_m
    if crossings:
        half_m = crossings[0].half_y_m if along_x else crossings[0].half_x_m
    corridor = _Corridor((across[0] + across[1]) / 2, half_m, parts)
    bounds = [(-1e18, parts[0].low_m)]
    bounds += [(low.high_m, high.low_m) for low, high in itertools.pairwise(parts)]
    bounds.append((parts[-1].high_m, 1e18))
    for low_m, high_m in bounds:
        inside = [c for c in crossings if low_m < (c.x_m if along_x else c.y_m) < high_m]
        corridor.gaps.append(tuple(junctions[c.crossing_id] for c in inside if c.crossing_id in junctions))
        for crossing in inside:
            middle, half = (crossing.x_m, crossing.half_x_m) if along_x else (crossing.y_m, crossing.half_y_m)
            corridor.start_m = min(corridor.start_m, middle - half)
            corridor.end_m = max(corridor.end_m, middle + half)
    return corridor
