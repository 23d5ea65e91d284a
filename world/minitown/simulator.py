"""One route's world: the ego car, traffic, lights, scenario and walls, stepped on the simulation clock.

A tick is 0.05 s (20 Hz); the car's physics runs inside it at 120 Hz. No wall clock, no shared
state, no judgement: the same seed and controls give the same bits on every machine. Criteria look
at the simulator from outside (`judge`), cameras through `actors` and `light_views`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from world import trig
from world.actors import Actor
from world.camera.views import LightView
from world.collision import Box, ClearanceGate, ContactTracker, half_diagonal, resolve_box
from world.minitown.progress import RouteTracker
from world.minitown.routes import RouteSpec
from world.minitown.town import Town
from world.physics import CarControls, CarLimits, CarState, car_limits, step_car, stop_against
from world.scenario import ScenarioRun, load_scenario
from world.streets.network import RoutePlan
from world.streets.plan import plan_route
from world.traffic import EgoView, Traffic

TICK_S = 0.05
PHYSICS_HZ = 120
VEHICLES, PEDESTRIANS = 20, 10
_SCENARIO_FIRST_ID, _TRAFFIC_FIRST_ID = 1000, 100
_SCENARIO_TRIGGER_M = 5.0
_LIGHTS_WITHIN_M = 90.0


@dataclass(slots=True, kw_only=True)
class Contacts:
    """What the car newly touched in a tick.

    Attributes:
        actors: Actors whose contact began.
        wall: It ran into a building.
    """

    actors: list[Actor]
    wall: bool


class Simulator:
    """The world of one route."""

    def __init__(
        self,
        town: Town,
        route: RouteSpec,
        *,
        seed: int = 0,
        vehicles: int = VEHICLES,
        pedestrians: int = PEDESTRIANS,
        plan: RoutePlan | None = None,
        dt_s: float = TICK_S,
    ) -> None:
        """Place everything at the route's start.

        Args:
            town: The town.
            route: Route to be driven; its scenarios start when the car reaches their trigger point.
            seed: Chooses the traffic.
            vehicles: Background vehicles; none on routes with scenarios, which bring their own.
            pedestrians: Background pedestrians; none on routes with scenarios.
            plan: The dense route, where the caller has it already.
            dt_s: Length of a tick; a whole number of 120 Hz steps.

        Raises:
            RouteError: For a route that cannot be driven.
            ScenarioError: For an unknown or malformed scenario.
        """
        self.town, self.route, self.seed, self.dt_s = town, route, seed, dt_s
        self.plan = plan if plan is not None else plan_route(town.network, route.waypoints_m)
        self.limits: CarLimits = car_limits()
        self.tick = 0
        self.t_s = 0.0
        self.track = RouteTracker(self.plan)
        start = self.plan.points_m[0]
        self.car = CarState(
            x_m=float(start[0]), y_m=float(start[1]), yaw_rad=float(self.plan.yaw_rad[0]), speed_mps=0.0
        )
        self._pending = list(route.scenarios)
        self._known = {spec.name: load_scenario(spec.name) for spec in route.scenarios}
        background = not route.scenarios
        self.traffic = Traffic(
            town.network,
            seed=seed,
            vehicles=vehicles if background else 0,
            pedestrians=pedestrians if background else 0,
            near=(self.car.x_m, self.car.y_m),
            keep_clear=((self.car.x_m, self.car.y_m, 25.0),),
            first_actor_id=_TRAFFIC_FIRST_ID,
        )
        self.scenario: ScenarioRun | None = None
        self.finished: list[ScenarioRun] = []
        self._scenario_start_s = 0.0
        self._tracker = ContactTracker()
        self._gate = ClearanceGate(town.walls, half_diagonal(self.limits.length_m, self.limits.width_m))
        self._box = Box(
            x_m=self.car.x_m,
            y_m=self.car.y_m,
            yaw_rad=self.car.yaw_rad,
            length_m=self.limits.length_m,
            width_m=self.limits.width_m,
        )
        self._at_wall = False
        self.contacts = Contacts(actors=[], wall=False)
        self.lane = town.locator.nearest(self.car.x_m, self.car.y_m, self.car.yaw_rad)
        self._start_due_scenarios()

    @property
    def actors(self) -> list[Actor]:
        """All other road users and obstacles now."""
        staged = self.scenario.actors if self.scenario is not None else []
        return [*self.traffic.actors, *staged]

    @property
    def scenario_runs(self) -> list[ScenarioRun]:
        """All scenarios that have started, in order."""
        return [*self.finished, self.scenario] if self.scenario is not None else self.finished

    @property
    def scenario_t_s(self) -> float:
        """Time since the running scenario started."""
        return self.t_s - self._scenario_start_s

    @property
    def command(self) -> int:
        """The navigation command now."""
        return int(self.plan.command[self.track.index])

    def light_views(self) -> list[LightView]:
        """The traffic lights around the car, for cameras."""
        car, lights = self.car, self.traffic.lights
        return [
            LightView(
                x_m=line.x_m,
                y_m=line.y_m,
                yaw_rad=line.yaw_rad,
                state=lights.state(line.crossing, line.phase).value,
            )
            for line in self.town.stop_lines_near(car.x_m, car.y_m)
            if lights.has(line.crossing)
            and trig.hypot(line.x_m - car.x_m, line.y_m - car.y_m) < _LIGHTS_WITHIN_M
        ]

    def step(self, controls: CarControls) -> None:
        """Advance by one tick; `contacts`, `lane`, `track` and `scenario` are then those of the new state."""
        self._after_motion(self._drive(controls))

    def step_by(self, move: Callable[[CarState], None], dt_s: float) -> None:
        """Advance by a tick of another length in which `move` moves the car (the arcade law)."""
        car = self.car
        x_m, y_m, yaw_rad = car.x_m, car.y_m, car.yaw_rad
        move(car)
        wall = self._inside(self._box, car.x_m, car.y_m, car.yaw_rad)
        if wall:
            self._slide(x_m, y_m, yaw_rad)
        self._box.x_m, self._box.y_m, self._box.yaw_rad = car.x_m, car.y_m, car.yaw_rad
        self.dt_s = dt_s
        self._after_motion(wall)

    def _after_motion(self, wall: bool) -> None:
        self.tick += 1
        self.t_s += self.dt_s
        car = self.car
        view = EgoView(
            x_m=car.x_m,
            y_m=car.y_m,
            yaw_rad=car.yaw_rad,
            speed_mps=car.speed_mps,
            length_m=self.limits.length_m,
            width_m=self.limits.width_m,
            lane_id=self.lane.lane_id,
        )
        self.traffic.step(self.dt_s, view)
        self._step_scenario()
        new = self._touch(self.actors)
        self.contacts = Contacts(actors=new, wall=wall and not self._at_wall)
        self._at_wall = wall
        self.lane = self.town.locator.nearest(car.x_m, car.y_m, car.yaw_rad, self.lane.lane_id)
        self.track.update(car.x_m, car.y_m)
        self._start_due_scenarios()
        if self.scenario is not None and (new or self.contacts.wall):
            self.scenario.count_contacts(len(new) + int(self.contacts.wall))

    def _drive(self, controls: CarControls) -> bool:
        """Run the physics; walls stop the car as in the game: slide along, at half the speed."""
        car, box, gate = self.car, self._box, self._gate
        wall = False
        steps = max(1, round(self.dt_s * PHYSICS_HZ))
        for _ in range(steps):
            x_m, y_m, yaw_rad = car.x_m, car.y_m, car.yaw_rad
            step_car(car, controls, self.limits, self.dt_s / steps)
            if gate.is_clear(car.x_m, car.y_m):
                continue
            if self._inside(box, car.x_m, car.y_m, car.yaw_rad):
                wall = True
                self._slide(x_m, y_m, yaw_rad)
        box.x_m, box.y_m, box.yaw_rad = car.x_m, car.y_m, car.yaw_rad
        return wall

    def _inside(self, box: Box, x_m: float, y_m: float, yaw_rad: float) -> bool:
        return self.town.walls.hits_box(x_m, y_m, yaw_rad, box.length_m, box.width_m) >= 0

    def _slide(self, x_m: float, y_m: float, yaw_rad: float) -> None:
        car, box = self.car, self._box
        car.speed_mps *= 0.5
        for to_x, to_y, yaw in (
            (car.x_m, y_m, car.yaw_rad),
            (x_m, car.y_m, car.yaw_rad),
            (x_m, y_m, yaw_rad),
        ):
            if not self._inside(box, to_x, to_y, yaw):
                break
        car.x_m, car.y_m, car.yaw_rad = to_x, to_y, yaw

    def _touch(self, actors: list[Actor]) -> list[Actor]:
        """New contacts; the car does not drive through what it touches, nor gain speed against it."""
        car, box = self.car, self._box
        new = self._tracker.update(box, actors)
        for actor in self._tracker.touching:
            push_x, push_y = resolve_box(box, actor)
            car.x_m += push_x
            car.y_m += push_y
            box.x_m, box.y_m = car.x_m, car.y_m
            stop_against(car, push_x, push_y)
        if new:
            car.speed_mps *= 0.5
        return new

    def _start_due_scenarios(self) -> None:
        if self.scenario is not None or not self._pending:
            return
        spec = self._pending[0]
        far = trig.hypot(spec.x_m - self.car.x_m, spec.y_m - self.car.y_m)
        if far > _SCENARIO_TRIGGER_M:
            return
        del self._pending[0]
        scenario = self._known[spec.name]
        self.scenario = ScenarioRun(scenario, first_actor_id=_SCENARIO_FIRST_ID)
        self._scenario_start_s = self.t_s
        if self.tick == 0:
            self.car.speed_mps = scenario.player.speed_mps
        if scenario.holds_green:
            self.traffic.lights.hold_green(self._own_phases())
        self._step_scenario()

    def _own_phases(self) -> set[tuple[int, int]]:
        """Crossing and phase of every light on the route."""
        lanes = set(self.plan.lane_id.tolist())
        return {
            (line.crossing, line.phase)
            for crossing in self.town.network.crossings
            for line in crossing.stop_lines
            if line.lane_id in lanes
        }

    def _step_scenario(self) -> None:
        run = self.scenario
        if run is None:
            return
        run.step(self.scenario_t_s, self.car.x_m, self.car.y_m)
        if run.over:
            self.finished.append(run)
            self.scenario = None
            self.traffic.lights.hold_green(None)
