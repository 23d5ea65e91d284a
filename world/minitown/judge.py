"""Turns the simulator's state into what the Leaderboard's criteria look at, tick by tick.

The geometry of red lights and stop signs is here (as in scenario_runner's RunningRedLightTest: the
tail's segment against the stop line; RunningStopTest: the zone before the line); the rules on what
counts are in `criteria`.
"""

from world import trig
from world.actors import Actor, ActorKind
from world.minitown.criteria import (
    Contact,
    CriteriaSet,
    DenseRoute,
    LanePosition,
    Observation,
    ScenarioTimeout,
    StopZone,
)
from world.minitown.criteria.observation import ContactKind
from world.minitown.simulator import Simulator
from world.scenario import Outcome
from world.streets.network import Control, StopLine
from world.traffic import LightState

_LIGHT_WITHIN_M = 30.0
_ZONE_BEFORE_M, _ZONE_AFTER_M = 4.0, 1.0
_LAYOUT_ID = 0
_LAYOUT_TYPE = "static.building"


class Judge:
    """Watches one simulator."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        plan = sim.plan
        self.criteria = CriteriaSet(
            DenseRoute.of(plan.points_m[:, 0].tolist(), plan.points_m[:, 1].tolist(), plan.yaw_rad.tolist()),
            speed_limit_mps=plan.speed_limit_mps.tolist(),
        )
        self._scenario_timeout = ScenarioTimeout()
        if sim.route.scenarios:
            self.criteria.add(self._scenario_timeout)
        self._seen = Observation.empty()
        self._observe()

    def tick(self) -> bool:
        """Judge the simulator's state now; True once the route is over."""
        self._observe()
        self.criteria.tick(self._seen)
        return self.criteria.ended

    def _observe(self) -> None:
        sim, seen = self._sim, self._seen
        car = sim.car
        seen.tick, seen.t_s = sim.tick, sim.t_s
        seen.x_m, seen.y_m, seen.yaw_rad = car.x_m, car.y_m, car.yaw_rad
        seen.speed_mps = abs(car.speed_mps)
        seen.background_speed_mps = sim.traffic.vehicle_speeds()
        seen.contacts = self._contacts()
        lane = sim.lane
        seen.lane = LanePosition(
            offset_m=lane.offset_m,
            lane_width_m=lane.lane_width_m,
            lane_yaw_rad=lane.lane_yaw_rad,
            in_junction=lane.in_junction,
            off_road=lane.off_road,
        )
        seen.red_light_crossed = seen.red_light_at_m = None
        seen.stop_sign = None
        if any(run.outcome is Outcome.TIMEOUT for run in sim.scenario_runs):
            self._scenario_timeout.run_out()
        for line in sim.town.stop_lines_near(car.x_m, car.y_m):
            if abs(line.x_m - car.x_m) < _LIGHT_WITHIN_M and abs(line.y_m - car.y_m) < _LIGHT_WITHIN_M:
                self._look_at(line)

    def _look_at(self, line: StopLine) -> None:
        sim, seen = self._sim, self._seen
        control = sim.town.network.crossings[line.crossing].control
        if control is Control.LIGHTS:
            if sim.traffic.lights.state(line.crossing, line.phase) is LightState.RED and _tail_crosses(
                sim, line
            ):
                seen.red_light_crossed, seen.red_light_at_m = line.lane_id, (line.x_m, line.y_m)
        elif control is Control.ALL_WAY_STOP and _in_zone(sim, line):
            seen.stop_sign = StopZone(stop_id=line.lane_id, x_m=line.x_m, y_m=line.y_m)

    def _contacts(self) -> list[Contact]:
        sim = self._sim
        found = [
            Contact(
                actor_id=actor.actor_id,
                type_id=actor.type_id,
                kind=_kind(actor),
                x_m=sim.car.x_m,
                y_m=sim.car.y_m,
            )
            for actor in sim.contacts.actors
        ]
        if sim.contacts.wall:
            found.append(
                Contact(
                    actor_id=_LAYOUT_ID, type_id=_LAYOUT_TYPE, kind="layout", x_m=sim.car.x_m, y_m=sim.car.y_m
                )
            )
        return found


def _kind(actor: Actor) -> ContactKind:
    if actor.kind in (ActorKind.VEHICLE, ActorKind.BICYCLE):
        return "vehicle"
    return "layout" if actor.kind is ActorKind.OBSTACLE else "pedestrian"


def _along_and_side(sim: Simulator, line: StopLine, ahead_m: float) -> tuple[float, float]:
    """Distance beyond the line and sideways of a point on the car's axis."""
    sin, cos = trig.sin_cos(sim.car.yaw_rad)
    dx = sim.car.x_m + ahead_m * cos - line.x_m
    dy = sim.car.y_m + ahead_m * sin - line.y_m
    line_sin, line_cos = trig.sin_cos(line.yaw_rad)
    return dx * line_cos + dy * line_sin, dy * line_cos - dx * line_sin


def _tail_crosses(sim: Simulator, line: StopLine) -> bool:
    """The segment from 80 % of the half length to 1 m behind the car crosses the stop line forwards."""
    half_m = sim.limits.length_m / 2
    near, near_side = _along_and_side(sim, line, -0.8 * half_m)
    far, far_side = _along_and_side(sim, line, -half_m - 1.0)
    if not (near > 0.0 >= far):
        return False
    share = near / (near - far)
    side = near_side + share * (far_side - near_side)
    return abs(side) <= 1.2 * line.half_width_m


def _in_zone(sim: Simulator, line: StopLine) -> bool:
    """The car's front is in the zone before a stop line, driving towards it."""
    ahead, side = _along_and_side(sim, line, sim.limits.length_m / 2)
    towards = trig.cos(sim.car.yaw_rad - line.yaw_rad) > 0.17
    return towards and -_ZONE_BEFORE_M <= ahead <= _ZONE_AFTER_M and abs(side) <= line.half_width_m
