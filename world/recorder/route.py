"""A route through the generated city: crossings, turns, a smooth centre line of the right lane.

CARLA axes: X forward, Y right, yaw clockwise. Heading h in 0..3 points along +X, +Y, -X, -Y, so a
right turn is h + 1. Navigation commands come from here, never from keys.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from world.recorder.city import City

LEFT, RIGHT, STRAIGHT, FOLLOW_LANE = 1, 2, 3, 4
LANE_OFFSET_M = 1.75
COMMAND_WITHIN_M = 30.0
_STEP_M = 0.5
_CORNER_RADIUS_M = {LEFT: 9.0, RIGHT: 7.0}
_TURNS = {LEFT: -1, RIGHT: 1, STRAIGHT: 0}

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A densely sampled route.

    Attributes:
        points_m: `(N, 2)`, every 0.5 m.
        turn: `(N,) int8`, the command of the next crossing.
        to_crossing_m: `(N,)`, distance along the route to that crossing's centre.
        in_turn: `(N,) bool`, inside a corner.
    """

    points_m: Points
    turn: npt.NDArray[np.int8]
    to_crossing_m: npt.NDArray[np.float64]
    in_turn: npt.NDArray[np.bool_]

    def command(self, index: int) -> int:
        """The navigation command at a point: the next turn within 30 m of its crossing, else follow lane."""
        near = abs(float(self.to_crossing_m[index])) <= COMMAND_WITHIN_M
        return int(self.turn[index]) if near else FOLLOW_LANE


def make_route(city: City, seed: int, length_m: float) -> Route:
    """A random route of at least `length_m` metres."""
    rng = np.random.default_rng([seed, 2])
    heading = int(rng.integers(4))
    node = (int(rng.integers(-3, 4)), int(rng.integers(-3, 4)))
    start = _lane_point(city, node, heading)
    legs: list[tuple[Points, int, bool]] = []
    travelled = 0.0
    while travelled < length_m + 60.0:
        nxt = _ahead(node, heading)
        turn = int(rng.choice([LEFT, RIGHT, STRAIGHT], p=[0.35, 0.35, 0.3]))
        out = (heading + _TURNS[turn]) % 4
        corner = _corner(city, nxt, heading, out)
        radius = _CORNER_RADIUS_M.get(turn, 0.0)
        entry = corner - radius * _direction(heading)
        legs.append((_straight(start, entry), turn, False))
        if turn != STRAIGHT:
            leave = corner + radius * _direction(out)
            legs.append((_bezier(entry, corner, leave), turn, True))
            start = leave
        else:
            start = entry
        travelled += float(np.linalg.norm(entry - legs[-1][0][0])) + 2 * radius
        node, heading = nxt, out
    return _assemble(legs)


def _assemble(legs: list[tuple[Points, int, bool]]) -> Route:
    points = np.concatenate([leg for leg, _, _ in legs])
    turn = np.concatenate([np.full(len(leg), command, np.int8) for leg, command, _ in legs])
    in_turn = np.concatenate([np.full(len(leg), corner) for leg, _, corner in legs])
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    # The crossing lies in the middle of a corner, or at the end of a straight leg without one.
    centres, position = [], 0
    for number, (leg, command, corner) in enumerate(legs):
        end = position + len(leg) - 1
        if corner or command == STRAIGHT:
            centres.append((number, along[(position + end) // 2] if corner else along[end]))
        position = end + 1
    of_leg = np.concatenate([np.full(len(leg), number) for number, (leg, _, _) in enumerate(legs)])
    owners = np.array([number for number, _ in centres])
    where = np.array([distance for _, distance in centres])
    index = np.minimum(np.searchsorted(owners, of_leg), len(owners) - 1)
    return Route(points_m=points, turn=turn, to_crossing_m=where[index] - along, in_turn=in_turn)


def _direction(heading: int) -> Points:
    angle = heading * math.pi / 2
    return np.array([math.cos(angle), math.sin(angle)]).round(12)


def _right(heading: int) -> Points:
    return _direction((heading + 1) % 4)


def _ahead(node: tuple[int, int], heading: int) -> tuple[int, int]:
    step = _direction(heading)
    return node[0] + int(step[0]), node[1] + int(step[1])


def _lane_point(city: City, node: tuple[int, int], heading: int) -> Points:
    """A start just past a crossing, in the right lane."""
    centre = np.array(city.crossing_m(*node))
    return centre + LANE_OFFSET_M * _right(heading) + 12.0 * _direction(heading)


def _corner(city: City, node: tuple[int, int], heading: int, out: int) -> Points:
    """Where the lane that comes in meets the lane that goes out."""
    centre = np.array(city.crossing_m(*node))
    corner = centre + LANE_OFFSET_M * _right(heading)
    return corner if heading == out else corner + LANE_OFFSET_M * _right(out)


def _straight(start: Points, end: Points) -> Points:
    count = max(2, int(np.linalg.norm(end - start) / _STEP_M))
    return start + (end - start) * np.linspace(0, 1, count, endpoint=False)[:, None]


def _bezier(start: Points, corner: Points, end: Points) -> Points:
    length_m = float(np.linalg.norm(corner - start) + np.linalg.norm(end - corner)) * 0.81
    s = np.linspace(0, 1, max(3, int(length_m / _STEP_M)), endpoint=False)[:, None]
    curve: Points = (1 - s) ** 2 * start + 2 * s * (1 - s) * corner + s**2 * end
    return curve
