from bisect import bisect_left
from itertools import pairwise

import numpy as np
import pytest
import shapely

from world.city.colours import TIERS_M, tier_of
from world.city.file import CITY_PATH, CityFile, StreetEntry, city_bytes
from world.city.lots import CLEARINGS_CM
from world.city.procedural import procedural_city

SEEDS = (0, 1, 20)
MANHATTAN_SHARES = (0.684, 0.150, 0.096, 0.042, 0.020, 0.007)


@pytest.fixture(scope="module", params=SEEDS)
def city(request: pytest.FixtureRequest) -> CityFile:
    return procedural_city(request.param)


def band(street: StreetEntry) -> shapely.Polygon:
    low, high = street.center - street.width / 2, street.center + street.width / 2
    if street.axis == "z":
        return shapely.box(low, street.start, high, street.end)
    return shapely.box(street.start, low, street.end, high)


def polygons(city: CityFile) -> list[shapely.Polygon]:
    return [shapely.Polygon(building.vertices) for building in city.buildings]


def test_the_shipped_city_is_seed_0_byte_for_byte() -> None:
    assert CITY_PATH.read_bytes() == city_bytes(procedural_city(0))


def test_another_seed_is_another_city() -> None:
    assert city_bytes(procedural_city(1)) != city_bytes(procedural_city(2))


def test_it_has_the_size_of_midtown(city: CityFile) -> None:
    assert (city.map.width, city.map.depth) == (2_280, 2_280)
    assert len(city.buildings) >= 4_000
    assert sum(street.axis == "z" for street in city.streets) == 28
    assert sum(street.axis == "x" for street in city.streets) == 11
    assert all(10 <= street.width <= 28 for street in city.streets)
    assert sum(street.width == 14 for street in city.streets) == 18


def test_the_scenarios_road_and_crossings_stand_where_they_are_expected(city: CityFile) -> None:
    along = {street.center: street.width for street in city.streets if street.axis == "z"}
    across = {street.center: street.width for street in city.streets if street.axis == "x"}
    assert along[-225.91] == 14
    assert all(across[centre] == 18 for centre in (-570.98, -412.98, -257.98))
    centres = sorted(along)
    main = centres.index(-225.91)
    for beside in (centres[main - 1], centres[main + 1]):
        assert 74 <= abs(beside + 225.91) <= 86


def test_every_corridor_spans_the_map_and_is_interrupted_at_each_crossing(city: CityFile) -> None:
    for street in city.streets:
        assert (street.start, street.end) == (-1_140, 1_140)
        others = [other for other in city.streets if other.axis != street.axis]
        expected = [(o.center - o.width / 2, o.center + o.width / 2) for o in others]
        assert np.allclose(street.interrupts, expected, atol=1e-9)


def test_corridors_leave_room_for_blocks(city: CityFile) -> None:
    for axis, least in (("z", 55.0), ("x", 100.0)):
        ordered = sorted((s for s in city.streets if s.axis == axis), key=lambda street: street.center)
        gaps = [b.center - b.width / 2 - a.center - a.width / 2 for a, b in pairwise(ordered)]
        assert min(gaps) >= least


def test_outlines_are_simple_closed_and_apart(city: CityFile) -> None:
    shapes = polygons(city)
    assert all(shape.is_valid for shape in shapes)
    assert all(5 <= len(b.vertices) <= 20 and b.vertices[0] == b.vertices[-1] for b in city.buildings)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    assert np.array_equal(first, second)


def test_no_building_stands_in_a_corridor_or_outside_the_map(city: CityFile) -> None:
    tree = shapely.STRtree(polygons(city))
    for street in city.streets:
        assert len(tree.query(band(street), predicate="intersects")) == 0
    bounds = shapely.total_bounds(tree.geometries)
    assert np.abs(bounds).max() <= 1_140


def test_the_scenarios_pavements_are_clear(city: CityFile) -> None:
    tree = shapely.STRtree(polygons(city))
    for clearing in CLEARINGS_CM:
        x0, z0, x1, z1 = (value / 100 for value in clearing)
        inner = shapely.box(x0 + 0.01, z0 + 0.01, x1 - 0.01, z1 - 0.01)
        assert len(tree.query(inner, predicate="intersects")) == 0


def test_heights_fall_into_manhattans_tiers(city: CityFile) -> None:
    tiers = [bisect_left(TIERS_M, building.height) for building in city.buildings]
    shares = np.bincount(tiers, minlength=6) / len(tiers)
    assert np.allclose(shares, MANHATTAN_SHARES, atol=0.015)
    heights = [building.height for building in city.buildings]
    assert 250 < max(heights) <= 430
    assert min(heights) >= 2.5
    assert 16 <= np.median(heights) <= 21


def test_downtown_is_taller_than_the_edge(city: CityFile) -> None:
    places = np.array([building.vertices[0] for building in city.buildings])
    heights = np.array([building.height for building in city.buildings])
    middle = np.hypot(places[:, 0] - 100, places[:, 1] - 250) < 400
    edge = np.abs(places).max(axis=1) > 900
    assert heights[middle].mean() > 3 * heights[edge].mean()


def test_most_buildings_are_no_plain_boxes(city: CityFile) -> None:
    corners = [len(building.vertices) - 1 for building in city.buildings]
    assert len(set(corners)) >= 7
    assert corners.count(4) / len(corners) < 0.35


def test_nearest_buildings_of_a_tier_differ_in_colour(city: CityFile) -> None:
    centres = np.array([shapely.centroid(shape).coords[0] for shape in polygons(city)])
    alike = compared = 0
    for tier in range(6):
        members = [i for i, b in enumerate(city.buildings) if tier_of(b.height) == tier]
        tree = shapely.STRtree(shapely.points(centres[members]))
        pairs = tree.query_nearest(shapely.points(centres[members]), exclusive=True, max_distance=60.0)
        colours = np.array([city.buildings[i].color for i in members])
        alike += int(np.sum(colours[pairs[0]] == colours[pairs[1]]))
        compared += pairs.shape[1]
    assert compared > 4_000
    assert alike / compared < 0.01
