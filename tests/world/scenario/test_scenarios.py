"""The staged scenarios: data as the reference has it, paths, triggers, outcomes, bad files."""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from world.axes import world_point
from world.minitown.route_sets import SCENARIOS
from world.scenario import (
    Outcome,
    ScenarioChain,
    ScenarioError,
    ScenarioRun,
    load_scenario,
    scenario_ids,
)
from world.scenario.load import FOLDER, read_scenario
from world.scenario.model import Entity, json_schema
from world.scenario.path import motion_of

SHARED = Path(__file__).resolve().parents[4] / "shared" / "facts" / "reference_scenarios.json"
SCHEMA = FOLDER.parent / "schemas" / "scenario.schema.json"
KINDS = {"vehicle", "pedestrian", "bicycle", "obstacle", "emergency_worker"}
DIMENSIONS = {"width": 2, "height": 1.5, "depth": 4}
LOGGED_PER_FRAME = 37.5


def file_of(**changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "id": "test",
        "name": "Test",
        "description": "",
        "duration": 10,
        "playerSpawn": {"x": 0, "z": 0, "rotation": 0, "initialSpeed": 5},
        "successCondition": {"type": "no_collision"},
        "entities": [
            {
                "id": "car",
                "type": "vehicle",
                "color": "#ff0000",
                "dimensions": DIMENSIONS,
                "trajectory": [
                    {"time": 1, "x": 0, "z": 0, "rotation": 0},
                    {"time": 5, "x": 0, "z": -40, "rotation": 0},
                ],
            }
        ],
        **changes,
    }


def run_of(tmp_path: Path, **changes: Any) -> ScenarioRun:
    path = tmp_path / "test.json"
    path.write_text(json.dumps(file_of(**changes)))
    return ScenarioRun(load_scenario(str(path)))


def test_all_eleven_scenarios_ship_and_every_kind_of_entity_is_in_them() -> None:
    assert set(SCENARIOS) <= set(scenario_ids())
    assert len(SCENARIOS) == 11
    kinds = {role.kind.value for name in SCENARIOS for role in load_scenario(name).roles}
    assert kinds == KINDS


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_point_is_the_references(name: str) -> None:
    if not SHARED.is_file():
        pytest.skip("the shared reference scenarios are not here")
    genuine = next(s for s in json.loads(SHARED.read_text())["scenarios"] if s["id"] == name)
    ours = json.loads((FOLDER / f"{name}.json").read_text())
    assert (ours["name"], ours["duration"]) == (genuine["name"], genuine["duration"])
    assert ours["successCondition"] == genuine["successCondition"]
    speed = genuine["playerSpawn"]["initialSpeed"] * LOGGED_PER_FRAME
    assert ours["playerSpawn"] == genuine["playerSpawn"] | {"initialSpeed": speed}
    assert [e["trajectory"] for e in ours["entities"]] == [
        [{k: p[k] for k in ("time", "x", "z", "rotation")} for p in e["trajectory"]]
        for e in genuine["entities"]
    ]
    assert [e["dimensions"] for e in ours["entities"]] == [e["dimensions"] for e in genuine["entities"]]


def test_the_schema_file_is_the_models_and_accepts_every_shipped_scenario() -> None:
    schema = json.loads(SCHEMA.read_text())
    assert schema == json_schema()
    validator = Draft202012Validator(schema)
    for path in FOLDER.glob("*.json"):
        validator.validate(json.loads(path.read_text()))


def test_the_eleven_scenarios_follow_each_other_in_a_circle() -> None:
    chain = ScenarioChain(SCENARIOS[0])
    played: list[str] = []
    t_s = 0.0
    while len(played) < 11:
        if chain.step(t_s, 1e4, 1e4):
            assert chain.run is not None
            played.append(chain.run.scenario.id)
        t_s += 0.5
    assert played == [*SCENARIOS[1:], SCENARIOS[0]]


def test_an_entity_is_there_from_its_first_point_and_holds_its_last(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    seen = {}
    for t in (0.0, 0.9, 1.0, 3.0, 5.0, 8.0):
        run.step(t, 1e3, 1e3)
        seen[t] = [(actor.x_m, actor.speed_mps) for actor in run.actors]
    assert seen == {
        0.0: [],
        0.9: [],
        1.0: [(0.0, 10.0)],
        3.0: [(20.0, 10.0)],
        5.0: [(40.0, 0.0)],
        8.0: [(40.0, 0.0)],
    }
    run.step(10.0, 1e3, 1e3)
    assert run.actors == []
    assert run.over


def test_no_collision_is_lost_at_the_first_contact_and_won_without(tmp_path: Path) -> None:
    lost, won = run_of(tmp_path), run_of(tmp_path)
    for run in (lost, won):
        run.step(1.0, 1e3, 1e3)
    lost.count_contacts(1)
    lost.count_contacts(2)
    for run in (lost, won):
        run.step(10.0, 1e3, 1e3)
    assert (lost.outcome, lost.contacts) == (Outcome.LOST, 3)
    assert won.outcome is Outcome.WON


def test_a_position_that_is_not_reached_in_time_is_a_timeout_not_a_win(tmp_path: Path) -> None:
    target = {"type": "reach_position", "target": {"x": 10, "z": 0, "radius": 3}}
    late, there = (run_of(tmp_path, successCondition=target) for _ in range(2))
    there.step(4.0, *world_point(12.0, 0.0))
    there.step(10.0, 1e3, 1e3)
    late.step(10.0, 1e3, 1e3)
    assert (late.outcome, there.outcome) == (Outcome.TIMEOUT, Outcome.WON)


def test_contacts_do_not_lose_where_the_condition_is_another(tmp_path: Path) -> None:
    run = run_of(tmp_path, successCondition={"type": "survive_duration"})
    run.count_contacts(1)
    run.step(10.0, 0.0, 0.0)
    assert (run.outcome, run.contacts) == (Outcome.WON, 1)


@pytest.mark.parametrize(
    ("trigger", "fires_at_x"),
    [
        ({"type": "distance", "within": 10, "place": [0, 0]}, -10.0),
        ({"type": "position", "low": [-5, -5], "high": [5, 5]}, -5.0),
    ],
)
def test_a_wave_waits_for_the_player(trigger: dict[str, Any], fires_at_x: float, tmp_path: Path) -> None:
    run = run_of(tmp_path, waves=[{"id": "w", "trigger": trigger, "entities": ["car"]}])
    fired = None
    for k in range(100):
        x = -20.0 + 0.5 * k
        run.step(k * 0.05, x, 0.0)
        if fired is None and run.pose_at("car", 1e3 if k < 0 else k * 0.05 + 1.0) is not None:
            fired = x
    assert fired == fires_at_x
    assert len(run.actors) == 1


def test_a_timed_waves_clock_starts_when_it_fires(tmp_path: Path) -> None:
    wave = {"id": "w", "trigger": {"type": "time", "time": 2}, "entities": ["car"]}
    run = run_of(tmp_path, waves=[wave])
    assert [actor.x_m for actor in run.future(4.0)] == [10.0]
    run.step(4.0, 1e3, 1e3)
    assert [actor.x_m for actor in run.actors] == [10.0]


def test_the_future_is_what_will_be_and_does_not_move_the_present() -> None:
    run = ScenarioRun(load_scenario("rush-hour-intersection"))
    run.step(9.0, 1e3, 1e3)
    before = [(actor.x_m, actor.y_m) for actor in run.actors]
    future = {actor.actor_id: (actor.x_m, actor.y_m, actor.yaw_rad) for actor in run.future(12.5)}
    assert [(actor.x_m, actor.y_m) for actor in run.actors] == before
    run.step(12.5, 1e3, 1e3)
    assert {actor.actor_id: (actor.x_m, actor.y_m, actor.yaw_rad) for actor in run.actors} == future


def bezier(points: list[list[float]], duration: float) -> Entity:
    segment = {"type": "bezier", "points": points, "duration": duration}
    return Entity.model_validate(
        {
            "id": "e",
            "type": "vehicle",
            "color": "#000000",
            "dimensions": DIMENSIONS,
            "path": {"segments": [segment]},
        }
    )


coordinate = st.floats(-50.0, 50.0)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=4, max_size=4), st.floats(1.0, 20.0))
def test_a_bezier_goes_from_end_to_end_at_constant_speed(
    points: list[tuple[float, float]], duration: float
) -> None:
    motion = motion_of(bezier([list(p) for p in points], duration))
    places = [motion.at(duration * k / 400) for k in range(401)]
    assert None not in places
    xy = [(p[0], p[1]) for p in places if p is not None]
    for place, (x, z) in ((xy[0], points[0]), (xy[-1], points[3])):
        assert place == pytest.approx(world_point(x, z), abs=1e-6)
    steps = [math.dist(a, b) for a, b in pairwise(xy)]
    length = sum(steps)
    # Between two chords the parameter moves evenly: a step is off by the chord's own unevenness.
    if length > 20.0:
        assert max(steps[5:-5]) < 3.5 * length / 400


def test_a_bezier_heads_along_its_tangent() -> None:
    motion = motion_of(bezier([[0, 0], [0, -10], [10, -20], [20, -20]], 4.0))
    start, end = motion.at(0.0), motion.at(3.9999)
    assert start is not None
    assert end is not None
    assert start[2] == pytest.approx(0.0, abs=0.02)  # towards -z is +X
    assert end[2] == pytest.approx(math.pi / 2, abs=0.02)  # towards +x is +Y


def test_a_heading_turns_the_short_way_round(tmp_path: Path) -> None:
    points = [{"time": 0, "x": 0, "z": 0, "rotation": 3.0}, {"time": 2, "x": 0, "z": 1, "rotation": -3.0}]
    entity = {**file_of()["entities"][0], "trajectory": points}
    run = run_of(tmp_path, entities=[entity])
    run.step(1.0, 1e3, 1e3)
    assert abs(math.cos(run.actors[0].yaw_rad)) == pytest.approx(1.0, abs=1e-6)


def broken(path: str, value: Any) -> dict[str, Any]:
    """The test file with one thing changed, by a dotted path."""
    data = json.loads(json.dumps(file_of()))
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at: Any = data
    for part in parents:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return dict(data)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("duration", None, "duration"),
        ("duration", -1, "duration"),
        ("entities.0.type", "dragon", "type"),
        ("entities.0.color", "red", "color"),
        ("entities.0.trajectory.1.time", 0.5, "times must rise"),
        ("entities.0.trajectory", None, "trajectory or a path"),
        ("entities", [file_of()["entities"][0]] * 2, "used twice"),
        ("successCondition", {"type": "reach_position"}, "target"),
        ("successCondition", {"type": "win"}, "successCondition"),
        ("waves", [{"id": "w", "trigger": {"type": "time", "time": 1}, "entities": ["nobody"]}], "nobody"),
        ("waves", [{"id": "w", "trigger": {"type": "luck"}, "entities": ["car"]}], "trigger"),
        ("unknown", 1, "unknown"),
    ],
)
def test_a_broken_file_is_one_line_that_names_the_field(
    path: str, value: Any, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken(path, value)))
    with pytest.raises(ScenarioError, match=says) as caught:
        read_scenario(file)
    assert "\n" not in str(caught.value)


def test_text_that_is_not_json_and_an_unknown_id_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"id": NaN')
    with pytest.raises(ScenarioError, match="broken"):
        read_scenario(file)
    with pytest.raises(ScenarioError, match="cut-in"):
        load_scenario("cut-out")
