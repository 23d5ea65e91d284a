"""One background vehicle: where it is on its lanes, and how IDM changes its speed.

IDM (Treiber, Hennecke and Helbing 2000): a = a0 (1 - (v/v0)^4 - (s*/s)^2) with
s* = s0 + v T + v dv / (2 sqrt(a0 b)).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt

from world.actors import Actor
from world.streets.network import Command, Lane
from world.streets.shape import LaneShape
from world.traffic.rules import DriverTraits

Pose = tuple[float, float, float]

_GAINS_S = 3.0


@dataclass(slots=True, kw_only=True)
class Vehicle:
    """A vehicle; mutable, moved every tick.

    Attributes:
        actor: What others see of it.
        lanes: The lane under its centre and those that follow, at least two where the map goes on.
        along_m: Centre's distance along the first of them.
        speed_mps: Now.
        limit_share: Of the legal limit that it likes to drive.
        push_mps2: Acceleration now.
        holding: Crossings at which it has reserved its connector.
        stood_ticks: How long it has stood at a stop line.
        idle_ticks: How long it has not moved at all.
    """

    actor: Actor
    lanes: list[int]
    along_m: float
    speed_mps: float
    limit_share: float
    push_mps2: float = 0.0
    holding: list[int] = field(default_factory=list)
    stood_ticks: int = 0
    idle_ticks: int = 0

    @property
    def half_m(self) -> float:
        """Half of its length."""
        return 0.5 * self.actor.length_m


def idm(
    traits: DriverTraits, speed_mps: float, wanted_mps: float, gap_m: float | None, leader_mps: float
) -> float:
    """Acceleration of a follower, m/s2.

    Args:
        traits: The driver's parameters.
        speed_mps: Own speed.
        wanted_mps: Speed on a free road.
        gap_m: Bumper to bumper; None on a free road.
        leader_mps: Speed of the one ahead.
    """
    a0 = traits.acceleration_mps2
    ratio = speed_mps / wanted_mps if wanted_mps > 0.1 else 10.0
    free = 1.0 - ratio * ratio * ratio * ratio
    if gap_m is None:
        return max(a0 * free, -traits.hardest_mps2)
    approach = speed_mps * (speed_mps - leader_mps) / (2.0 * sqrt(a0 * traits.braking_mps2))
    wished = traits.gap_m + max(0.0, speed_mps * traits.headway_s + approach)
    near = wished / max(gap_m, 0.1)
    return min(a0, max(a0 * (free - near * near), -traits.hardest_mps2))


def wanted_speed(lanes: Sequence[Lane], vehicle: Vehicle, traits: DriverTraits) -> float:
    """The speed of a free road here: the limit, less before and in a turn."""
    lane = lanes[vehicle.lanes[0]]
    if lane.is_connector:
        return _turn_speed(lane, vehicle, traits)
    wanted = lane.speed_limit_mps * vehicle.limit_share
    if len(vehicle.lanes) > 1:
        turn = _turn_speed(lanes[vehicle.lanes[1]], vehicle, traits)
        room = max(0.0, lane.length_m - vehicle.along_m - vehicle.half_m)
        wanted = min(wanted, sqrt(turn * turn + 2.0 * 0.8 * traits.braking_mps2 * room))
    return wanted


def _turn_speed(connector: Lane, vehicle: Vehicle, traits: DriverTraits) -> float:
    if connector.turn is Command.LEFT:
        return traits.turn_left_mps
    if connector.turn is Command.RIGHT:
        return traits.turn_right_mps
    return connector.speed_limit_mps * vehicle.limit_share


def place_ahead(
    shapes: Sequence[LaneShape], lengths: Sequence[float], lanes: Sequence[int], along_m: float
) -> Pose:
    """X, Y and yaw at a distance along a chain of lanes; beyond its end the last one goes on."""
    for lane_id in lanes[:-1]:
        if along_m <= lengths[lane_id]:
            return shapes[lane_id].at(along_m)
        along_m -= lengths[lane_id]
    return shapes[lanes[-1]].at(along_m)


def distance_gone(vehicle: Vehicle, ahead_s: float) -> float:
    """How far it will have driven in some time: it brakes to a stop, or gains speed for 3 s."""
    v, a = vehicle.speed_mps, vehicle.push_mps2
    if a < -0.05:
        stops_s = v / -a
        t = min(ahead_s, stops_s)
        return v * t + 0.5 * a * t * t
    t = min(ahead_s, _GAINS_S)
    gained = 0.9 * max(a, 0.0)
    return v * ahead_s + 0.5 * gained * t * t + gained * t * (ahead_s - t)
