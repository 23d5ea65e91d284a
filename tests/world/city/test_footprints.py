import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from world.city.errors import FootprintsError
from world.city.footprints import FootprintSet, read_footprints

LON, LAT = -73.984, 40.755
Ring = list[list[float]]


def square(east: float = 0.0, size: float = 0.0002) -> Ring:
    x, y = LON + east, LAT
    return [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]


def feature(geometry: Any, height: Any = "98.43", **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"bin": "1015862", "height_roof": height} | properties,
        "geometry": geometry,
    }


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


GOOD = feature(polygon(square()), bin="1000001")


def read(folder: Path, *features: Any, **more: Any) -> FootprintSet:
    path = folder / "buildings.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)} | more))
    return read_footprints(path)


def refused(folder: Path, bad: Any) -> tuple[str, str]:
    """Feature and reason of the one refusal beside a good building."""
    found = read(folder, GOOD, bad)
    assert [footprint.feature for footprint in found.footprints] == ["bin 1000001"]
    (refusal,) = found.refusals
    return refusal.feature, refusal.reason


def failure(folder: Path, text: str) -> str:
    path = folder / "bad.geojson"
    path.write_text(text)
    with pytest.raises(FootprintsError) as caught:
        read_footprints(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_feet_become_metres(tmp_path: Path) -> None:
    (footprint,) = read(tmp_path, feature(polygon(square()), 328.1)).footprints
    assert footprint.height_m == pytest.approx(100.0)
    assert footprint.feature == "bin 1015862"


@pytest.mark.parametrize("name", ["height_roof", "heightroof", "HEIGHT_ROOF", "Height Roof"])
@pytest.mark.parametrize("value", [32.81, "32.81", " 32.81 "])
def test_exports_spell_the_height_in_many_ways(tmp_path: Path, name: str, value: Any) -> None:
    odd = {"type": "Feature", "properties": {name: value}, "geometry": polygon(square())}
    (footprint,) = read(tmp_path, odd).footprints
    assert footprint.height_m == pytest.approx(10.0)
    assert footprint.feature == "features[0]"


@pytest.mark.parametrize("value", [None, "", 0, "0", -4, float("nan"), 0.01])
def test_buildings_without_height_are_dropped_and_counted(tmp_path: Path, value: Any) -> None:
    found = read(tmp_path, GOOD, feature(polygon(square()), value))
    assert (len(found.footprints), found.without_height, found.refusals) == (1, 1, ())


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"bin": 7, "doitt_id": 8}, "bin 7"),
        ({"BIN": "", "DOITT_ID": 8}, "doitt_id 8"),
        ({"bin": "1000000", "doitt_id": 8}, "doitt_id 8"),
        ({"objectid": 9}, "objectid 9"),
        ({}, "features[1]"),
    ],
)
def test_a_refusal_names_the_feature(tmp_path: Path, properties: dict[str, Any], name: str) -> None:
    bad = {"type": "Feature", "properties": {"height_roof": 10} | properties, "geometry": None}
    assert refused(tmp_path, bad) == (name, "no geometry")


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        ({"type": "Point", "coordinates": [LON, LAT]}, "geometry is 'Point' (Polygon or MultiPolygon)"),
        (polygon(), "the geometry is empty"),
        ({"type": "Polygon", "coordinates": None}, "the geometry is empty"),
        (polygon([]), "ring 0 has 0 distinct points (minimum 3)"),
        (polygon(None), "ring 0 is no list of positions"),
        (polygon(square()[:2]), "ring 0 has 2 distinct points (minimum 3)"),
        (polygon([[LON, LAT], [LON, float("nan")], [LON, LAT]]), "ring 0 point 1 is not finite"),
        (polygon([[LON, LAT], [LON], [LON, LAT]]), "ring 0 point 1 is no position"),
        (polygon([[LON, LAT], [LON, 10**400], [LON, LAT]]), "ring 0 point 1 is no position"),
        (polygon([[LON, LAT], [LON + 1, LAT], [LON + 2, LAT], [LON, LAT]]), "the outline has no area"),
        (polygon([[985_000, 210_000], [985_010, 210_000], [985_010, 210_010]]), "no longitude and latitude"),
    ],
)
def test_unusable_outlines_are_refused(tmp_path: Path, geometry: Any, reason: str) -> None:
    name, told = refused(tmp_path, feature(geometry))
    assert name == "bin 1015862"
    assert reason in told


@pytest.mark.parametrize(("height", "reason"), [("tall", "is no number"), (1e6, "limit 3281 ft")])
def test_absurd_heights_are_refused(tmp_path: Path, height: Any, reason: str) -> None:
    assert reason in refused(tmp_path, feature(polygon(square()), height))[1]


@pytest.mark.parametrize("bad", [None, 3, "text", {"type": "Feature"}])
def test_a_feature_that_is_none_does_not_stop_the_file(tmp_path: Path, bad: Any) -> None:
    assert len(read(tmp_path, GOOD, bad).footprints) == 1


def test_each_part_of_a_multipolygon_is_a_building_of_one_group(tmp_path: Path) -> None:
    parts = {"type": "MultiPolygon", "coordinates": [[square()], [square(0.001)], [square(0.002)[:2]]]}
    found = read(tmp_path, feature(parts))
    assert [footprint.feature for footprint in found.footprints] == [
        "bin 1015862 part 1",
        "bin 1015862 part 2",
    ]
    assert {footprint.group for footprint in found.footprints} == {0}
    assert found.refusals[0].feature == "bin 1015862 part 3"


def test_an_unclosed_ring_is_closed(tmp_path: Path) -> None:
    found = read(tmp_path, feature(polygon(square()[:-1])))
    assert found.mended == 1
    assert found.footprints[0].polygon.equals(read(tmp_path, GOOD).footprints[0].polygon)


def test_a_bow_tie_becomes_two_buildings(tmp_path: Path) -> None:
    a, b, c, d, _ = square()
    found = read(tmp_path, feature(polygon([a, c, b, d, a])))
    assert found.mended == 1
    assert len(found.footprints) == 2
    assert all(footprint.polygon.is_valid for footprint in found.footprints)


def test_holes_are_kept_and_broken_holes_left_out(tmp_path: Path) -> None:
    hole = [[LON + 0.00005, LAT + 0.00005], [LON + 0.0001, LAT + 0.00005], [LON + 0.0001, LAT + 0.0001]]
    found = read(tmp_path, feature(polygon(square(), [*hole, hole[0]], hole[:2])))
    (footprint,) = found.footprints
    assert len(footprint.polygon.interiors) == 1
    assert found.mended == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(json_values, json_values)
def test_no_geometry_and_no_height_can_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, coordinates: Any, height: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.geojson"
    odd = feature({"type": "Polygon", "coordinates": coordinates}, 10)
    tall = feature(polygon(square()), height)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [GOOD, odd, tall, height]}))
    assert read_footprints(path).footprints[0].feature == "bin 1000001"


def test_other_files_are_one_clear_line(tmp_path: Path) -> None:
    assert "no JSON" in failure(tmp_path, "<html>")
    assert "no JSON" in failure(tmp_path, "[" * 200_000)
    assert "type is 'Feature', not 'FeatureCollection'" in failure(tmp_path, '{"type": "Feature"}')
    assert "type is 'list'" in failure(tmp_path, "[]")
    assert "features: missing" in failure(tmp_path, '{"type": "FeatureCollection"}')
    assert "has no features" in failure(tmp_path, '{"type": "FeatureCollection", "features": []}')


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(FootprintsError, match="cannot be read"):
        read_footprints(tmp_path / "none.geojson")


def test_a_file_without_any_height_says_so(tmp_path: Path) -> None:
    with pytest.raises(FootprintsError, match=r"none of 2 features .* 2 have no height_roof above 0"):
        read(tmp_path, feature(polygon(square()), None), feature(polygon(square()), 0))


def test_a_projected_file_says_how_to_export_it(tmp_path: Path) -> None:
    feet = polygon([[985_000, 210_000], [985_010, 210_000], [985_010, 210_010]])
    with pytest.raises(FootprintsError, match=r"\(985000, 210000\) is no longitude and latitude; export"):
        read(tmp_path, feature(feet))
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::2263"}}
    with pytest.raises(FootprintsError, match="EPSG::2263 is no longitude and latitude"):
        read(tmp_path, GOOD, crs=crs)


def test_the_usual_crs_is_accepted(tmp_path: Path) -> None:
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert len(read(tmp_path, GOOD, crs=crs).footprints) == 1
