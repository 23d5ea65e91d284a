"""Where the car is along its route: distance gone, sideways offset. Scalar, windowed, exact."""

from world.streets.network import RoutePlan
from world.trig import wrap

_WINDOW = 12


class RouteTracker:
    """Follows a car along a dense route; never jumps to another part of it that passes close by."""

    def __init__(self, plan: RoutePlan) -> None:
        self._x: list[float] = plan.points_m[:, 0].tolist()
        self._y: list[float] = plan.points_m[:, 1].tolist()
        self._along: list[float] = plan.along_m.tolist()
        self._yaw: list[float] = plan.yaw_rad.tolist()
        self.index = 0
        self.along_m = 0.0
        self.offset_m = 0.0
        self.yaw_rad = self._yaw[0]

    def update(self, x_m: float, y_m: float) -> None:
        """Take the car's new position.

        Afterwards `index` is the segment's first point, `along_m` the distance along the route,
        `offset_m` the distance to the right of it, `yaw_rad` the segment's direction.
        """
        xs, ys = self._x, self._y
        last = len(xs) - 2
        best, best_d2, best_t = self.index, 1e18, 0.0
        for number in range(max(0, self.index - 3), min(last, self.index + _WINDOW) + 1):
            ax, ay = xs[number], ys[number]
            dx, dy = xs[number + 1] - ax, ys[number + 1] - ay
            length2 = dx * dx + dy * dy
            t = ((x_m - ax) * dx + (y_m - ay) * dy) / length2 if length2 > 0.0 else 0.0
            t = 0.0 if t < 0.0 else 1.0 if t > 1.0 else t
            ex, ey = x_m - (ax + t * dx), y_m - (ay + t * dy)
            d2 = ex * ex + ey * ey
            if d2 < best_d2:
                best, best_d2, best_t = number, d2, t
        self.index = best
        ax, ay = xs[best], ys[best]
        dx, dy = xs[best + 1] - ax, ys[best + 1] - ay
        self.along_m = self._along[best] + best_t * (self._along[best + 1] - self._along[best])
        side = dx * (y_m - ay) - dy * (x_m - ax)
        root = best_d2**0.5
        self.offset_m = root if side >= 0.0 else -root
        self.yaw_rad = self._yaw[best]

    def heading_error(self, yaw_rad: float) -> float:
        """The car's yaw against the route's direction, in [-pi, pi)."""
        return wrap(yaw_rad - self.yaw_rad)
