"""Leaderboard routes XML: read, checked, written; and the two route sets that ship.

The format is CARLA Leaderboard 2's: routes/route[id, town] with weathers, waypoints and scenarios.
Positions are metres in CARLA's axes, yaw in degrees. Minitown drives routes of town `minitown`.

    python -m world.minitown.route_sets      writes the shipped files anew
"""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from world.minitown.routes_errors import RoutesFileError

TOWN = "minitown"
FOLDER = Path(__file__).parents[1] / "data" / "routes"


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What the camera uses of a CARLA weather.

    Attributes:
        fog_density: 0 to 100.
        sun_altitude_angle: Degrees; below 0 is night.
        cloudiness: 0 to 100.
        precipitation: 0 to 100.
    """

    fog_density: float = 0.0
    sun_altitude_angle: float = 45.0
    cloudiness: float = 0.0
    precipitation: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ScenarioSpec:
    """A scenario on a route, started when the car reaches its trigger point.

    Attributes:
        name: Id of a minitown scenario.
        type: The Leaderboard's scenario type.
        x_m: Trigger point.
        y_m: Trigger point.
        yaw_rad: Heading there.
    """

    name: str
    type: str = "MinitownScenario"
    x_m: float
    y_m: float
    yaw_rad: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RouteSpec:
    """One route of a file.

    Attributes:
        route_id: Its id.
        town: Map name.
        waypoints_m: Sparse points in driving order.
        scenarios: In file order.
        weather: At the route's start.
    """

    route_id: str
    town: str = TOWN
    waypoints_m: tuple[tuple[float, float], ...]
    scenarios: tuple[ScenarioSpec, ...] = ()
    weather: Weather = field(default_factory=Weather)


@dataclass(frozen=True, kw_only=True)
class RouteSet:
    """Routes that belong together.

    Attributes:
        name: `minitown-12`, or the file's name.
        routes: In file order.
        content_hash: SHA-256 of what is driven, first 16 hex digits.
        source: The file, for messages.
    """

    name: str
    routes: tuple[RouteSpec, ...]
    content_hash: str
    source: str


def route_sets() -> dict[str, Path]:
    """Name and file of each shipped route set."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.xml"))}


def load_route_set(name_or_path: str, *, subset: str | None = None) -> RouteSet:
    """A shipped route set by name, or a routes XML file.

    Args:
        name_or_path: `minitown-12`, `scenarios-11`, or a path.
        subset: Only these ids, such as `0-4,7`.

    Raises:
        RoutesFileError: For an unknown name or a file that cannot be driven.
    """
    known = route_sets()
    path = known.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise RoutesFileError(name_or_path, f"no such route set or file; shipped are {', '.join(known)}")
    routes = read_routes(path, subset)
    for route in routes:
        if route.town != TOWN:
            raise RoutesFileError(
                path.name, f"town is {route.town!r}; minitown drives {TOWN!r}", route.route_id
            )
    digest = hashlib.sha256(routes_xml(routes).encode()).hexdigest()[:16]
    return RouteSet(name=path.stem, routes=routes, content_hash=digest, source=path.name)


def read_routes(path: Path, subset: str | None = None) -> tuple[RouteSpec, ...]:
    """Read a routes XML file.

    Args:
        path: The file.
        subset: Only these ids, in file order; None reads all.

    Raises:
        RoutesFileError: Naming file, route and element.
    """
    try:
        root = ET.fromstring(path.read_text())  # noqa: S314 -- the user's own file; no entities are resolved
    except ET.ParseError as error:
        raise RoutesFileError(path.name, f"not well-formed XML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RoutesFileError(path.name, f"cannot be read: {error}") from error
    routes: list[RouteSpec] = []
    for element in root.iter("route"):
        route = _Reader(path.name, element).route()
        if any(other.route_id == route.route_id for other in routes):
            raise RoutesFileError(path.name, "its id is used twice", route.route_id)
        routes.append(route)
    if not routes:
        raise RoutesFileError(path.name, "has no <route>; expected <routes><route id=... town=...>")
    return _chosen(path.name, routes, subset)


def routes_xml(routes: Iterable[RouteSpec]) -> str:
    """Routes as a Leaderboard XML document."""
    root = ET.Element("routes")
    for route in routes:
        element = ET.SubElement(root, "route", id=route.route_id, town=route.town)
        weathers = ET.SubElement(element, "weathers")
        ET.SubElement(
            weathers,
            "weather",
            route_percentage="0",
            cloudiness=_number(route.weather.cloudiness),
            precipitation=_number(route.weather.precipitation),
            sun_altitude_angle=_number(route.weather.sun_altitude_angle),
            fog_density=_number(route.weather.fog_density),
        )
        waypoints = ET.SubElement(element, "waypoints")
        for x_m, y_m in route.waypoints_m:
            ET.SubElement(waypoints, "position", x=_number(x_m), y=_number(y_m), z="0.0")
        scenarios = ET.SubElement(element, "scenarios")
        for scenario in route.scenarios:
            staged = ET.SubElement(scenarios, "scenario", name=scenario.name, type=scenario.type)
            ET.SubElement(
                staged,
                "trigger_point",
                x=_number(scenario.x_m),
                y=_number(scenario.y_m),
                z="0.0",
                yaw=_number(math.degrees(scenario.yaw_rad)),
            )
    ET.indent(root, "  ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _number(value: float) -> str:
    return repr(round(float(value), 3))


def _chosen(source: str, routes: list[RouteSpec], subset: str | None) -> tuple[RouteSpec, ...]:
    if subset is None:
        return tuple(routes)
    wanted: set[str] = set()
    for part in subset.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise RoutesFileError(source, f"routes subset {subset!r}: write ids such as 0-4,7")
        wanted |= {str(number) for number in range(int(first), int(last or first) + 1)}
    chosen = tuple(route for route in routes if route.route_id in wanted)
    if not chosen:
        ids = ", ".join(route.route_id for route in routes[:20])
        raise RoutesFileError(source, f"routes subset {subset!r} names none of its ids ({ids})")
    return chosen


class _Reader:
    """Reads one <route>."""

    def __init__(self, source: str, element: ET.Element) -> None:
        self._source, self._element = source, element
        self._id = element.get("id", "").strip()
        if not self._id:
            raise RoutesFileError(source, "a <route> has no id")

    def route(self) -> RouteSpec:
        """The route."""
        waypoints = [
            (self._attribute(position, "x", where), self._attribute(position, "y", where))
            for number, position in enumerate(self._element.findall("waypoints/position"))
            for where in [f"waypoints/position {number}"]
        ]
        if len(waypoints) < 2:
            raise self._error(f"waypoints has {len(waypoints)} positions (minimum 2)")
        scenarios = [
            self._scenario(number, element)
            for number, element in enumerate(self._element.findall("scenarios/scenario"))
        ]
        return RouteSpec(
            route_id=self._id,
            town=self._element.get("town", ""),
            waypoints_m=tuple(waypoints),
            scenarios=tuple(scenarios),
            weather=self._weather(),
        )

    def _scenario(self, number: int, element: ET.Element) -> ScenarioSpec:
        where = f"scenarios/scenario {number}"
        name, kind = element.get("name"), element.get("type")
        if not name or not kind:
            raise self._error(f"{where} lacks its name or type")
        point = element.find("trigger_point")
        if point is None:
            raise self._error(f"{where} has no trigger_point")
        where += "/trigger_point"
        return ScenarioSpec(
            name=name,
            type=kind,
            x_m=self._attribute(point, "x", where),
            y_m=self._attribute(point, "y", where),
            yaw_rad=math.radians(self._attribute(point, "yaw", where)),
        )

    def _weather(self) -> Weather:
        weather = self._element.find("weathers/weather")
        if weather is None:
            return Weather()
        names = ("fog_density", "sun_altitude_angle", "cloudiness", "precipitation")
        given = {name: self._attribute(weather, name, "weather") for name in names if name in weather.attrib}
        return Weather(**given)

    def _attribute(self, element: ET.Element, name: str, where: str) -> float:
        text = element.get(name)
        if text is None:
            raise self._error(f"{where} has no {name}")
        try:
            value = float(text)
        except ValueError:
            raise self._error(f"{where}: {name} is {text!r}, not a number") from None
        if not math.isfinite(value):
            raise self._error(f"{where}: {name} is {text}; it must be finite")
        return value

    def _error(self, problem: str) -> RoutesFileError:
        return RoutesFileError(self._source, problem, self._id)
