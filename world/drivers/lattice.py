"""Which way and how fast: candidate drives along the route, checked against everybody's future.

A candidate keeps one sideways offset from the route and one wanted speed for five seconds. All are
rolled out and measured at once with numpy (63 candidates x 20 steps x 3 circles x actors); about
1 ms among ten actors. Only element-wise IEEE-exact operations, so the choice is the same on every
machine. A candidate's price: what it runs into and when, how near it passes, what ground it loses,
how far it leaves the lane's middle.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from world.drivers.forecast import STEP_S, STEPS, Forecast

Floats = npt.NDArray[np.float64]

OFFSETS_M = (0.0, -0.8, 0.8, -1.6, 1.6, -2.4, 2.4, -3.2, -4.0)
SPEED_SHARES = (1.0, 0.75, 0.5, 0.3, 0.12, 0.0, -1.0)  # of the profile; -1 is an emergency stop
ACCELERATION_MPS2, BRAKING_MPS2, EMERGENCY_MPS2 = 3.0, 3.5, 7.0
CIRCLES_M = (-1.45, 0.0, 1.45)
CIRCLE_RADIUS_M = 1.08
_MARGIN_M, _SOFT_MARGIN_M, _COMFORT_M = 0.25, 0.8, 1.2
_WIDEST_M, _BETWEEN_S = 1.6, 1.2
_BEND_AHEAD_M, _BEND_COS, _TURN_FREEDOM_M = 14.0, 0.97, 0.0
_SIDE_RATE_MPS, _SIDE_SHARE = 1.8, 0.3

_OFFSET = np.repeat(np.array(OFFSETS_M), len(SPEED_SHARES))
_AHEAD_S = STEP_S * np.arange(1, STEPS + 1)
_SHARE = np.tile(np.array(SPEED_SHARES), len(OFFSETS_M))


@dataclass(frozen=True, kw_only=True)
class Course:
    """The chosen candidate.

    Attributes:
        offset_m: Wanted offset, right positive.
        speed_mps: Wanted speed.
        emergency: Brake as hard as possible.
        collision_s: When it would hit something, or None.
    """

    offset_m: float
    speed_mps: float
    emergency: bool
    collision_s: float | None


@dataclass(frozen=True, kw_only=True)
class Road:
    """The route as tables at every 0.5 m.

    Attributes:
        x_m: Points.
        y_m: Points.
        cos: Direction.
        sin: Direction.
        speed_mps: The speed profile.
    """

    x_m: Floats
    y_m: Floats
    cos: Floats
    sin: Floats
    speed_mps: Floats
    step_m: float = 0.5


def choose(
    road: Road,
    *,
    along_m: float,
    offset_m: float,
    speed_mps: float,
    stop_m: float,
    held_m: float,
    freedom_m: float,
    others: Forecast,
) -> Course:
    """Choose the cheapest candidate.

    Args:
        road: The route.
        along_m: Where the car is on it.
        offset_m: How far right of it.
        speed_mps: How fast.
        stop_m: Where the car must stand, measured at its centre; infinite where it need not.
        held_m: The offset chosen last time; changing it costs.
        freedom_m: Largest offset that is allowed: where others queue, the car queues behind them.
        others: Everybody's future.
    """
    along, offset = _roll_out(road, along_m, offset_m, speed_mps, stop_m)
    price = _price_of_way(along, held_m) + _price_of_leaving(road, along_m, freedom_m)
    when = np.full(len(_OFFSET), np.inf)
    if len(others):
        gap = _gaps(road, along, offset, others)
        near: npt.NDArray[np.bool_] = gap < _margins(road, along_m, offset_m, others)[None]
        hit: npt.NDArray[np.bool_] = np.any(near, axis=2)
        first = np.where(np.any(hit, axis=1), hit.argmax(axis=1), STEPS)
        when = np.where(first < STEPS, (first + 1) * STEP_S, np.inf)
        nearest = gap.min(axis=(1, 2))
        price = price + 3.0 * np.maximum(0.0, _COMFORT_M - nearest)
        price = price + np.where(
            first < STEPS, 1000.0 - 40.0 * (first + 1) + 4.0 * (along[:, -1] - along_m), 0.0
        )
    best = int(price.argmin())
    share = float(_SHARE[best])
    limit = float(road.speed_mps[min(int(along_m / road.step_m) + 2, len(road.speed_mps) - 1)])
    return Course(
        offset_m=float(_OFFSET[best]),
        speed_mps=max(0.0, share) * limit,
        emergency=share < 0.0,
        collision_s=float(when[best]) if np.isfinite(when[best]) else None,
    )


def _roll_out(
    road: Road, along_m: float, offset_m: float, speed_mps: float, stop_m: float
) -> tuple[Floats, Floats]:
    """Distance along and offset of each candidate, `(K, T)`."""
    count = len(_OFFSET)
    along = np.empty((count, STEPS))
    offset = np.empty((count, STEPS))
    s, d, v = np.full(count, along_m), np.full(count, offset_m), np.full(count, max(0.0, speed_mps))
    braking = np.where(_SHARE < 0.0, EMERGENCY_MPS2, BRAKING_MPS2)
    share = np.maximum(_SHARE, 0.0)
    last = len(road.speed_mps) - 1
    for step in range(STEPS):
        index = np.minimum((s / road.step_m).astype(np.intp), last)
        wanted = share * road.speed_mps[index]
        if stop_m < np.inf:
            wanted = np.minimum(wanted, np.sqrt(np.maximum(0.0, 2.0 * BRAKING_MPS2 * (stop_m - s))))
        change = np.minimum(np.maximum(wanted - v, -braking * STEP_S), ACCELERATION_MPS2 * STEP_S)
        s = s + np.maximum(0.0, v + 0.5 * change) * STEP_S
        v = np.maximum(0.0, v + change)
        rate = np.minimum(_SIDE_RATE_MPS, _SIDE_SHARE * v) * STEP_S
        d = d + np.minimum(np.maximum(_OFFSET - d, -rate), rate)
        along[:, step], offset[:, step] = s, d
    return along, offset


def _price_of_way(along: Floats, held_m: float) -> Floats:
    lost = 0.8 * (along[:, -1].max() - along[:, -1])
    aside = 0.7 * np.abs(_OFFSET) + 2.0 * np.maximum(0.0, np.abs(_OFFSET) - 2.5)
    turned = 0.6 * np.abs(_OFFSET - held_m) + np.where(_SHARE < 0.0, 2.0, 0.0)
    return np.asarray(lost + aside + turned, np.float64)


def _price_of_leaving(road: Road, along_m: float, freedom_m: float) -> Floats:
    """What it costs to leave the allowed strip; in a turn that is the lane's middle: the corner is near."""
    here = min(int(along_m / road.step_m), len(road.cos) - 1)
    there = min(int((along_m + _BEND_AHEAD_M) / road.step_m), len(road.cos) - 1)
    straight = road.cos[here] * road.cos[there] + road.sin[here] * road.sin[there] > _BEND_COS
    allowed = freedom_m if straight else min(freedom_m, _TURN_FREEDOM_M)
    return np.asarray(500.0 * np.maximum(0.0, np.abs(_OFFSET) - allowed), np.float64)


def _margins(road: Road, along_m: float, offset_m: float, others: Forecast) -> Floats:
    """Distance to keep, `(T, A)`; from who is nearer already the car must only not come nearer still."""
    here = _gaps(road, np.full((1, STEPS), along_m), np.full((1, STEPS), offset_m), others)[0, 0]
    # Who moves has moved on between two steps of the roll-out, and the car is not quite on its line.
    margin = (
        np.where(others.soft, _SOFT_MARGIN_M, _MARGIN_M) + (_BETWEEN_S + _AHEAD_S)[:, None] * others.doubt_mps
    )
    kept = np.minimum(np.minimum(margin, _WIDEST_M), np.maximum(0.02, here - 0.05))
    return np.asarray(kept, np.float64)


def _gaps(road: Road, along: Floats, offset: Floats, others: Forecast) -> Floats:
    """Distance between the car and each actor, `(K, T, A)`; negative where they overlap."""
    index = np.minimum((along / road.step_m).astype(np.intp), len(road.x_m) - 2)
    rest = along - index * road.step_m
    cos, sin = road.cos[index], road.sin[index]
    x = road.x_m[index] + rest * cos - offset * sin
    y = road.y_m[index] + rest * sin + offset * cos
    least = np.full((*along.shape, len(others)), 1e9)
    for ahead_m in CIRCLES_M:
        dx = (x + ahead_m * cos)[:, :, None] - others.x_m.T[None]  # (K, T, A)
        dy = (y + ahead_m * sin)[:, :, None] - others.y_m.T[None]
        c, s = others.cos.T[None], others.sin.T[None]
        out_x = np.maximum(np.abs(dx * c + dy * s) - others.half_length_m.T[None], 0.0)
        out_y = np.maximum(np.abs(dy * c - dx * s) - others.half_width_m.T[None], 0.0)
        least = np.minimum(least, np.sqrt(out_x * out_x + out_y * out_y))
    return least - CIRCLE_RADIUS_M
