"""The exact curve of a lane: straight, quarter circle, straight; any of the three may be missing.

Streets are parallel to the axes, so every lane and every connector through a crossing has this
shape. It follows from the lane's ends and its turn, so a `Lane` stores only points. Axis vectors
are exact (0, 1 and -1); the arc uses `trig`, so that the same lane has the same bits everywhere.
"""

import math
from dataclasses import dataclass
from typing import Self

from world import trig
from world.streets.network import Command, Lane

HEADINGS_RAD = (0.0, trig.HALF_PI, trig.PI, -trig.HALF_PI)
AXES = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


def heading_of(yaw_rad: float) -> int:
    """Number of the axis direction nearest to a yaw: 0 is +X, 1 is +Y, 2 is -X, 3 is -Y."""
    return math.floor(yaw_rad / trig.HALF_PI + 0.5) & 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneShape:
    """A lane's centre line as a function of the distance along it.

    Attributes:
        x_m: Start.
        y_m: Start.
        heading: Number of the start's axis direction, see `heading_of`.
        bend: 1 turns right, -1 turns left, 0 goes straight on.
        lead_in_m: Straight part before the arc.
        radius_m: Of the quarter circle; 0 without a bend.
        lead_out_m: Straight part after the arc.
    """

    x_m: float
    y_m: float
    heading: int
    bend: int
    lead_in_m: float
    radius_m: float
    lead_out_m: float

    @classmethod
    def between(
        cls, start_m: tuple[float, float], end_m: tuple[float, float], heading: int, turn: Command
    ) -> Self:
        """The widest curve from one point, with a heading, to another after the turn's quarter circle."""
        ux, uy = AXES[heading]
        dx, dy = end_m[0] - start_m[0], end_m[1] - start_m[1]
        forward = dx * ux + dy * uy
        bend = 1 if turn is Command.RIGHT else -1 if turn is Command.LEFT else 0
        radius = min(forward, bend * (dy * ux - dx * uy)) if bend else 0.0
        lateral = abs(dy * ux - dx * uy) if bend else 0.0
        return cls(
            x_m=start_m[0],
            y_m=start_m[1],
            heading=heading,
            bend=bend,
            lead_in_m=forward - radius,
            radius_m=radius,
            lead_out_m=lateral - radius,
        )

    @classmethod
    def of(cls, lane: Lane) -> Self:
        """The shape of a lane of a network."""
        (x0, y0), (x1, y1) = lane.points_m[0].tolist(), lane.points_m[-1].tolist()
        return cls.between((x0, y0), (x1, y1), heading_of(lane.yaw_rad), lane.turn)

    @property
    def arc_m(self) -> float:
        """Length of the quarter circle."""
        return self.radius_m * trig.HALF_PI

    @property
    def length_m(self) -> float:
        """Length of the whole curve."""
        return self.lead_in_m + self.arc_m + self.lead_out_m

    def at(self, along_m: float) -> tuple[float, float, float]:
        """X, Y and yaw at a distance along the curve; beyond its ends the straights go on."""
        yaw = HEADINGS_RAD[self.heading]
        beyond_in = along_m - self.lead_in_m
        if not self.bend or beyond_in <= 0.0:
            return (*self._world(along_m, 0.0), yaw)
        radius = self.radius_m
        beyond_arc = beyond_in - self.arc_m
        if beyond_arc >= 0.0:
            end_yaw = HEADINGS_RAD[(self.heading + self.bend) & 3]
            return (*self._world(self.lead_in_m + radius, radius + beyond_arc), end_yaw)
        angle = beyond_in / radius
        sin, cos = trig.sin_cos(angle)
        x, y = self._world(self.lead_in_m + radius * sin, radius - radius * cos)
        return x, y, trig.wrap(yaw + self.bend * angle)

    def project(self, x_m: float, y_m: float) -> tuple[float, float, float]:
        """Where a point lies: distance along the curve, distance to the right of it, yaw there.

        The distance along is negative before the start and exceeds the length beyond the end.
        """
        ux, uy = AXES[self.heading]
        dx, dy = x_m - self.x_m, y_m - self.y_m
        forward, right = dx * ux + dy * uy, dy * ux - dx * uy
        yaw = HEADINGS_RAD[self.heading]
        bend, lead_in, radius = self.bend, self.lead_in_m, self.radius_m
        if not bend or forward <= lead_in:
            return forward, right, yaw
        inwards = right * bend
        if inwards >= radius:
            along = lead_in + self.arc_m + (inwards - radius)
            return along, bend * (lead_in + radius - forward), HEADINGS_RAD[(self.heading + bend) & 3]
        from_centre, back = forward - lead_in, radius - inwards
        angle = trig.atan2(from_centre, back)
        offset = bend * (radius - trig.hypot(from_centre, back))
        return lead_in + radius * angle, offset, trig.wrap(yaw + bend * angle)

    def _world(self, forward_m: float, inwards_m: float) -> tuple[float, float]:
        ux, uy = AXES[self.heading]
        right = self.bend * inwards_m
        return self.x_m + forward_m * ux - right * uy, self.y_m + forward_m * uy + right * ux


def sample(shape: LaneShape, spacing_m: float) -> list[tuple[float, float]]:
    """Points from the start to the end, evenly spaced, at most `spacing_m` apart; two if straight."""
    if not shape.bend:
        return [shape.at(0.0)[:2], shape.at(shape.length_m)[:2]]
    count = math.ceil(shape.length_m / spacing_m)
    return [shape.at(shape.length_m * k / count)[:2] for k in range(count + 1)]
