"""The street network as OpenDRIVE 1.4, for `carla.Map` and any other reader of it.

A street part between two crossings is a road with two driving lanes and, where there is room,
shoulders; a connector through a crossing is a road of its own in the crossing's junction, its lane
centred on the connector's curve. OpenDRIVE's Y points left of CARLA's: y = -Y, heading = -yaw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from world.city.model import City, Street
from world.streets.network import Lane, StreetNetwork
from world.streets.shape import HEADINGS_RAD, LaneShape, heading_of

LATITUDE_DEG, LONGITUDE_DEG = 40.75, -73.98
_FIRST_JUNCTION, _FIRST_CONNECTING = 100_000, 10_000
_SHOULDER_FROM_M = 0.05


@dataclass(frozen=True, kw_only=True)
class _Road:
    """A street part: its two lanes, the one along the axis first."""

    road_id: int
    street: Street
    low_m: float
    high_m: float
    along: Lane
    against: Lane


def export_opendrive(network: StreetNetwork, city: City, name: str = "minitown") -> str:
    """The network as an OpenDRIVE document.

    Args:
        network: Lanes and crossings.
        city: The corridors that the lanes lie in.
        name: Map name.
    """
    root = ET.Element("OpenDRIVE")
    header = ET.SubElement(
        root, "header", revMajor="1", revMinor="4", name=name, version="1", date="2026-01-01T00:00:00",
        north=_n(city.width_m / 2), south=_n(-city.width_m / 2),
        east=_n(city.depth_m / 2), west=_n(-city.depth_m / 2),
    )  # fmt: skip
    ET.SubElement(
        header, "geoReference"
    ).text = (
        f"+proj=tmerc +lat_0={LATITUDE_DEG} +lon_0={LONGITUDE_DEG} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m"
    )
    roads = _roads(network, city)
    place = _places(roads)
    for road in roads:
        _add_road(root, road)
    for lane in network.lanes:
        if lane.is_connector:
            _add_connector(root, lane, place)
    _add_junctions(root, network, place)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def export_opendrive_file(path: Path, city_path: Path | None = None) -> None:
    """Write the OpenDRIVE file of a city; None is the shipped one."""
    from world.city.load import load_city
    from world.streets.build import build_network

    city = load_city(city_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(export_opendrive(build_network(city), city))


def _roads(network: StreetNetwork, city: City) -> list[_Road]:
    """Pairs of lanes that share a street part."""
    parts: dict[tuple[int, float, float], dict[bool, Lane]] = {}
    for lane in network.lanes:
        if lane.is_connector:
            continue
        heading = heading_of(lane.yaw_rad)
        ends = sorted(lane.points_m[[0, -1], heading & 1].tolist())
        parts.setdefault((lane.street, round(ends[0], 3), round(ends[1], 3)), {})[heading < 2] = lane
    return [
        _Road(
            road_id=number,
            street=city.streets[street],
            low_m=low,
            high_m=high,
            along=lanes[True],
            against=lanes[False],
        )
        for number, ((street, low, high), lanes) in enumerate(sorted(parts.items()), start=1)
    ]


def _places(roads: Sequence[_Road]) -> dict[int, tuple[int, int]]:
    """Lane of the network -> road and OpenDRIVE lane."""
    places = {road.along.lane_id: (road.road_id, -1) for road in roads}
    return places | {road.against.lane_id: (road.road_id, 1) for road in roads}


def _add_road(root: ET.Element, road: _Road) -> None:
    length_m = road.high_m - road.low_m
    element = ET.SubElement(root, "road", name="", length=_n(length_m), id=str(road.road_id), junction="-1")
    link = ET.SubElement(element, "link")
    for tag, crossing in (("predecessor", road.along.from_crossing), ("successor", road.along.to_crossing)):
        if crossing >= 0:
            ET.SubElement(link, tag, elementType="junction", elementId=str(_FIRST_JUNCTION + crossing))
    _add_type(element, road.along.speed_limit_mps)
    x_m, y_m, yaw = (
        (road.low_m, road.street.centre_m, 0.0)
        if road.street.direction == "x"
        else (road.street.centre_m, road.low_m, math.pi / 2)
    )
    plan = ET.SubElement(element, "planView")
    line = ET.SubElement(plan, "geometry", s="0", x=_n(x_m), y=_n(-y_m), hdg=_n(-yaw), length=_n(length_m))
    ET.SubElement(line, "line")
    lanes = ET.SubElement(element, "lanes")
    section = ET.SubElement(lanes, "laneSection", s="0")
    shoulder_m = road.street.width_m / 2 - road.along.width_m
    _add_side(section, "left", road.against.width_m, shoulder_m)
    _add_centre(section)
    _add_side(section, "right", road.along.width_m, shoulder_m)


def _add_side(section: ET.Element, side: str, width_m: float, shoulder_m: float) -> None:
    sign = 1 if side == "left" else -1
    parts = [(sign, "driving", width_m)]
    if shoulder_m > _SHOULDER_FROM_M:
        parts.append((2 * sign, "shoulder", shoulder_m))
    group = ET.SubElement(section, side)
    # Lanes are listed from left to right.
    for number, kind, width in reversed(parts) if sign > 0 else parts:
        _add_lane(group, number, kind, width)


def _add_lane(
    group: ET.Element, number: int, kind: str, width_m: float, links: tuple[int, int] | None = None
) -> None:
    lane = ET.SubElement(group, "lane", id=str(number), type=kind, level="false")
    link = ET.SubElement(lane, "link")
    if links is not None:
        ET.SubElement(link, "predecessor", id=str(links[0]))
        ET.SubElement(link, "successor", id=str(links[1]))
    ET.SubElement(lane, "width", sOffset="0", a=_n(width_m), b="0", c="0", d="0")


def _add_centre(section: ET.Element) -> None:
    centre = ET.SubElement(section, "center")
    lane = ET.SubElement(centre, "lane", id="0", type="none", level="false")
    ET.SubElement(
        lane, "roadMark", sOffset="0", type="broken", weight="standard", color="yellow", width="0.24"
    )


def _add_connector(root: ET.Element, lane: Lane, place: dict[int, tuple[int, int]]) -> None:
    """A road of one lane whose centre is the connector's curve."""
    shape = LaneShape.of(lane)
    (road_in, lane_in), (road_out, lane_out) = place[lane.predecessors[0]], place[lane.successors[0]]
    element = ET.SubElement(
        root,
        "road",
        name="",
        length=_n(shape.length_m),
        id=str(_FIRST_CONNECTING + lane.lane_id),
        junction=str(_FIRST_JUNCTION + lane.from_crossing),
    )
    link = ET.SubElement(element, "link")
    # Lane -1 is left at its road's end and entered at its start; lane 1 the other way round.
    for tag, road, contact in (
        ("predecessor", road_in, "end" if lane_in < 0 else "start"),
        ("successor", road_out, "start" if lane_out < 0 else "end"),
    ):
        ET.SubElement(link, tag, elementType="road", elementId=str(road), contactPoint=contact)
    _add_type(element, lane.speed_limit_mps)
    plan = ET.SubElement(element, "planView")
    for s, length_m, curvature in _pieces(shape):
        x_m, y_m, yaw = shape.at(s)
        if curvature == 0.0 and s == 0.0:
            yaw = HEADINGS_RAD[shape.heading]
        geometry = ET.SubElement(
            plan, "geometry", s=_n(s), x=_n(x_m), y=_n(-y_m), hdg=_n(-yaw), length=_n(length_m)
        )
        if curvature:
            ET.SubElement(geometry, "arc", curvature=_n(-curvature))
        else:
            ET.SubElement(geometry, "line")
    lanes = ET.SubElement(element, "lanes")
    ET.SubElement(lanes, "laneOffset", s="0", a=_n(lane.width_m / 2), b="0", c="0", d="0")
    section = ET.SubElement(lanes, "laneSection", s="0")
    _add_centre(section)
    _add_lane(ET.SubElement(section, "right"), -1, "driving", lane.width_m, (lane_in, lane_out))


def _pieces(shape: LaneShape) -> list[tuple[float, float, float]]:
    """Start, length and clockwise curvature of each straight and arc that has a length."""
    if not shape.bend:
        return [(0.0, shape.length_m, 0.0)]
    pieces = [
        (0.0, shape.lead_in_m, 0.0),
        (shape.lead_in_m, shape.arc_m, shape.bend / shape.radius_m),
        (shape.lead_in_m + shape.arc_m, shape.lead_out_m, 0.0),
    ]
    return [piece for piece in pieces if piece[1] > 1e-6]


def _add_junctions(root: ET.Element, network: StreetNetwork, place: dict[int, tuple[int, int]]) -> None:
    connectors: dict[int, list[Lane]] = {}
    for lane in network.lanes:
        if lane.is_connector:
            connectors.setdefault(lane.from_crossing, []).append(lane)
    for crossing, lanes in sorted(connectors.items()):
        junction = ET.SubElement(root, "junction", id=str(_FIRST_JUNCTION + crossing), name="")
        for number, lane in enumerate(lanes):
            road_in, lane_in = place[lane.predecessors[0]]
            connection = ET.SubElement(
                junction,
                "connection",
                id=str(number),
                incomingRoad=str(road_in),
                connectingRoad=str(_FIRST_CONNECTING + lane.lane_id),
                contactPoint="start",
            )
            ET.SubElement(connection, "laneLink", {"from": str(lane_in), "to": "-1"})


def _add_type(element: ET.Element, limit_mps: float) -> None:
    kind = ET.SubElement(element, "type", s="0", type="town")
    ET.SubElement(kind, "speed", max=_n(limit_mps), unit="m/s")


def _n(value: float) -> str:
    return repr(round(float(value), 9))
