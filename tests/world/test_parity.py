"""What the browser must reproduce: the shipped reference cases are what the Python world does today."""

import json
from pathlib import Path
from typing import Any

import pytest

from world.city.load import load_city
from world.drivers.keyboard import Keyboard, Keys, mouse_steer_per_px
from world.parity import PARITY_PATH, parity_document
from world.streets.export import streets_text

STREETS = PARITY_PATH.parent / "streets.json"
POSITION_M, ANGLE_RAD = 1e-3, 1e-6
SAMPLE = (0.0, POSITION_M, POSITION_M, ANGLE_RAD, POSITION_M, ANGLE_RAD)
CROWD = (0.0, 0.0, POSITION_M, POSITION_M, ANGLE_RAD, POSITION_M)
TABLES = {
    "trig": (0.0,) * 8,
    "queries": (*SAMPLE[1:4], 0.0, 0.0, POSITION_M),
    "lanes": (*SAMPLE[1:4], 0.0),
}

Rows = list[list[float]]


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    return dict(json.loads(PARITY_PATH.read_text()))


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    return parity_document()


def assert_close(found: Rows, wanted: Rows, tolerances: tuple[float, ...]) -> None:
    assert [len(row) for row in found] == [len(row) for row in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        far = [abs(a - b) for a, b in zip(ours, theirs, strict=True)]
        assert all(d <= limit for d, limit in zip(far, tolerances, strict=True)), (ours, theirs)


@pytest.mark.slow
def test_every_drive_is_the_shipped_one(played: dict[str, Any], shipped: dict[str, Any]) -> None:
    assert [drive["name"] for drive in played["drives"]] == [drive["name"] for drive in shipped["drives"]]
    for found, wanted in zip(played["drives"], shipped["drives"], strict=True):
        assert_close(found.pop("samples"), wanted["samples"], SAMPLE)
        assert_close(found.pop("crowds"), wanted["crowds"], CROWD)
        assert found == {name: wanted[name] for name in found}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_the_shipped_one(name: str, played: dict[str, Any], shipped: dict[str, Any]) -> None:
    assert_close(played[name], shipped[name], TABLES[name])


@pytest.mark.slow
def test_walls_ways_and_refusals_are_the_shipped_ones(
    played: dict[str, Any], shipped: dict[str, Any]
) -> None:
    assert played["walls"] == shipped["walls"]
    assert played["refusals"] == shipped["refusals"]
    for found, wanted in zip(played["ways"], shipped["ways"], strict=True):
        assert found["lanes"] == wanted["lanes"]
        assert_close(found["points"], wanted["points"], (POSITION_M, POSITION_M, 0.0, 0.0))


def test_the_shipped_drives_see_every_kind_of_event(shipped: dict[str, Any]) -> None:
    seen = {event[1] for drive in shipped["drives"] for event in drive["events"]}
    assert seen == {"contact", "wall", "won", "lost", "timeout", "over"}


def test_the_shipped_files_are_small_enough_for_a_page() -> None:
    sizes = {path.name: path.stat().st_size for path in (PARITY_PATH, STREETS)}
    assert sizes["parity.json"] < 300_000
    assert sizes["streets.json"] < 150_000


def test_the_shipped_streets_are_those_of_the_shipped_city() -> None:
    assert STREETS.read_text() == streets_text(load_city())


def test_the_mouse_turns_the_wheel_and_stops_at_full_deflection() -> None:
    wheel = Keyboard()
    assert wheel.controls(Keys(), 0.05, 10.0).steer == pytest.approx(10.0 * mouse_steer_per_px())
    assert wheel.controls(Keys(), 0.05, -1e4).steer == -1.0
    assert wheel.controls(Keys(), 0.05, 1e4).steer == 1.0


def test_without_a_mouse_the_wheel_is_where_it_always_was() -> None:
    with_mouse, without = Keyboard(), Keyboard()
    for tick in range(200):
        keys = Keys(w=True, a=tick % 7 < 3, d=tick % 11 < 4)
        assert with_mouse.controls(keys, 1 / 60, 0.0) == without.controls(keys, 1 / 60)


def test_the_controls_file_has_what_the_browser_reads() -> None:
    path = Path(PARITY_PATH).with_name("controls.json")
    assert json.loads(path.read_text()) == {"mouse_steer_per_px": mouse_steer_per_px()}
