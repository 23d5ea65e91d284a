import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from world.city.convert import Conversion, Projection, convert_footprints, without_holes
from world.city.errors import FootprintsError
from world.city.file import CityFile
from world.city.footprints import FEET_PER_METRE, read_footprints
from world.city.procedural import procedural_city
from world.city.rectangle import filled, largest_rectangle

MIDTOWN = Projection(longitude_deg=-73.984, latitude_deg=40.755)
Keep = Callable[[np.ndarray[Any, Any]], bool]


def as_geojson(city: CityFile, keep: Keep = lambda _: True) -> dict[str, Any]:
    """A city's buildings as NYC Open Data would publish them."""
    rings = [MIDTOWN.to_lonlat(np.array(building.vertices)) for building in city.buildings]
    features = [
        {
            "type": "Feature",
            "properties": {"bin": str(index), "height_roof": f"{building.height * FEET_PER_METRE:.4f}"},
            "geometry": {"type": "MultiPolygon", "coordinates": [[ring.tolist()]]},
        }
        for index, (building, ring) in enumerate(zip(city.buildings, rings, strict=True))
        if keep(ring)
    ]
    return {"type": "FeatureCollection", "features": features}


def converted(folder: Path, content: dict[str, Any]) -> Conversion:
    path = folder / "nyc.geojson"
    path.write_text(json.dumps(content))
    return convert_footprints(read_footprints(path), source="nyc")


def boxes_geojson(*boxes: tuple[float, float, float, float], height_ft: float = 100.0) -> dict[str, Any]:
    """Buildings from (x0, z0, x1, z1) rectangles."""
    rings = [
        MIDTOWN.to_lonlat(np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1), (x0, z0)])).tolist()
        for x0, z0, x1, z1 in boxes
    ]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"bin": str(index), "height_roof": height_ft},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
            for index, ring in enumerate(rings)
        ],
    }


@pytest.fixture(scope="module")
def truth() -> CityFile:
    return procedural_city(5)


@pytest.fixture(scope="module")
def whole(truth: CityFile, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversion]:
    yield converted(tmp_path_factory.mktemp("whole"), as_geojson(truth))


@pytest.fixture(scope="module")
def shift(truth: CityFile, whole: Conversion) -> np.ndarray[Any, Any]:
    """How far the middle of the built rectangle lies from the middle of the true map."""
    pairs = zip(truth.buildings, whole.city.buildings, strict=True)
    moves = [np.min(a.vertices, axis=0) - np.min(b.vertices, axis=0) for a, b in pairs]
    return np.asarray(np.median(moves, axis=0))


def test_avenues_come_to_lie_along_x_and_streets_along_z() -> None:
    north_29_east = np.array([[np.sin(np.radians(29)), np.cos(np.radians(29))]]) / 111_320
    north_29_east[0, 0] /= np.cos(np.radians(MIDTOWN.latitude_deg))
    origin = [MIDTOWN.longitude_deg, MIDTOWN.latitude_deg]
    assert np.allclose(MIDTOWN.to_game(north_29_east + origin), [[1.0, 0.0]], atol=1e-6)


@given(st.floats(-1_500, 1_500), st.floats(-1_500, 1_500), st.floats(-90, 90))
def test_projection_and_its_inverse_agree(x: float, z: float, angle: float) -> None:
    projection = Projection(longitude_deg=-73.984, latitude_deg=40.755, grid_angle_deg=angle)
    back = projection.to_game(projection.to_lonlat(np.array([[x, z]])))
    assert np.allclose(back, [[x, z]], atol=1e-5)


def test_a_known_city_comes_back_building_by_building(
    truth: CityFile, whole: Conversion, shift: np.ndarray[Any, Any]
) -> None:
    assert whole.refusals == ()
    assert (whole.mended, whole.outside, whole.opened) == (0, 0, 0)
    assert np.abs(shift).max() < 3.0
    for was, now in zip(truth.buildings, whole.city.buildings, strict=True):
        assert now.height == was.height
        expected = np.array(sorted(was.vertices[:-1]))
        moved = np.array(now.vertices[:-1]) + shift
        nearest = np.abs(expected[:, None] - moved[None]).max(axis=2).min(axis=1)
        assert len(moved) == len(expected)
        assert nearest.max() < 0.025


def test_a_known_citys_corridors_come_back(
    truth: CityFile, whole: Conversion, shift: np.ndarray[Any, Any]
) -> None:
    assert len(whole.city.streets) == len(truth.streets) == 39
    for was in truth.streets:
        moved = shift[0] if was.axis == "z" else shift[1]
        same = [street for street in whole.city.streets if street.axis == was.axis]
        now = min(same, key=lambda street: abs(street.center + moved - was.center))
        assert abs(now.center + moved - was.center) < 0.5
        # The gap between buildings has 1 m of pavement on either side.
        assert 1.5 < now.width - was.width < 3.0
        assert (now.start, now.end) == (-1_140, 1_140)
        assert len(now.interrupts) == len(was.interrupts)


def test_a_box_of_longitude_and_latitude_gives_the_largest_turned_rectangle(
    truth: CityFile, tmp_path: Path
) -> None:
    low, high = np.array([-73.9945, 40.7470]), np.array([-73.9735, 40.7630])
    found = converted(tmp_path, as_geojson(truth, lambda ring: bool(np.all((ring > low) & (ring < high)))))
    assert 500 <= found.city.map.width <= 2_280
    assert found.outside > 0
    centres = np.array([Polygon(b.vertices).centroid.coords[0] for b in found.city.buildings])
    assert np.all(np.abs(centres) <= np.array([found.city.map.width, found.city.map.depth]) / 2 + 0.01)
    assert {street.axis for street in found.city.streets} == {"x", "z"}


def test_the_same_file_gives_the_same_city(truth: CityFile, whole: Conversion, tmp_path: Path) -> None:
    assert converted(tmp_path, as_geojson(truth)).city == whole.city


def test_a_courtyard_building_is_cut_in_two_of_one_colour(tmp_path: Path) -> None:
    content = boxes_geojson((0, 0, 40, 40), (12, 12, 30, 28))
    outer, inner = content["features"]
    outer["geometry"]["coordinates"] += inner["geometry"]["coordinates"]
    content["features"] = [outer]
    found = converted(tmp_path, content)
    first, second = found.city.buildings
    assert found.opened == 1
    assert first.color == second.color
    assert first.height == second.height
    area = Polygon(first.vertices).area + Polygon(second.vertices).area
    assert area == pytest.approx(40 * 40 - 18 * 16, abs=1.0)


def test_a_building_far_from_all_others_is_refused_by_name(tmp_path: Path) -> None:
    content = boxes_geojson((0, 0, 20, 20), (30, 0, 50, 20), (60, 0, 80, 20))
    content["features"][2]["geometry"]["coordinates"] = [[[0, 0], [0.001, 0], [0.001, 0.001], [0, 0]]]
    found = converted(tmp_path, content)
    assert len(found.city.buildings) == 2
    assert found.refusals[0].feature == "bin 2"
    assert "km from the other buildings" in found.refusals[0].reason


def test_slivers_are_refused_by_name(tmp_path: Path) -> None:
    found = converted(tmp_path, boxes_geojson((0, 0, 20, 20), (30, 0, 30.4, 0.4)))
    assert len(found.city.buildings) == 1
    assert found.refusals[0].reason == "0.16 m2 (minimum 1 m2)"


def test_nothing_but_slivers_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FootprintsError, match=r"no building to convert; bin 0: 0\.16 m2"):
        converted(tmp_path, boxes_geojson((30, 0, 30.4, 0.4)))


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.integers(1, 50), st.integers(3, 9), st.integers(3, 9)),
        min_size=1,
        max_size=6,
    )
)
def test_cutting_courtyards_open_keeps_the_area(holes: list[tuple[int, int, int, int]]) -> None:
    cut = shapely.union_all([shapely.box(x, y, x + w, y + h) for x, y, w, h in holes])
    building = shapely.box(0, 0, 100, 60).difference(cut)
    assert isinstance(building, Polygon)
    parts = without_holes(building)
    assert all(part.is_valid and not part.interiors for part in parts)
    # Merged holes may enclose an island below the smallest courtyard; none is in these.
    assert sum(part.area for part in parts) == pytest.approx(building.area)
    assert shapely.union_all(parts).symmetric_difference(building).area < 1e-6


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_the_largest_rectangle_is_as_large_as_brute_force_finds(
    rows: int, columns: int, data: st.DataObject
) -> None:
    flat = data.draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    cells = np.array(flat).reshape(rows, columns)
    row0, column0, row1, column1 = largest_rectangle(cells)
    best = max(
        (
            (c - a) * (d - b)
            for a in range(rows)
            for c in range(a + 1, rows + 1)
            for b in range(columns)
            for d in range(b + 1, columns + 1)
            if cells[a:c, b:d].all()
        ),
        default=0,
    )
    assert (row1 - row0) * (column1 - column0) == best
    assert cells[row0:row1, column0:column1].all()


def test_filling_closes_a_park_and_leaves_the_coast() -> None:
    cells = np.ones((7, 7), np.bool_)
    cells[3, 3] = cells[3, 4] = False
    cells[:, 6] = False
    result = filled(cells, rounds=2)
    assert result[:, :6].all()
    assert not result[0, 6]
