"""Where a car is along its route."""

import numpy as np
import pytest

from world.minitown.progress import RouteTracker
from world.streets.network import RoutePlan


def plan_of(points: list[tuple[float, float]]) -> RoutePlan:
    line = np.array(points)
    steps = np.diff(line, axis=0)
    along = np.concatenate([[0.0], np.hypot(*steps.T).cumsum()])
    yaw = np.arctan2(steps[:, 1], steps[:, 0])
    count = len(line)
    return RoutePlan(
        points_m=line,
        yaw_rad=np.append(yaw, yaw[-1]),
        along_m=along,
        command=np.full(count, 4, np.int8),
        lane_id=np.zeros(count, np.int32),
        speed_limit_mps=np.full(count, 10.0),
    )


STRAIGHT = plan_of([(float(x), 0.0) for x in range(101)])


def test_distance_and_offset_are_those_of_the_projection() -> None:
    track = RouteTracker(STRAIGHT)
    for x in np.arange(0.0, 60.0, 0.7):
        track.update(float(x), 1.5)
    assert track.along_m == pytest.approx(59.5)
    assert track.offset_m == pytest.approx(1.5)
    assert track.heading_error(0.1) == pytest.approx(0.1)


def test_left_of_the_route_is_negative() -> None:
    track = RouteTracker(STRAIGHT)
    track.update(1.0, -2.0)
    assert track.offset_m == pytest.approx(-2.0)


def test_a_route_that_passes_close_to_itself_is_followed_in_order() -> None:
    out = [(float(x), 0.0) for x in range(41)]
    back = [(float(x), 3.0) for x in range(40, -1, -1)]
    track = RouteTracker(plan_of(out + back))
    for x in np.arange(0.0, 20.0, 0.5):
        track.update(float(x), 2.0)
    assert track.along_m == pytest.approx(19.5)


def test_beyond_the_end_the_distance_stays_the_routes_length() -> None:
    track = RouteTracker(STRAIGHT)
    for x in np.arange(0.0, 130.0, 1.0):
        track.update(float(x), 0.0)
    assert track.along_m == pytest.approx(100.0)
