"""How fast a route can be driven: legal limit, grip in its bends, and braking in time for both."""

import math

import numpy as np
import numpy.typing as npt

from world.streets.network import RoutePlan
from world.trig import wrap

LATERAL_MPS2 = 2.6
BRAKING_MPS2 = 2.5
_CURVE_OVER_POINTS = 3


def speed_profile(
    plan: RoutePlan, *, limit_factor: float = 1.0, lateral_mps2: float = LATERAL_MPS2
) -> list[float]:
    """Highest speed at each point of a route, m/s.

    v = sqrt(a_lateral / curvature), then a backward pass with v^2 = v_next^2 + 2 b ds.

    Args:
        plan: The route.
        limit_factor: Share of the legal limit to drive at.
        lateral_mps2: Comfortable sideways acceleration.
    """
    yaw, along = plan.yaw_rad.tolist(), plan.along_m.tolist()
    limit = plan.speed_limit_mps.tolist()
    count = len(yaw)
    speeds = []
    for number in range(count):
        first, last = max(0, number - _CURVE_OVER_POINTS), min(count - 1, number + _CURVE_OVER_POINTS)
        turned = abs(wrap(yaw[last] - yaw[first]))
        length = max(0.5, along[last] - along[first])
        bend = math.sqrt(lateral_mps2 * length / turned) if turned > 1e-3 else 1e9
        speeds.append(min(limit[number] * limit_factor, bend))
    for number in range(count - 2, -1, -1):
        ds = along[number + 1] - along[number]
        speeds[number] = min(speeds[number], math.sqrt(speeds[number + 1] ** 2 + 2 * BRAKING_MPS2 * ds))
    return speeds


def at_spacing(
    along_m: npt.NDArray[np.float64], values: list[float], step_m: float
) -> npt.NDArray[np.float64]:
    """The profile at even distances from the start: the smaller of the two points around each.

    Args:
        along_m: `(N,)` distances of the values.
        values: One per distance.
        step_m: Spacing of the result.
    """
    distances = np.arange(0.0, float(along_m[-1]) + step_m, step_m)
    right = np.searchsorted(along_m, distances, side="left").clip(0, len(along_m) - 1)
    left = (right - 1).clip(0)
    table = np.array(values)
    return np.asarray(np.minimum(table[left], table[right]), np.float64)
