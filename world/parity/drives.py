"""Plays a keyboard sequence through the simulator and writes down states and events.

The simulator is the one that agents are judged in, without background traffic.
"""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from world.drivers.keyboard import Keyboard, Keys
from world.minitown.routes import RouteSpec, ScenarioSpec
from world.minitown.simulator import Simulator
from world.minitown.town import Town, load_town
from world.parity.cases import DriveCase
from world.scenario import ScenarioRun
from world.streets.network import Command, RoutePlan

SAMPLE_S = 0.5
STAGED_SAMPLE_S = 1.0
_FIRST_ID = 1000

Event = list[Any]
"""Tick number after which it is true, what, and whom: `[412, "contact", "car-1"]`."""


def play(case: DriveCase) -> dict[str, Any]:
    """A case with what came of it.

    Returns:
        name, kind, scenario, start, ticksPerS, ticks, keys, mouse: The case.
        sampleEvery: Ticks between two samples; the last tick is sampled, too.
        samples: Rows of tick, world X, Y, yaw, speed, front wheels' angle.
        crowds: Rows of tick, number of actors, and sums of their X, Y, yaw and speed.
        events: Rows of tick, what (`contact`, `wall`, `won`, `lost`, `timeout`, `over`), whom.
    """
    sim = _simulator(case)
    every = round((SAMPLE_S if case.scenario_id is None else STAGED_SAMPLE_S) * case.ticks_per_s)
    samples, crowds, events = [], [], []
    keyboard, seen = Keyboard(), _Seen()
    keys, mouse = dict(case.keys), dict(case.mouse)
    held = Keys()
    for tick in range(case.ticks):
        held = keys_of(keys[tick]) if tick in keys else held
        sim.step(keyboard.controls(held, sim.dt_s, mouse.get(tick, 0.0)))
        events += seen.events(sim)
        if sim.tick % every == 0 or sim.tick == case.ticks:
            samples.append(_sample(sim))
            crowds += [_crowd(sim)] if sim.actors else []
    return {
        "name": case.name,
        "kind": case.kind,
        "scenario": case.scenario_id,
        "start": list(case.start),
        "ticksPerS": case.ticks_per_s,
        "ticks": case.ticks,
        "keys": [list(change) for change in case.keys],
        "mouse": [list(move) for move in case.mouse],
        "sampleEvery": every,
        "samples": samples,
        "crowds": crowds,
        "events": events,
    }


def keys_of(held: str) -> Keys:
    """The keys of a text such as `wa`."""
    return Keys(w="w" in held, a="a" in held, s="s" in held, d="d" in held)


class _Seen:
    """What has been written down of the scenario so far."""

    def __init__(self) -> None:
        self._decided = self._over = False

    def events(self, sim: Simulator) -> list[Event]:
        """The events of the last tick, in the order in which they happen within one."""
        run = sim.scenario_runs[0] if sim.scenario_runs else None
        new = [[sim.tick, "contact", _name(run, actor.actor_id)] for actor in sim.contacts.actors]
        if sim.contacts.wall:
            new.append([sim.tick, "wall", ""])
        if run is None:
            return new
        if run.outcome is not None and not self._decided:
            self._decided = True
            new.append([sim.tick, run.outcome.value, run.scenario.id])
        if run.over and not self._over:
            self._over = True
            new.append([sim.tick, "over", run.scenario.id])
        return new


def _name(run: ScenarioRun | None, actor_id: int) -> str:
    return "" if run is None else run.scenario.roles[actor_id - _FIRST_ID].name


def _sample(sim: Simulator) -> list[float]:
    car = sim.car
    return [sim.tick, car.x_m, car.y_m, car.yaw_rad, car.speed_mps, car.steer_rad]


def _crowd(sim: Simulator) -> list[float]:
    """Sums in the actors' order: `sum` would add more exactly than the browser does."""
    x_m = y_m = yaw_rad = speed_mps = 0.0
    for actor in sim.actors:
        x_m += actor.x_m
        y_m += actor.y_m
        yaw_rad += actor.yaw_rad
        speed_mps += actor.speed_mps
    return [sim.tick, len(sim.actors), x_m, y_m, yaw_rad, speed_mps]


@cache
def _bare_town() -> Town:
    """The streets without any building."""
    return Town(replace(load_town().city, buildings=()))


def _simulator(case: DriveCase) -> Simulator:
    x_m, y_m, yaw_rad, speed_mps = case.start
    scenarios: tuple[ScenarioSpec, ...] = ()
    if case.scenario_id is not None:
        scenarios = (ScenarioSpec(name=case.scenario_id, x_m=x_m, y_m=y_m),)
    sim = Simulator(
        _bare_town() if case.kind == "free" else load_town(),
        RouteSpec(route_id=case.name, waypoints_m=(), scenarios=scenarios),
        vehicles=0,
        pedestrians=0,
        plan=_plan(x_m, y_m, yaw_rad),
        dt_s=1 / case.ticks_per_s,
    )
    if case.scenario_id is None:
        sim.car.speed_mps = speed_mps
    return sim


def _plan(x_m: float, y_m: float, yaw_rad: float) -> RoutePlan:
    """A route of no consequence: the simulator starts the car where it starts."""
    return RoutePlan(
        points_m=np.array([[x_m, y_m], [x_m + 1.0, y_m]]),
        yaw_rad=np.array([yaw_rad, yaw_rad]),
        along_m=np.array([0.0, 1.0]),
        command=np.full(2, Command.FOLLOW_LANE, np.int8),
        lane_id=np.zeros(2, np.int32),
        speed_limit_mps=np.full(2, 11.2),
    )
