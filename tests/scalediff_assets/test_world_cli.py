import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scalediff_assets.world_cli import app
from world.city.errors import CityError
from world.city.file import CITY_PATH


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_building_the_default_city_writes_the_shipped_bytes(tmp_path: Path) -> None:
    out = tmp_path / "city.json"
    told = run("build", "--out", out)
    assert out.read_bytes() == CITY_PATH.read_bytes()
    assert "39 streets" in told
    assert "2,280 x 2,280 m" in told


def test_converting_footprints_tells_what_was_refused(tmp_path: Path) -> None:
    x, y, size = -73.984, 40.755, 0.0003
    ring = [[x, y], [x + size, y], [x + size, y + size], [x, y + size], [x, y]]
    features = [
        {
            "type": "Feature",
            "properties": {"bin": 17, "height_roof": "100"},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        },
        {"type": "Feature", "properties": {"bin": 18, "height_roof": "100"}, "geometry": None},
        {"type": "Feature", "properties": {"bin": 19}, "geometry": None},
    ]
    source = tmp_path / "nyc.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    told = run("build", "--source", "nyc", source, "--out", tmp_path / "city.json")
    assert "3 features: 1 without a roof height, 1 refused" in told
    assert "refused bin 18: no geometry" in told
    made = json.loads((tmp_path / "city.json").read_text())
    assert made["source"] == "nyc nyc.geojson"
    assert len(made["buildings"]) == 1


def test_a_map_is_drawn(tmp_path: Path) -> None:
    run("build", "--out", tmp_path / "city.json", "--seed", "3")
    run("picture", "--city", tmp_path / "city.json", tmp_path / "map.png", "--size-px", "300")
    assert (tmp_path / "map.png").stat().st_size > 10_000


@pytest.mark.parametrize("words", [("build", "--source", "nyc"), ("build", "some.geojson")])
def test_source_and_file_must_agree(words: tuple[str, ...]) -> None:
    with pytest.raises(CityError):
        run(*words)
