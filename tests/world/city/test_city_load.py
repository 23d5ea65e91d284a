import json
from pathlib import Path

import numpy as np
import pytest

from world.axes import world_point
from world.city.errors import CityFileError
from world.city.file import CITY_PATH, CityFile, parse_city
from world.city.load import city_of, content_hash, load_city
from world.city.model import City


@pytest.fixture(scope="module")
def content() -> CityFile:
    return parse_city(CITY_PATH.read_bytes(), CITY_PATH)


@pytest.fixture(scope="module")
def shipped() -> City:
    return load_city()


def small_file(folder: Path, vertices: list[list[float]]) -> Path:
    path = folder / "town.json"
    path.write_text(
        json.dumps(
            {
                "map": {"width": 100, "depth": 80, "color": "#010203", "skyColor": "#0a0b0c"},
                "tileWidth": 100,
                "tileDepth": 80,
                "gridAngleDeg": 29,
                "buildings": [{"vertices": vertices, "height": 12.5, "color": "#102030"}],
                "streets": [
                    {"axis": "z", "center": -20, "width": 14, "start": -40, "end": 30, "interrupts": []},
                    {"axis": "x", "center": 7, "width": 18, "start": -50, "end": 45, "interrupts": []},
                ],
            }
        )
    )
    return path


def test_points_and_streets_are_turned_into_the_worlds_axes(tmp_path: Path) -> None:
    city = load_city(small_file(tmp_path, [[0, 0], [10, 0], [10, 20], [0, 0]]))
    corners = {tuple(point) for point in city.buildings[0].outline_m}
    assert corners == {world_point(0, 0), world_point(10, 0), world_point(10, 20)}
    along_x, along_y = city.streets
    assert (along_x.direction, along_x.centre_m, along_x.start_m, along_x.end_m) == ("x", -20, -30, 40)
    assert (along_y.direction, along_y.centre_m, along_y.start_m, along_y.end_m) == ("y", -7, -50, 45)
    assert (city.width_m, city.depth_m) == (100, 80)
    assert (city.ground_rgb, city.buildings[0].rgb) == ((1, 2, 3), (16, 32, 48))


@pytest.mark.parametrize("turned", [False, True])
def test_outlines_run_clockwise_whatever_the_file_has(tmp_path: Path, turned: bool) -> None:
    ring = [[0.0, 0.0], [10.0, 0.0], [10.0, 20.0], [0.0, 20.0], [0.0, 0.0]]
    x, y = load_city(small_file(tmp_path, ring[::-1] if turned else ring)).buildings[0].outline_m.T
    assert np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2 == 200.0


def test_an_outline_without_area_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CityFileError, match=r"buildings\[0\].vertices: the outline has no area"):
        load_city(small_file(tmp_path, [[0, 0], [5, 5], [10, 10], [0, 0]]))


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CityFileError, match=r"none.json: cannot be read .*scalediff world build"):
        load_city(tmp_path / "none.json")


def test_the_hash_ignores_spacing_and_key_order() -> None:
    assert content_hash(b'{"a":1, "b":[2.5]}') == content_hash(b'{"b": [2.5], "a": 1}\n')
    assert content_hash(b'{"a":1}') != content_hash(b'{"a":2}')


def test_the_shipped_city_is_whole(shipped: City, content: CityFile) -> None:
    assert len(shipped.buildings) == len(content.buildings) >= 4_000
    assert len(shipped.streets) == 39
    assert len(shipped.content_hash) == 16
    assert sum(street.direction == "x" for street in shipped.streets) == 28


def test_loading_moves_no_point(shipped: City, content: CityFile) -> None:
    for building, entry in zip(shipped.buildings, content.buildings, strict=True):
        expected = {world_point(x, z) for x, z in entry.vertices}
        assert {(float(x), float(y)) for x, y in building.outline_m} == expected


def test_a_city_without_buildings_is_a_city(content: CityFile) -> None:
    empty = content.model_copy(update={"buildings": []})
    assert city_of(empty, name="empty", content_hash="0").buildings == ()
