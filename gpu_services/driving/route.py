"""Where on its plan the agent is, and which command holds there; from GNSS alone, as in CARLA.

The Leaderboard gives an agent its plan thinned to the points where the command changes. Positions
are compared in metres around the plan's first point, which needs no knowledge of the map's origin.
"""

import math
from collections.abc import Sequence
from typing import Any

EARTH_RADIUS_M = 6_378_137.0
REACHED_M, ASIDE_M = 2.0, 8.0
FOLLOW_LANE = 4
_LANE_CHANGES = (5, 6)


class RouteFollower:
    """Keeps the place on a thinned plan."""

    def __init__(self, plan: Sequence[tuple[dict[str, float], Any]]) -> None:
        """Take the plan.

        Args:
            plan: `_global_plan`: GPS point and RoadOption.
        """
        self._origin = (plan[0][0]["lat"], plan[0][0]["lon"])
        self._points = [self._metres(point["lat"], point["lon"]) for point, _ in plan]
        self._commands = [int(getattr(option, "value", option)) for _, option in plan]
        self._place = 0

    def command(self, latitude_deg: float, longitude_deg: float) -> int:
        """The command at a position: 1 left, 2 right, 3 straight, 4 follow; lane changes follow."""
        x_m, y_m = self._metres(latitude_deg, longitude_deg)
        while self._place + 2 < len(self._points) and self._passed(self._place + 1, x_m, y_m):
            self._place += 1
        command = self._commands[self._place]
        return FOLLOW_LANE if command in _LANE_CHANGES or not 1 <= command <= FOLLOW_LANE else command

    def _passed(self, place: int, x_m: float, y_m: float) -> bool:
        """The point is near, or lies behind: nearer to the next one than the point itself is."""
        (ax, ay), (bx, by) = self._points[place], self._points[place + 1]
        if math.hypot(ax - x_m, ay - y_m) < REACHED_M:
            return True
        leg_m2 = (bx - ax) ** 2 + (by - ay) ** 2
        along = (x_m - ax) * (bx - ax) + (y_m - ay) * (by - ay)
        aside = abs((x_m - ax) * (by - ay) - (y_m - ay) * (bx - ax)) / math.sqrt(max(leg_m2, 1e-6))
        return along > 0.0 and aside < ASIDE_M

    def _metres(self, latitude_deg: float, longitude_deg: float) -> tuple[float, float]:
        east = math.radians(longitude_deg - self._origin[1]) * math.cos(math.radians(self._origin[0]))
        return EARTH_RADIUS_M * east, EARTH_RADIUS_M * math.radians(latitude_deg - self._origin[0])
