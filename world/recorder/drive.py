"""The drive: a simulated player presses keys in minitown; every tick's true state is kept.

Two laws of motion. `exact`: the kinematic bicycle in SI units, as version 2 clients run it.
`arcade`: the reference's law, per animation frame and without a clock, so that what it calls speed
is true at 37.5 frames a second only; there the mouse steers, too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from world.actors import Actor
from world.camera.views import LightView
from world.drivers.human import HumanDriver
from world.drivers.keyboard import Keyboard, Keys
from world.minitown.routes import RouteSpec, load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import Town, load_town
from world.physics import CarState, arcade, step_arcade
from world.recorder.spec import RecordingSpec
from world.recorder.wander import wander
from world.streets.network import Command, RoutePlan

KEYS = "wasd"
ARCADE_SPEED_UNIT = 37.5  # logged speed = metres per frame x 37.5
_MOUSE_PX, _MOUSE_MAX_PX, _MOUSE_FROM = 45.0, 60.0, 0.15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """The true state at each tick, after the tick's inputs were applied; all `(N,)`.

    Attributes:
        t_ms: Time since the drive's start.
        x_m: World X.
        y_m: World Y.
        yaw_rad: Clockwise, continuous.
        speed_mps: True speed.
        speed_game: Speed as the game logs it.
        steer: Right positive; [-1, 1] in `exact`, radians per frame in `arcade`.
        throttle: [0, 1].
        brake: [0, 1].
        command: Navigation command 1 to 4.
        held: `(N, 4) bool`, W A S D.
        mouse_dx_px: Mouse movement that the tick consumed; it steers in `arcade` only.
    """

    t_ms: Floats
    x_m: Floats
    y_m: Floats
    yaw_rad: Floats
    speed_mps: Floats
    speed_game: Floats
    steer: Floats
    throttle: Floats
    brake: Floats
    command: npt.NDArray[np.int8]
    held: npt.NDArray[np.bool_]
    mouse_dx_px: Floats

    def __len__(self) -> int:
        return len(self.t_ms)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Everything else that a camera would see at a tick."""

    actors: tuple[Actor, ...]
    lights: tuple[LightView, ...]


@dataclass(frozen=True, kw_only=True)
class Drive:
    """A finished drive.

    Attributes:
        town: Where it was.
        ticks: The car.
        moments: The others, one per tick; empty where no pictures were asked for.
        outcome: Of the scenario: `won`, `lost`, `timeout`, or None where it was still on.
        collisions: Contacts of the car.
    """

    town: Town
    ticks: Ticks
    moments: list[Moment]
    outcome: str | None
    collisions: int


def drive(spec: RecordingSpec, t_ms: Floats, *, arcade: bool = False) -> Drive:
    """Drive one session.

    Args:
        spec: Seed, scenario and player.
        t_ms: `(N,)` tick times; in arcade each is one animation frame, however long it took.
        arcade: Use the reference's law of motion.
    """
    town = load_town()
    length_m = float(t_ms[-1] - t_ms[0]) / 1000 * (24.0 if arcade else 14.0) + 60.0
    route, plan = _itinerary(town, spec, length_m)
    dt_s = float(t_ms[1] - t_ms[0]) / 1000
    sim = Simulator(town, route, seed=spec.seed, plan=plan, dt_s=dt_s)
    session = _Session(spec, sim, arcade=arcade)
    for number, now_ms in enumerate(t_ms):
        session.tick(0.0 if number == 0 else float(now_ms - t_ms[number - 1]) / 1000)
    outcomes = [run.outcome.value for run in sim.scenario_runs if run.outcome is not None]
    return Drive(
        town=town,
        ticks=session.ticks(t_ms),
        moments=session.moments,
        outcome=outcomes[-1] if outcomes else None,
        collisions=session.collisions,
    )


def _itinerary(town: Town, spec: RecordingSpec, length_m: float) -> tuple[RouteSpec, RoutePlan | None]:
    """The staged scenario's route, or a free wander through the city."""
    for route in load_route_set("scenarios-11").routes:
        if any(scenario.name == spec.scenario_id for scenario in route.scenarios):
            return route, wander(town.network, spec.seed, length_m, start=route.waypoints_m[0])
    plan = wander(town.network, spec.seed, length_m)
    return RouteSpec(route_id="free", town="minitown", waypoints_m=()), plan


class _Session:
    """The loop over ticks, and what it notes down."""

    def __init__(self, spec: RecordingSpec, sim: Simulator, *, arcade: bool) -> None:
        self._spec, self._sim, self._arcade = spec, sim, arcade
        self._player = HumanDriver(spec.driver, person=spec.person)
        self._player.start(sim)
        self._wheel = Keyboard()
        self._rows: list[tuple[float, ...]] = []
        self._held: list[tuple[bool, ...]] = []
        self._missed = _missed_turn(sim, spec)
        self.moments: list[Moment] = []
        self.collisions = 0

    def tick(self, dt_s: float) -> None:
        """One tick; the first has no length: it is the state at the start."""
        sim = self._sim
        keys, dx_px = Keys(), 0.0
        if dt_s > 0.0 and self._arcade:
            keys = self._player.press(sim, steer=0.0)
            dx_px = self._mouse_dx_px()
            sim.step_by(_arcade_move(keys, dx_px, dt_s), dt_s)
        elif dt_s > 0.0:
            keys = self._player.press(sim, steer=self._wheel.steer)
            sim.step(self._wheel.controls(keys, dt_s))
        self.collisions += len(sim.contacts.actors) + int(sim.contacts.wall)
        self._note(keys, dx_px)

    def _note(self, keys: Keys, dx_px: float) -> None:
        sim, car = self._sim, self._sim.car
        command = self._missed.get(sim.track.index, sim.command)
        self._rows.append((car.x_m, car.y_m, car.yaw_rad, car.speed_mps, self._wheel.steer, command, dx_px))
        self._held.append(tuple(keys))
        if self._spec.video:
            actors = tuple(replace(actor) for actor in sim.actors)
            self.moments.append(Moment(actors=actors, lights=tuple(sim.light_views())))

    def _mouse_dx_px(self) -> float:
        """Mouse movement that helps where keys turn too wide; 0 while the car stands."""
        if self._spec.driver == "idle" or self._sim.car.speed_mps < 1.0:
            return 0.0
        wanted = self._player.wanted_steer(self._sim)
        if abs(wanted) < _MOUSE_FROM:
            return 0.0
        return float(min(max(round(wanted * _MOUSE_PX), -_MOUSE_MAX_PX), _MOUSE_MAX_PX))

    def ticks(self, t_ms: Floats) -> Ticks:
        """All rows as columns."""
        rows, held = np.array(self._rows), np.array(self._held)
        speed_mps = rows[:, 3]
        speed_game, steer = speed_mps, rows[:, 4]
        if self._arcade:
            dt_s = np.maximum(np.diff(t_ms, prepend=t_ms[0] - 1000 / ARCADE_SPEED_UNIT), 1e-3) / 1000
            per_frame_m = speed_mps * dt_s
            speed_game = per_frame_m * ARCADE_SPEED_UNIT
            turn = held[:, 3].astype(float) - held[:, 1].astype(float)
            steer = turn * arcade.TURN_RAD * per_frame_m / arcade.MAX_SPEED_M
        return Ticks(
            t_ms=t_ms,
            x_m=rows[:, 0],
            y_m=rows[:, 1],
            yaw_rad=np.unwrap(rows[:, 2]),
            speed_mps=speed_mps,
            speed_game=speed_game,
            steer=steer,
            throttle=held[:, 0].astype(np.float64),
            brake=held[:, 2].astype(np.float64),
            command=rows[:, 5].astype(np.int8),
            held=held,
            mouse_dx_px=rows[:, 6],
        )


def _arcade_move(keys: Keys, dx_px: float, dt_s: float) -> Callable[[CarState], None]:
    """The reference's law for one animation frame."""

    def move(car: CarState) -> None:
        step_arcade(car, w=keys.w, a=keys.a, s=keys.s, d=keys.d, mouse_dx_px=dx_px, dt_s=dt_s)

    return move


def _missed_turn(sim: Simulator, spec: RecordingSpec) -> dict[int, int]:
    """For a lost player: route points at which the navigation said something else than was driven."""
    if spec.driver != "lost":
        return {}
    command = sim.plan.command
    told = {Command.LEFT: Command.STRAIGHT, Command.RIGHT: Command.LEFT, Command.STRAIGHT: Command.RIGHT}
    turns = np.flatnonzero(command != Command.FOLLOW_LANE)
    if not len(turns):
        return {}
    first, driven = int(turns[0]), Command(int(command[turns[0]]))
    missed = {}
    for index in range(first, len(command)):
        if command[index] != driven:
            break
        missed[index] = int(told[driven])
    return missed
