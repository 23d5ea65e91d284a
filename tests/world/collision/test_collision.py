"""Contacts against shapely's exact answers, and the events made of them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import Point, Polygon, box

from world.actors import Actor, ActorKind
from world.collision import (
    Box,
    ClearanceGate,
    ContactTracker,
    StaticIndex,
    boxes_touch,
    circle_hits_polygon,
    circle_touches_box,
    resolve_box,
)

metres = st.floats(-30.0, 30.0)
angle = st.floats(-7.0, 7.0)


@st.composite
def polygons(draw: st.DrawFn) -> Polygon:
    """Star-shaped rings of 3 to 9 points, convex or not."""
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(2.0, 15.0), min_size=count, max_size=count))
    x, y = draw(metres), draw(metres)
    corners = [
        (x + r * math.cos(2 * math.pi * k / count), y + r * math.sin(2 * math.pi * k / count))
        for k, r in enumerate(radii)
    ]
    return Polygon(corners)


def ring(polygon: Polygon) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array(polygon.exterior.coords)[:-1]


def shape_of(a: Box) -> Polygon:
    plain = box(-a.length_m / 2, -a.width_m / 2, a.length_m / 2, a.width_m / 2)
    turned = affinity.rotate(plain, a.yaw_rad, origin=(0, 0), use_radians=True)
    return affinity.translate(turned, a.x_m, a.y_m)


boxes = st.builds(
    Box, x_m=metres, y_m=metres, yaw_rad=angle, length_m=st.floats(0.3, 9.0), width_m=st.floats(0.3, 4.0)
)


@given(polygons(), metres, metres, st.floats(0.1, 6.0))
@settings(max_examples=300)
def test_a_circle_hits_a_polygon_where_shapely_says_so(
    polygon: Polygon, x: float, y: float, radius: float
) -> None:
    distance = polygon.distance(Point(x, y))
    if abs(distance - radius) > 1e-6:
        assert circle_hits_polygon(x, y, radius, tuple(ring(polygon).ravel())) == (distance < radius)


@given(st.lists(polygons(), min_size=1, max_size=6), boxes)
@settings(max_examples=300)
def test_a_box_hits_the_index_where_shapely_says_so(outlines: list[Polygon], car: Box) -> None:
    index = StaticIndex([ring(polygon) for polygon in outlines])
    distances = [polygon.distance(shape_of(car)) for polygon in outlines]
    found = index.hits_box(car.x_m, car.y_m, car.yaw_rad, car.length_m, car.width_m)
    overlaps = [polygon.buffer(-1e-6).intersects(shape_of(car)) for polygon in outlines]
    if found >= 0:
        assert distances[found] < 1e-6
    else:
        assert not any(overlaps)


@given(st.lists(polygons(), min_size=1, max_size=6), metres, metres)
@settings(max_examples=200)
def test_clearance_is_the_distance_to_the_nearest_polygon(
    outlines: list[Polygon], x: float, y: float
) -> None:
    index = StaticIndex([ring(polygon) for polygon in outlines])
    exact = min(20.0, *(polygon.distance(Point(x, y)) for polygon in outlines))
    assert index.clearance_m(x, y, 20.0) == pytest.approx(exact, abs=1e-6)
    assert index.contains(x, y) == (exact < 1e-12) or exact < 1e-6


TILE_M = (200.0, 160.0)
repetitions = st.tuples(st.integers(-9, 9), st.integers(-9, 9))


@given(
    st.lists(polygons(), min_size=1, max_size=4), boxes, st.floats(-99, 99), st.floats(-79, 79), repetitions
)
@settings(max_examples=150)
def test_walls_that_repeat_answer_as_all_their_repetitions_would(
    outlines: list[Polygon], car: Box, x: float, y: float, columns_rows: tuple[int, int]
) -> None:
    index = StaticIndex([ring(polygon) for polygon in outlines], tile_m=TILE_M)
    around = [(dx * TILE_M[0], dy * TILE_M[1]) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    nearest = min(
        affinity.translate(polygon, dx, dy).distance(Point(x, y)) for polygon in outlines for dx, dy in around
    )
    far_x, far_y = x + columns_rows[0] * TILE_M[0], y + columns_rows[1] * TILE_M[1]
    assert index.clearance_m(far_x, far_y, 60.0) == pytest.approx(min(60.0, nearest), abs=1e-6)
    assert len(index) == len(outlines)
    alone = StaticIndex([ring(polygon) for polygon in outlines])
    shape = (car.yaw_rad, car.length_m, car.width_m)
    assert index.hits_box(car.x_m, car.y_m, *shape) == alone.hits_box(car.x_m, car.y_m, *shape)


def test_walls_that_repeat_cannot_be_asked_about_farther_than_their_copies_stand() -> None:
    with pytest.raises(ValueError, match="a look of 65 m is too far where walls repeat \\(limit 64 m\\)"):
        StaticIndex([], tile_m=TILE_M).clearance_m(0.0, 0.0, 65.0)


@given(boxes, boxes)
@settings(max_examples=300)
def test_boxes_touch_where_shapely_says_so_and_the_push_separates_them(a: Box, b: Box) -> None:
    area = shape_of(a).intersection(shape_of(b)).area
    apart = shape_of(a).distance(shape_of(b))
    if area > 1e-6:
        assert boxes_touch(a, b)
        dx, dy = resolve_box(a, b)
        a.x_m, a.y_m = a.x_m + 1.0001 * dx, a.y_m + 1.0001 * dy
        assert shape_of(a).intersection(shape_of(b)).area < 1e-3
    elif apart > 1e-6:
        assert not boxes_touch(a, b)
        assert resolve_box(a, b) == (0.0, 0.0)


@given(boxes, metres, metres, st.floats(0.1, 5.0))
def test_a_circle_touches_a_box_where_shapely_says_so(a: Box, x: float, y: float, radius: float) -> None:
    distance = shape_of(a).distance(Point(x, y))
    if abs(distance - radius) > 1e-6:
        assert circle_touches_box(x, y, radius, a) == (distance < radius)


def test_a_gate_never_hides_a_contact() -> None:
    index = StaticIndex([np.array([(20.0, -5.0), (30.0, -5.0), (30.0, 5.0), (20.0, 5.0)])])
    gate, reach = ClearanceGate(index, 2.4), 2.4
    asked = 0
    for step in range(2000):
        x = step * 0.01
        if gate.is_clear(x, 0.0):
            assert index.clearance_m(x, 0.0, 50.0) > reach
        else:
            asked += 1
    assert 0 < asked < 600


def actor_at(x: float) -> Actor:
    return Actor(actor_id=7, kind=ActorKind.VEHICLE, type_id="vehicle.x", x_m=x, y_m=0.0, yaw_rad=0.0)


def test_a_contact_is_one_event_however_long_it_lasts() -> None:
    tracker, other = ContactTracker(), actor_at(10.0)
    car = Box(x_m=0.0, y_m=0.0, yaw_rad=0.0, length_m=4.0, width_m=2.0)
    events = []
    for x in (0.0, 5.9, 6.1, 6.5, 7.0, 6.1, 5.9, 6.1):  # 6 touches; 5.9 is not yet apart
        car.x_m = x
        events.append(len(tracker.update(car, [other])))
    assert sum(events) == 1
    car.x_m = 0.0
    tracker.update(car, [other])
    car.x_m = 7.0
    assert [actor.actor_id for actor in tracker.update(car, [other])] == [7]
    assert tracker.touching == [other]
