"""The dense route as the criteria use it: points, directions, and which point was passed last.

A point counts as passed when the car is on the far side of the line through it, across the
route's direction. Upstream decides that in single precision, and at exactly the line the last bit
matters. So the sign is taken from doubles where they cannot disagree (all but 1 cm) and worked
out in single precision where they could: exact, at the price of doubles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from scoring.leaderboard.single import distance_m, to_single

_SURE_M = 0.01  # Above this, and below the next, rounding to single precision cannot change the sign.
_SURE_WITHIN_M = 1e4
_RADIANS_PER_DEGREE = to_single(math.pi / 180.0)


class DenseRouteError(ValueError):
    """Points that are no route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseRoute:
    """A route's points, about a metre apart; made with `of`.

    Attributes:
        x_m: World X of each point, in single precision.
        y_m: World Y.
        forward_x: X of the unit vector along the route at each point.
        forward_y: Y of it.
        along_m: Distance of each point from the first, along the route.
        near: Coordinates are small enough for the fast test.
    """

    x_m: list[float]
    y_m: list[float]
    forward_x: list[float]
    forward_y: list[float]
    along_m: list[float]
    near: bool

    @classmethod
    def of(cls, x_m: Sequence[float], y_m: Sequence[float], yaw_rad: Sequence[float]) -> Self:
        """Make a route of points and directions.

        Args:
            x_m: World X of each point.
            y_m: World Y.
            yaw_rad: Direction of the route at each point.

        Raises:
            DenseRouteError: For lists of unequal length, values that are not finite, or no length.
        """
        if not len(x_m) == len(y_m) == len(yaw_rad):
            raise DenseRouteError(f"{len(x_m)} x, {len(y_m)} y, {len(yaw_rad)} yaw (must be as many of each)")
        if not all(map(math.isfinite, (*x_m, *y_m, *yaw_rad))):
            raise DenseRouteError("a point of the route is not finite (must be finite metres and radians)")
        xs, ys = [to_single(x) for x in x_m], [to_single(y) for y in y_m]
        along = _along(xs, ys)
        if not along or not 0.0 < along[-1] < math.inf:
            length_m = along[-1] if along else 0.0
            raise DenseRouteError(f"{len(xs)} points, {length_m:g} m long (must have a length above 0 m)")
        forward = [_forward(yaw) for yaw in yaw_rad]
        return cls(
            x_m=xs,
            y_m=ys,
            forward_x=[x for x, _ in forward],
            forward_y=[y for _, y in forward],
            along_m=along,
            near=max(map(abs, (*xs, *ys))) < _SURE_WITHIN_M,
        )

    @property
    def length_m(self) -> float:
        """Length along the points."""
        return self.along_m[-1]

    def __len__(self) -> int:
        """Number of points."""
        return len(self.x_m)

    def passed(self, index: int, x_m: float, y_m: float) -> bool:
        """Whether a place is beyond a point.

        Args:
            index: Which point.
            x_m: World X of the place.
            y_m: World Y.
        """
        dx, dy = x_m - self.x_m[index], y_m - self.y_m[index]
        ahead = dx * self.forward_x[index] + dy * self.forward_y[index]
        if (ahead > _SURE_M or ahead < -_SURE_M) and self.near and abs(dx) + abs(dy) < _SURE_WITHIN_M:
            return ahead > 0.0
        return self._passed_single(index, to_single(x_m), to_single(y_m))

    def last_passed(self, index: int, window: int, x_m: float, y_m: float) -> int:
        """The last passed point among one and the next few, or -1.

        Args:
            index: The first point to look at.
            window: How many more to look at.
            x_m: World X of the place.
            y_m: World Y.
        """
        for number in range(min(index + window, len(self.x_m) - 1), index - 1, -1):
            if self.passed(number, x_m, y_m):
                return number
        return -1

    def distance_between_m(self, first: int, second: int) -> float:
        """Straight distance of two points."""
        return distance_m((self.x_m[first], self.y_m[first]), (self.x_m[second], self.y_m[second]))

    def _passed_single(self, index: int, x_m: float, y_m: float) -> bool:
        dx, dy = to_single(x_m - self.x_m[index]), to_single(y_m - self.y_m[index])
        part_x, part_y = to_single(dx * self.forward_x[index]), to_single(dy * self.forward_y[index])
        return to_single(part_x + part_y) > 0.0


def _along(xs: Sequence[float], ys: Sequence[float]) -> list[float]:
    along: list[float] = []
    previous = None
    for point in zip(xs, ys, strict=True):
        along.append(0.0 if previous is None else distance_m(previous, point) + along[-1])
        previous = point
    return along


def _forward(yaw_rad: float) -> tuple[float, float]:
    """The direction as CARLA makes it: from single-precision degrees."""
    angle = to_single(to_single(math.degrees(yaw_rad)) * _RADIANS_PER_DEGREE)
    return to_single(math.cos(angle)), to_single(math.sin(angle))
