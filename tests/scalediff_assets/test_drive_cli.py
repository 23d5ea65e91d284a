"""`scalediff drive` as a user sees it: a document, films, and one clear line for every mistake."""

import json
import subprocess
import sys
from pathlib import Path

import av
import pytest

ROOT = Path(__file__).parents[2]
ROUTE = """<routes><route id="1" town="{town}"><waypoints>
<position x="{x}" y="-229.41" z="0"/><position x="{to}" y="-229.41" z="0"/></waypoints>
<scenarios>{scenario}</scenarios></route></routes>"""
SCENARIO = """<scenario name="{}" type="MinitownScenario">
<trigger_point x="533" y="-229.41" z="0" yaw="180"/></scenario>"""


def scalediff(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scalediff_assets.cli", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip


def routes_file(folder: Path, **changes: str) -> Path:
    path = folder / "mine.xml"
    path.write_text(ROUTE.format(**{"town": "minitown", "x": "533", "to": "480", "scenario": "", **changes}))
    return path


@pytest.mark.slow
def test_a_drive_writes_its_document_and_a_film(tmp_path: Path) -> None:
    out, films = tmp_path / "deep" / "results.json", tmp_path / "films"
    done = scalediff(
        "drive", "--agent", "expert", "--route-set", str(routes_file(tmp_path)), "--out", str(out),
        "--video", str(films), "--version", "2.0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "minitown" in done.stdout
    document = json.loads(out.read_text())
    meta = document["_checkpoint"]["global_record"]["meta"]
    assert (meta["scorer_version"], meta["route_set"]) == ("2.0", "mine")
    assert document["_checkpoint"]["records"][0]["scores"]["score_route"] == 100
    with av.open(str(films / "route_1_rep0.mp4")) as film:
        frames = sum(1 for _ in film.decode(video=0))
    assert frames == round(20 * meta["duration_game"]) + 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"town": "Town12"}, "mine.xml, route 1: town is 'Town12'"),
        ({"to": "533"}, "mine.xml: route 1: its length is 0.0 m"),
        ({"to": "inf"}, "mine.xml, route 1: waypoints/position 1: x is inf"),
        ({"scenario": SCENARIO.format("cut-out")}, "scenario cut-out: there is no such scenario"),
    ],
)
def test_a_bad_routes_file_is_one_line(changes: dict[str, str], says: str, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    done = scalediff(
        "drive", "--agent", "noop", "--route-set", str(routes_file(tmp_path, **changes)), "--out", str(out)
    )
    assert done.returncode == 1
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--agent", "speedy"), "unknown agent 'speedy'; use expert, noop, random"),
        (("--agent", "missing.py"), "agent file missing.py does not exist"),
        (("--agent", "noop", "--route-set", "minitown-13"), "shipped are minitown-12, scenarios-11"),
        (("--agent", "noop", "--routes", "77"), "names none of its ids"),
        (("--agent", "noop", "--city", "nowhere.json"), "nowhere.json"),
        (("--agent", "noop", "--city", "pyproject.toml"), "pyproject.toml"),
    ],
)
def test_a_mistake_in_the_options_is_one_line(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = scalediff("drive", *arguments, "--out", str(tmp_path / "results.json"))
    assert done.returncode == 1
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_map_is_written_for_carla(tmp_path: Path) -> None:
    done = scalediff("world", "opendrive", str(tmp_path / "minitown.xodr"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "minitown.xodr").read_text().startswith("<?xml")
