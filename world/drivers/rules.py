"""The rules of the road for a driver who keeps them: red lights, stop signs, right of way.

Tells where the car must stand, if it must; how to brake for that is the driver's business.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from world.actors import ActorKind
from world.streets.network import Control, Crossing, RoutePlan, StopLine
from world.traffic import LightState

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator

_BEFORE_LINE_M = 0.8
_TAIL_MARGIN_M = 1.3  # The tail counts from 0.8 half lengths behind the centre on.
_CAN_STOP_MPS2 = 3.8
_STANDING_MPS = 0.08
_STANDING_TICKS = 4
_GIVE_WAY_S = 25.0


@dataclass(slots=True, kw_only=True)
class _Gate:
    """A stop line on the route."""

    along_m: float
    line: StopLine
    crossing: Crossing
    standing_ticks: int = 0
    waited_ticks: int = 0
    passed: bool = False
    stops_at_yellow: bool | None = None


@dataclass(kw_only=True)
class RoadRules:
    """Watches the stop lines of one route.

    Attributes:
        front_m: From the car's centre to its front bumper.
    """

    front_m: float
    gates: list[_Gate] = field(default_factory=list)

    @classmethod
    def of(cls, sim: "Simulator") -> "RoadRules":
        """Find the stop lines of the simulator's route."""
        rules = cls(front_m=sim.limits.length_m / 2)
        by_lane = {
            line.lane_id: (line, crossing)
            for crossing in sim.town.network.crossings
            for line in crossing.stop_lines
        }
        for along_m, lane_id in _lane_ends(sim.plan):
            found = by_lane.get(lane_id)
            if found is not None:
                rules.gates.append(_Gate(along_m=along_m, line=found[0], crossing=found[1]))
        return rules

    def stop_at_m(self, sim: "Simulator") -> float:
        """Distance along the route at which the car's centre must stand; infinite where it need not."""
        for gate in self.gates:
            target_m = gate.along_m - self.front_m - _BEFORE_LINE_M
            if gate.passed or sim.track.along_m > gate.along_m - self.front_m + 1.0:
                gate.passed = True
                if self._tail_waits(sim, gate):
                    return gate.along_m + _TAIL_MARGIN_M
                continue
            if target_m - sim.track.along_m > 80.0:
                return math.inf
            if self._must_stop(sim, gate, target_m - sim.track.along_m):
                return target_m
        return math.inf

    def _tail_waits(self, sim: "Simulator", gate: _Gate) -> bool:
        """The light turned red while the car stood across its line: the tail must not follow."""
        room_m = gate.along_m + _TAIL_MARGIN_M - sim.track.along_m
        if room_m < 0.0 or gate.crossing.control is not Control.LIGHTS:
            return False
        red = sim.traffic.lights.state(gate.line.crossing, gate.line.phase) is LightState.RED
        return red and sim.car.speed_mps**2 <= 2.0 * _CAN_STOP_MPS2 * (room_m + 0.2)

    def _must_stop(self, sim: "Simulator", gate: _Gate, ahead_m: float) -> bool:
        if gate.crossing.control is Control.ALL_WAY_STOP:
            return self._must_stop_at_sign(sim, gate, ahead_m)
        if gate.crossing.control is Control.NONE:
            return False
        state = sim.traffic.lights.state(gate.line.crossing, gate.line.phase)
        if state is LightState.GREEN:
            gate.stops_at_yellow = None
            return False
        if gate.stops_at_yellow is None:
            # Decided once, when the light changes: a change of mind half-way ends on the line.
            speed = sim.car.speed_mps
            gate.stops_at_yellow = ahead_m > 0.0 and speed * speed <= 2.0 * _CAN_STOP_MPS2 * ahead_m
        return state is LightState.RED or gate.stops_at_yellow

    def _must_stop_at_sign(self, sim: "Simulator", gate: _Gate, ahead_m: float) -> bool:
        if ahead_m < 3.0 and abs(sim.car.speed_mps) < _STANDING_MPS:
            gate.standing_ticks += 1
        if gate.standing_ticks < _STANDING_TICKS:
            return True
        gate.waited_ticks += 1
        gate.passed = _is_free(sim, gate.crossing) or gate.waited_ticks * sim.dt_s > _GIVE_WAY_S
        return not gate.passed


def _lane_ends(plan: RoutePlan) -> list[tuple[float, int]]:
    """Where each lane of the route ends, and the lane."""
    changes = np.flatnonzero(plan.lane_id[1:] != plan.lane_id[:-1])
    return [(float(plan.along_m[k + 1]), int(plan.lane_id[k])) for k in changes]


def _is_free(sim: "Simulator", crossing: Crossing) -> bool:
    """Nobody moves inside the crossing, and nobody has taken his turn to."""
    return not sim.traffic.is_taken(crossing.crossing_id) and not any(
        actor.kind is ActorKind.VEHICLE
        and abs(actor.x_m - crossing.x_m) < crossing.half_x_m + 2.0
        and abs(actor.y_m - crossing.y_m) < crossing.half_y_m + 2.0
        and actor.speed_mps > 0.3
        for actor in sim.traffic.actors
    )
