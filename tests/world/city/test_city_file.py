import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from world.city.errors import CityFileError
from world.city.file import SCHEMA_PATH, city_bytes, parse_city, schema_text, write_city

BUILDING_FIELDS = ("vertices", "height", "color")


def small_city(**changes: Any) -> dict[str, Any]:
    city: dict[str, Any] = {
        "version": 1,
        "source": "a test",
        "map": {"width": 100, "depth": 80, "color": "#3a3a3a", "skyColor": "#87CEEB"},
        "tileWidth": 100,
        "tileDepth": 80,
        "gridAngleDeg": 29,
        "buildings": [
            {"vertices": [[0, 0], [10, 0], [10, 20], [0, 0]], "height": 12.5, "color": "#102030"},
        ],
        "streets": [
            {"axis": "z", "center": -20, "width": 14, "start": -40, "end": 40, "interrupts": [[-5, 5]]},
        ],
    }
    return city | changes


def parsed_error(content: Any) -> str:
    with pytest.raises(CityFileError) as caught:
        parse_city(json.dumps(content), "town.json")
    message = str(caught.value)
    assert message.startswith("town.json: ")
    assert "\n" not in message
    return message


def with_building(**changes: Any) -> dict[str, Any]:
    return small_city(buildings=[small_city()["buildings"][0] | changes])


def with_street(**changes: Any) -> dict[str, Any]:
    return small_city(streets=[small_city()["streets"][0] | changes])


def without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}


def test_a_city_is_read_and_written_without_a_change() -> None:
    text = json.dumps(small_city(), separators=(",", ":")) + "\n"
    assert city_bytes(parse_city(text, "town.json")).decode() == text


def test_a_file_without_version_and_source_is_read() -> None:
    old = without(without(small_city(), "version"), "source")
    assert parse_city(json.dumps(old), "town.json").version == 1


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (without(small_city(), "map"), "map: Field required"),
        (small_city(extra=1), "extra: "),
        (small_city(version=2), "version: "),
        (small_city(tileWidth=0), "tileWidth: "),
        (with_building(height=-3), "buildings[0].height: "),
        (with_building(height=0), "buildings[0].height: "),
        (with_building(height=1e9), "buildings[0].height: "),
        (with_building(height="12"), "buildings[0].height: "),
        (with_building(height=float("nan")), "buildings[0].height: "),
        (with_building(color="red"), "buildings[0].color: "),
        (with_building(vertices=[[0, 0], [1, 1], [0, 0]]), "buildings[0].vertices: "),
        (with_building(vertices=[[0, 0], [1, 1], [1, 1], [0, 0]]), "2 distinct points (minimum 3)"),
        (
            with_building(vertices=[[0, 0], [1, float("nan")], [1, 1], [0, 0]]),
            "buildings[0].vertices[1][1]: ",
        ),
        (with_building(vertices=[[0, 0], [1], [1, 1], [0, 0]]), "buildings[0].vertices[1]"),
        (with_building(vertices=[[0, 0], [1, 1e300], [1, 1], [0, 0]]), "buildings[0].vertices[1][1]: "),
        (with_street(axis="y"), "streets[0].axis: "),
        (with_street(start=40), "streets[0]: start 40 is not below end 40"),
        (with_street(interrupts=[[5, -5]]), "interrupt [5, -5] does not run upwards"),
        (with_street(width=-1), "streets[0].width: "),
        ([], "the file: "),
    ],
)
def test_each_fault_is_one_line_that_names_the_field(content: Any, named: str) -> None:
    assert named in parsed_error(content)


def test_text_that_is_no_json_is_one_clear_line() -> None:
    with pytest.raises(CityFileError, match=r"town\.json: no JSON"):
        parse_city("{", "town.json")


def test_the_number_of_faults_is_told() -> None:
    assert "(and 1 more faults)" in parsed_error(with_building(height=-3, color="red"))


def test_a_city_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    city = parse_city(json.dumps(small_city()), "town.json")
    with pytest.raises(CityFileError, match="cannot be written"):
        write_city(city, tmp_path / "missing" / "city.json")


def test_the_json_schema_is_the_one_that_the_models_give() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.sampled_from(["vertices", "height", "color", "buildings", "streets", "map"]), json_values)
def test_whatever_stands_in_a_field_ends_as_a_city_or_as_one_line(field: str, value: Any) -> None:
    content = with_building(**{field: value}) if field in BUILDING_FIELDS else small_city(**{field: value})
    try:
        parse_city(json.dumps(content), "town.json")
    except CityFileError as error:
        assert str(error).startswith("town.json: ")
