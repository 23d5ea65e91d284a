"""Who may drive into a crossing: reservations of connectors that do not get in each other's way.

A vehicle reserves its connector before the stop line and gives it back when its tail has left. Two
connectors conflict where they come closer than a car's width, unless they begin in the same lane
(then one follows the other). It is a conservative rule: nobody meets anybody inside a crossing.
"""

from itertools import pairwise

from world.streets.network import Lane, StreetNetwork

_APART_M = 3.0


class Reservations:
    """The connectors in use."""

    def __init__(self, network: StreetNetwork) -> None:
        self._lanes = network.lanes
        self._held: dict[int, dict[int, int]] = {}  # crossing -> holder -> connector
        self._conflicts: dict[tuple[int, int], bool] = {}

    def may_enter(self, holder: int, connector: int) -> bool:
        """Whether no other holder is in the way of a connector."""
        crossing = self._lanes[connector].from_crossing
        for other, used in self._held.get(crossing, {}).items():
            if other != holder and self.conflict(connector, used):
                return False
        return True

    def reserve(self, holder: int, connector: int) -> None:
        """Take a connector."""
        self._held.setdefault(self._lanes[connector].from_crossing, {})[holder] = connector

    def release(self, holder: int, crossing: int) -> None:
        """Give back what is held at a crossing."""
        self._held.get(crossing, {}).pop(holder, None)

    def holders(self, crossing: int) -> dict[int, int]:
        """Holder -> connector at a crossing."""
        return self._held.get(crossing, {})

    def conflict(self, one: int, other: int) -> bool:
        """Whether two connectors of a crossing get in each other's way."""
        key = (one, other) if one < other else (other, one)
        known = self._conflicts.get(key)
        if known is None:
            known = self._conflicts[key] = _conflict(self._lanes[one], self._lanes[other])
        return known


def _conflict(one: Lane, other: Lane) -> bool:
    if one.lane_id == other.lane_id or one.predecessors == other.predecessors:
        return False
    if one.successors == other.successors:
        return True
    points = other.points_m.tolist()
    # Straight connectors have their ends only: points in between decide.
    dense = [p for a, b in pairwise(points) for p in _between(a, b)]
    mine = one.points_m.tolist()
    return any(
        (x - u) * (x - u) + (y - v) * (y - v) < _APART_M * _APART_M
        for a, b in pairwise(mine)
        for x, y in _between(a, b)
        for u, v in dense
    )


def _between(a: list[float], b: list[float]) -> list[tuple[float, float]]:
    """Points at most 1 m apart from a to b."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    parts = max(1, int(abs(dx) + abs(dy)) + 1)
    return [(a[0] + dx * k / parts, a[1] + dy * k / parts) for k in range(parts + 1)]
