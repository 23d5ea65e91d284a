"""Oriented boxes against each other and against circles; scalar and exact."""

from dataclasses import dataclass
from typing import Protocol

from world.trig import sin_cos


class BoxLike(Protocol):
    """Anything with a box: a car, an actor."""

    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float


@dataclass(slots=True, kw_only=True)
class Box:
    """An oriented rectangle on the ground; mutable, because its car moves."""

    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float
    width_m: float


def boxes_touch(a: BoxLike, b: BoxLike) -> bool:
    """Whether two boxes overlap (separating axes)."""
    return _least_push(a, b) is not None


def resolve_box(a: BoxLike, b: BoxLike) -> tuple[float, float]:
    """The shortest move of `a` that separates it from `b`; (0, 0) where they do not overlap."""
    push = _least_push(a, b)
    return (0.0, 0.0) if push is None else push


def circle_touches_box(x_m: float, y_m: float, radius_m: float, box: BoxLike) -> bool:
    """Whether a circle meets a box: its centre in the box's frame, clamped to the box."""
    sin, cos = sin_cos(box.yaw_rad)
    dx, dy = x_m - box.x_m, y_m - box.y_m
    along = abs(dx * cos + dy * sin) - box.length_m / 2
    aside = abs(dy * cos - dx * sin) - box.width_m / 2
    along, aside = max(along, 0.0), max(aside, 0.0)
    return along * along + aside * aside <= radius_m * radius_m


def _least_push(a: BoxLike, b: BoxLike) -> tuple[float, float] | None:
    """Minimal translation of `a` out of `b`, or None where an axis separates them."""
    dx, dy = a.x_m - b.x_m, a.y_m - b.y_m
    reach = 0.5 * (a.length_m + a.width_m + b.length_m + b.width_m)
    if abs(dx) > reach or abs(dy) > reach:
        return None
    sin_a, cos_a = sin_cos(a.yaw_rad)
    sin_b, cos_b = sin_cos(b.yaw_rad)
    cos = abs(cos_a * cos_b + sin_a * sin_b)
    sin = abs(sin_a * cos_b - cos_a * sin_b)
    al, aw, bl, bw = a.length_m / 2, a.width_m / 2, b.length_m / 2, b.width_m / 2
    best, best_x, best_y = 1e300, 0.0, 0.0
    axes = (
        (cos_a, sin_a, al + bl * cos + bw * sin),
        (-sin_a, cos_a, aw + bl * sin + bw * cos),
        (cos_b, sin_b, bl + al * cos + aw * sin),
        (-sin_b, cos_b, bw + al * sin + aw * cos),
    )
    for axis_x, axis_y, reach in axes:
        apart = dx * axis_x + dy * axis_y
        deep = reach - abs(apart)
        if deep < 0.0:
            return None
        if deep < best:
            way = 1.0 if apart >= 0.0 else -1.0
            best, best_x, best_y = deep, way * deep * axis_x, way * deep * axis_y
    return best_x, best_y
