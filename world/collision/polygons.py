"""Exact tests of points, circles and boxes against one polygon; scalar, for the few candidates left.

A ring is a flat tuple `(x0, y0, x1, y1, ...)`, not closed, in either orientation.
"""

from collections.abc import Sequence
from math import sqrt

from world.trig import sin_cos

Ring = Sequence[float]

_PERIMETER = tuple(sin_cos(k * 0.7853981633974483) for k in range(8))


def point_in_polygon(x: float, y: float, ring: Ring) -> bool:
    """Ray casting; a point on the boundary may count either way."""
    inside = False
    ax, ay = ring[-2], ring[-1]
    for k in range(0, len(ring), 2):
        bx, by = ring[k], ring[k + 1]
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
        ax, ay = bx, by
    return inside


def distance2_to_ring(x: float, y: float, ring: Ring) -> float:
    """Squared distance from a point to a polygon's boundary."""
    least = 1e300
    ax, ay = ring[-2], ring[-1]
    for k in range(0, len(ring), 2):
        bx, by = ring[k], ring[k + 1]
        dx, dy = bx - ax, by - ay
        px, py = x - ax, y - ay
        length2 = dx * dx + dy * dy
        t = (px * dx + py * dy) / length2 if length2 > 0.0 else 0.0
        if t > 0.0:
            t = min(t, 1.0)
            px -= t * dx
            py -= t * dy
        d2 = px * px + py * py
        least = min(least, d2)
        ax, ay = bx, by
    return least


def circle_hits_polygon(x: float, y: float, radius_m: float, ring: Ring) -> bool:
    """The game's rule: the centre inside, or one of 8 perimeter points, or an edge meets the circle.

    Centre and edges alone are exact; the perimeter points are a subset of what they find and end
    the test early for deep contacts.
    """
    if point_in_polygon(x, y, ring):
        return True
    for sin, cos in _PERIMETER:
        if point_in_polygon(x + radius_m * cos, y + radius_m * sin, ring):
            return True
    return distance2_to_ring(x, y, ring) <= radius_m * radius_m


def box_hits_polygon(
    x: float, y: float, sin: float, cos: float, half_length: float, half_width: float, ring: Ring
) -> bool:
    """An oriented box against a polygon: an edge enters the box, or the box lies inside.

    Edges are turned into the box's frame and clipped (Liang and Barsky 1984).
    """
    px, py = ring[-2] - x, ring[-1] - y
    ax, ay = px * cos + py * sin, py * cos - px * sin
    for k in range(0, len(ring), 2):
        px, py = ring[k] - x, ring[k + 1] - y
        bx, by = px * cos + py * sin, py * cos - px * sin
        if _segment_enters(ax, ay, bx, by, half_length, half_width):
            return True
        ax, ay = bx, by
    return point_in_polygon(x, y, ring)


def _segment_enters(ax: float, ay: float, bx: float, by: float, half_x: float, half_y: float) -> bool:
    if (ax > half_x and bx > half_x) or (ax < -half_x and bx < -half_x):
        return False
    if (ay > half_y and by > half_y) or (ay < -half_y and by < -half_y):
        return False
    enter, leave = 0.0, 1.0
    for start, delta, half in ((ax, bx - ax, half_x), (ay, by - ay, half_y)):
        if delta == 0.0:
            if abs(start) > half:
                return False
            continue
        near, far = (-half - start) / delta, (half - start) / delta
        if near > far:
            near, far = far, near
        enter, leave = max(enter, near), min(leave, far)
        if enter > leave:
            return False
    return True


def half_diagonal(length_m: float, width_m: float) -> float:
    """Radius of the circle around a box."""
    return 0.5 * sqrt(length_m * length_m + width_m * width_m)
