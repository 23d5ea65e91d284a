"""What a frame teaches: steering, pedals, the speed to come, and where the driver went next.

A keyboard's steering is a saw: on 45 minutes of simulated players the constant median errs by 0.17
and a model learns hardly more (0.135). What the player did is in the path: pure pursuit (Coulter
1992) on what was driven next gives a steering that a model learns to 0.045 (docs/LOG.md). Rows whose
path ends too early are known to be unknown: a mask, never a zero.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from world.physics import car_limits

Floats = npt.NDArray[np.float32]
AIM_M, AIM_S = 5.0, 0.7
_AIM_MIN_M2 = 4.0
_WINDOW_MS = 300.0
_LATEST_MS = 4_000.0
_HORIZON_GAP_MS = 500.0


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labels of N frames, each `(N,) float32`; NaN where not known.

    Attributes:
        steer: Right positive, [-1, 1].
        throttle: Mean over the next 0.3 s with `path` labels, else as logged.
        brake: Likewise.
        speed_mps: Speed now.
        target_mps: Speed after the horizon.
        aim_x_m: Point that was driven to, ahead of the car.
        aim_y_m: Right of it.
    """

    steer: Floats
    throttle: Floats
    brake: Floats
    speed_mps: Floats
    target_mps: Floats
    aim_x_m: Floats
    aim_y_m: Floats


def make_labels(frames: pl.DataFrame, *, kind: str, horizon_s: float) -> Labels:
    """Labels of frames without a gap between them.

    Args:
        frames: Rows of one session in time order, with `game_t_ms, x_m, y_m, yaw_rad, speed_mps,
            steer, throttle, brake`.
        kind: `logged` or `path`.
        horizon_s: How far ahead the target speed is.
    """
    column = {
        name: frames[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in ("game_t_ms", "x_m", "y_m", "yaw_rad", "speed_mps", "steer", "throttle", "brake")
    }
    t_ms = column["game_t_ms"]
    aim_x, aim_y = _aim(t_ms, column["x_m"], column["y_m"], column["yaw_rad"], column["speed_mps"])
    steer, throttle, brake = column["steer"], column["throttle"], column["brake"]
    if kind == "path":
        steer = pursuit_steer(aim_x, aim_y)
        throttle, brake = _mean_ahead(t_ms, throttle), _mean_ahead(t_ms, brake)
    target = column["speed_mps"] if horizon_s == 0 else _ahead(t_ms, column["speed_mps"], horizon_s)
    rounded = (steer, throttle, brake, column["speed_mps"], target, aim_x, aim_y)
    return Labels(
        **dict(zip(Labels.__dataclass_fields__, (a.astype(np.float32) for a in rounded), strict=True))
    )


def pursuit_steer(
    aim_x_m: npt.NDArray[np.float64], aim_y_m: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The wheel that drives an arc through a point: atan(L 2y / d^2) / max, clipped to [-1, 1]."""
    limits = car_limits()
    curvature = 2.0 * aim_y_m / np.maximum(aim_x_m**2 + aim_y_m**2, _AIM_MIN_M2)
    steer: npt.NDArray[np.float64] = np.arctan(limits.wheelbase_m * curvature) / limits.max_steer_rad
    return steer.clip(-1.0, 1.0)


def _aim(
    t_ms: npt.NDArray[np.float64],
    x_m: npt.NDArray[np.float64],
    y_m: npt.NDArray[np.float64],
    yaw_rad: npt.NDArray[np.float64],
    speed_mps: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where the car was `max(5 m, 0.7 s)` of way later, in its own axes (forward, right)."""
    unknown = np.full(len(t_ms), np.nan)
    if len(t_ms) < 2 or np.isnan(x_m).any() or np.isnan(yaw_rad).any():
        return unknown, unknown
    along_m = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x_m), np.diff(y_m)))])
    there_m = along_m + np.maximum(AIM_M, AIM_S * np.nan_to_num(speed_mps))
    # A standing car has equal distances: a nanometre a row keeps them in order.
    order_m = along_m + np.arange(len(t_ms)) * 1e-9
    to_x, to_y = np.interp(there_m, order_m, x_m) - x_m, np.interp(there_m, order_m, y_m) - y_m
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    known = (there_m <= along_m[-1]) & (np.interp(there_m, order_m, t_ms) - t_ms <= _LATEST_MS)
    return np.where(known, cos * to_x + sin * to_y, np.nan), np.where(known, cos * to_y - sin * to_x, np.nan)


def _mean_ahead(t_ms: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean over the frames of the next 0.3 s."""
    first = np.arange(len(t_ms))
    end = np.maximum(np.searchsorted(t_ms, t_ms + _WINDOW_MS), first + 1)
    total = np.concatenate([[0.0], np.cumsum(values)])
    mean: npt.NDArray[np.float64] = (total[end] - total[first]) / (end - first)
    return mean


def _ahead(
    t_ms: npt.NDArray[np.float64], values: npt.NDArray[np.float64], horizon_s: float
) -> npt.NDArray[np.float64]:
    """Values some time later; NaN where the frames end more than half a second before."""
    there = t_ms + 1000.0 * horizon_s
    return np.where(there <= t_ms[-1] + _HORIZON_GAP_MS, np.interp(there, t_ms, values), np.nan)
