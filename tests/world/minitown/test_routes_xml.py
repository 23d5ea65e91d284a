"""Routes XML: the Leaderboard's format read and written, the shipped sets, bad files."""

import math
from pathlib import Path

import pytest

from world.minitown.route_sets import SCENARIOS, make_minitown_12, make_scenarios_11
from world.minitown.routes import load_route_set, read_routes, route_sets, routes_xml
from world.minitown.routes_errors import RoutesFileError
from world.minitown.runner import check_routes
from world.minitown.town import Town, load_town
from world.streets.network import Command
from world.streets.plan import plan_route

UPSTREAM = """<routes>
  <route id="7" town="minitown">
    <weathers>
      <weather route_percentage="0" cloudiness="5.0" fog_density="20.0" sun_altitude_angle="15"/>
      <weather route_percentage="100" cloudiness="50.0"/>
    </weathers>
    <waypoints>
      <position x="533.0" y="-229.41" z="0.0"/>
      <position x="203.0" y="-229.41" z="0.0"/>
    </waypoints>
    <scenarios>
      <scenario name="cut-in" type="MinitownScenario">
        <trigger_point x="533.0" y="-229.41" z="0.0" yaw="180.0"/>
        <other_parameter value="3"/>
      </scenario>
    </scenarios>
  </route>
  <route id="9" town="minitown"><waypoints><position x="1" y="2"/><position x="3" y="4"/></waypoints></route>
</routes>"""


@pytest.fixture(scope="module")
def town() -> Town:
    return load_town()


def written(folder: Path, text: str) -> Path:
    path = folder / "routes.xml"
    path.write_text(text)
    return path


def test_a_leaderboard_file_is_read_with_weather_and_scenarios(tmp_path: Path) -> None:
    first, second = read_routes(written(tmp_path, UPSTREAM))
    assert (first.route_id, second.route_id) == ("7", "9")
    assert first.weather.fog_density == 20.0
    assert first.waypoints_m == ((533.0, -229.41), (203.0, -229.41))
    (scenario,) = first.scenarios
    assert (scenario.name, scenario.x_m, scenario.yaw_rad) == ("cut-in", 533.0, math.pi)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    routes = read_routes(written(tmp_path, UPSTREAM))
    assert read_routes(written(tmp_path, routes_xml(routes))) == routes


def test_the_shipped_files_are_what_the_functions_make(town: Town) -> None:
    made = {"minitown-12": make_minitown_12(town.network), "scenarios-11": make_scenarios_11()}
    for name, path in route_sets().items():
        assert path.read_text() == routes_xml(made[name])


def test_minitown_12_has_twelve_long_routes_with_turns(town: Town) -> None:
    routes = load_route_set("minitown-12").routes
    assert len(routes) == 12
    turned = set()
    for route in routes:
        plan = plan_route(town.network, route.waypoints_m, in_building=town.walls.contains)
        assert plan.length_m >= 200.0
        assert plan.turns() >= 2
        turned |= set(plan.command.tolist())
    assert turned == {int(command) for command in Command}


def test_scenarios_11_has_each_scenario_once() -> None:
    routes = load_route_set("scenarios-11").routes
    assert [route.scenarios[0].name for route in routes] == list(SCENARIOS)


def test_a_subset_takes_ids_in_file_order() -> None:
    chosen = load_route_set("minitown-12", subset="7,0-2").routes
    assert [route.route_id for route in chosen] == ["0", "1", "2", "7"]


def test_the_hash_of_a_route_set_is_that_of_what_is_driven() -> None:
    whole = load_route_set("minitown-12")
    assert whole.content_hash == load_route_set(str(route_sets()["minitown-12"])).content_hash
    assert whole.content_hash != load_route_set("minitown-12", subset="0").content_hash


BAD = {
    "not XML": ("<routes><route", "well-formed"),
    "no routes": ("<routes/>", "no <route>"),
    "no id": (UPSTREAM.replace('id="7" ', ""), "no id"),
    "an id twice": (UPSTREAM.replace('id="9"', 'id="7"'), "route 7.*twice"),
    "one position": (UPSTREAM.replace('<position x="1" y="2"/>', ""), "route 9.*minimum 2"),
    "no y": (UPSTREAM.replace('<position x="1" y="2"/>', '<position x="1"/>'), "position 0 has no y"),
    "not a number": (UPSTREAM.replace('x="1" y="2"', 'x="one" y="2"'), "'one', not a number"),
    "NaN": (UPSTREAM.replace('x="1" y="2"', 'x="nan" y="2"'), "finite"),
    "no trigger": (UPSTREAM.replace("trigger_point", "somewhere"), "no trigger_point"),
    "another town": (UPSTREAM.replace('id="9" town="minitown"', 'id="9" town="Town12"'), "Town12"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line_that_names_file_and_route(case: str, tmp_path: Path) -> None:
    text, says = BAD[case]
    with pytest.raises(RoutesFileError, match=says) as caught:
        load_route_set(str(written(tmp_path, text)))
    assert "routes.xml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_sets_and_subsets_are_refused() -> None:
    with pytest.raises(RoutesFileError, match="minitown-12, scenarios-11"):
        load_route_set("minitown-13")
    for subset in ("99", "a-b", "3-"):
        with pytest.raises(RoutesFileError, match="subset"):
            load_route_set("minitown-12", subset=subset)


def route_text(*points: tuple[float, float]) -> str:
    positions = "".join(f'<position x="{x}" y="{y}" z="0"/>' for x, y in points)
    return f'<routes><route id="3" town="minitown"><waypoints>{positions}</waypoints></route></routes>'


def test_routes_that_cannot_be_driven_are_refused_before_anything_runs(town: Town, tmp_path: Path) -> None:
    inside = town.city.buildings[50].outline_m.mean(axis=0).tolist()
    start = (533.0, -229.41)
    for points, says in (
        ((start, (inside[0], inside[1])), "in a building|nearest lane"),
        ((start, start), "length"),
        # The walls repeat beyond the map, its lanes do not.
        ((start, (start[0] + 20 * town.city.tile_m[0], start[1])), "nearest lane"),
    ):
        route_set = load_route_set(str(written(tmp_path, route_text(*points))))
        with pytest.raises(RoutesFileError, match=says) as caught:
            check_routes(route_set)
        assert "route 3" in str(caught.value)
