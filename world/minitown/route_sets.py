"""How the shipped route sets were made; run as a module to write them anew.

`minitown-12`: twelve drives over the street grid, 400 to 900 m, at least two turns each, all three
kinds of turn, varied weather. `scenarios-11`: the road of the staged scenarios, once for each.
"""

import numpy as np

from world.axes import world_point
from world.minitown.routes import FOLDER, RouteSpec, ScenarioSpec, Weather, routes_xml
from world.scenario import load_scenario
from world.streets.network import Command, Lane, StreetNetwork
from world.streets.plan import plan_route

SCENARIOS = (
    "oncoming-traffic", "cut-in", "intersection", "obstacle-course", "follow-traffic", "heavy-traffic",
    "rush-hour-intersection", "highway-pileup", "school-zone", "construction-zone", "double-intersection",
)  # fmt: skip
ROUTES = 12
_LEGS = (4, 5, 6)
_MIN_M, _MAX_M, _MIN_TURNS = 400.0, 900.0, 2
_SCENARIO_END = (-229.41, -203.0)  # game x, z
_WEATHERS = (
    Weather(),
    Weather(sun_altitude_angle=70.0, cloudiness=20.0),
    Weather(sun_altitude_angle=12.0, cloudiness=40.0),
    Weather(fog_density=15.0, cloudiness=60.0, sun_altitude_angle=30.0),
    Weather(sun_altitude_angle=55.0, cloudiness=80.0),
    Weather(sun_altitude_angle=4.0, cloudiness=30.0),
)


def make_minitown_12(network: StreetNetwork, seed: int = 12) -> tuple[RouteSpec, ...]:
    """Twelve random drives that start in different parts of the city.

    Args:
        network: The streets.
        seed: Chooses them.
    """
    rng = np.random.default_rng([seed, 41])
    routes: list[RouteSpec] = []
    used: list[tuple[float, float]] = []
    while len(routes) < ROUTES:
        waypoints = _walk(network, rng, legs=_LEGS[len(routes) % len(_LEGS)])
        if waypoints is None or any(_near(waypoints[0], other) for other in used):
            continue
        plan = plan_route(network, waypoints)
        if not _MIN_M <= plan.length_m <= _MAX_M or plan.turns() < _MIN_TURNS:
            continue
        used.append(waypoints[0])
        number = len(routes)
        weather = _WEATHERS[number % len(_WEATHERS)]
        routes.append(RouteSpec(route_id=str(number), waypoints_m=waypoints, weather=weather))
    return tuple(routes)


def make_scenarios_11() -> tuple[RouteSpec, ...]:
    """The staged scenarios' road, once for each of them."""
    routes = []
    for number, name in enumerate(SCENARIOS):
        player = load_scenario(name).player
        start = (player.x_m, player.y_m)
        spec = ScenarioSpec(name=name, x_m=player.x_m, y_m=player.y_m, yaw_rad=player.yaw_rad)
        waypoints = (start, world_point(*_SCENARIO_END))
        routes.append(RouteSpec(route_id=str(number), waypoints_m=waypoints, scenarios=(spec,)))
    return tuple(routes)


def _walk(
    network: StreetNetwork, rng: np.random.Generator, *, legs: int
) -> tuple[tuple[float, float], ...] | None:
    """Middles of lanes on a random walk, or None where it leaves the map."""
    inner = [lane for lane in network.lanes if not lane.is_connector and min(_ends(lane)) >= 0]
    lane = inner[int(rng.integers(len(inner)))]
    waypoints = [_middle(lane)]
    for _ in range(legs):
        turns = [network.lanes[number] for number in lane.successors]
        onward = [turn for turn in turns if network.lanes[turn.successors[0]].to_crossing >= 0]
        if not onward:
            return None
        # Straight on half as often, so that there is something to do.
        weights = np.array([0.5 if turn.turn is Command.STRAIGHT else 1.0 for turn in onward])
        chosen = int(np.searchsorted(np.cumsum(weights / weights.sum()), float(rng.random())))
        lane = network.lanes[onward[min(chosen, len(onward) - 1)].successors[0]]
        waypoints.append(_middle(lane))
    return tuple(waypoints)


def _ends(lane: Lane) -> tuple[int, int]:
    return lane.from_crossing, lane.to_crossing


def _middle(lane: Lane) -> tuple[float, float]:
    x_m, y_m = ((lane.points_m[0] + lane.points_m[-1]) / 2).tolist()
    return round(x_m, 2), round(y_m, 2)


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < 250.0 and abs(one[1] - other[1]) < 250.0


def write_route_sets() -> None:
    """Write the shipped files."""
    from world.city.load import load_city
    from world.streets.build import build_network

    FOLDER.mkdir(parents=True, exist_ok=True)
    network = build_network(load_city())
    (FOLDER / "minitown-12.xml").write_text(routes_xml(make_minitown_12(network)))
    (FOLDER / "scenarios-11.xml").write_text(routes_xml(make_scenarios_11()))


if __name__ == "__main__":
    write_route_sets()
