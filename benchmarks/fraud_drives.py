"""Drives for the fraud report: honest simulated players, and scripts at the same wheel; no pictures.

What the lake would hold of a drive (FRAMES) is made from its ticks directly: recordings of version 2 are
aligned by frame id without error, so that recording, uploading and aligning would give the same rows; a test
holds the two against each other.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalediff_assets.schemas import FRAMES
from world.drivers.expert import ExpertDriver
from world.drivers.human import HumanDriver, StyleName
from world.drivers.keyboard import Keyboard, Keys
from world.minitown.routes import RouteSpec, load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import Town, load_town
from world.recorder.drive import Ticks
from world.recorder.wander import wander
from world.streets.network import RoutePlan

FPS, DURATION_S, LOST_SHARE = 20.0, 30.0, 0.03
# Frames per second of honest recordings: the demo's 8 and 10, the game's own 20 and 30.
RATES_HZ = (8.0, 10.0, 20.0, 30.0)
DRIVES_PER_PERSON = 5
STYLES: tuple[StyleName, ...] = ("expert", "late", "aggressive", "jittery", "lost")
FREE_SHARE = 0.55
ScriptName = Literal["macro", "shaky macro", "pulsed autopilot", "one key held"]
SCRIPTS: tuple[ScriptName, ...] = ("macro", "shaky macro", "pulsed autopilot", "one key held")
Press = Callable[[Simulator, float], Keys]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DriveSpec:
    """A drive to make.

    Attributes:
        seed: Chooses route, traffic and player.
        scenario_id: A staged scenario, or `free`.
        style: An honest player's, or the script that holds the wheel.
        duration_s: Length.
        fps: Frames per second, which are the game's ticks.
        person: Who drives in that style; None: the bare style, one machine for all.
    """

    seed: int
    scenario_id: str = "free"
    style: StyleName | ScriptName = "expert"
    duration_s: float = DURATION_S
    fps: float = FPS
    person: int | None = None


def honest_specs(count: int, *, duration_s: float = DURATION_S, first_seed: int = 1) -> list[DriveSpec]:
    """People who drive five times each, more than half of it freely, the rest in staged scenarios."""
    scenarios = [route.scenarios[0].name for route in load_route_set("scenarios-11").routes]
    people = max(1, count // DRIVES_PER_PERSON)
    specs = []
    for seed in range(first_seed, first_seed + count):
        rng = np.random.default_rng([seed, 41])
        person = first_seed + int(rng.integers(people))
        staged = float(rng.random()) >= FREE_SHARE
        specs.append(
            DriveSpec(
                seed=seed,
                scenario_id=scenarios[int(rng.integers(len(scenarios)))] if staged else "free",
                style=STYLES[person % len(STYLES)],
                duration_s=duration_s,
                fps=RATES_HZ[int(rng.integers(len(RATES_HZ)))],
                person=person,
            )
        )
    return specs


def scripted_specs(
    count: int, *, duration_s: float = DURATION_S, first_seed: int = 900_001
) -> list[DriveSpec]:
    """Free drives with each script in turn at the wheel."""
    return [
        DriveSpec(seed=seed, style=SCRIPTS[seed % len(SCRIPTS)], duration_s=duration_s)
        for seed in range(first_seed, first_seed + count)
    ]


def ticks_of(spec: DriveSpec) -> Ticks:
    """Drive."""
    town, dt_s = load_town(), 1.0 / spec.fps
    route, plan = _itinerary(spec, town)
    sim = Simulator(town, route, seed=spec.seed, plan=plan, dt_s=dt_s)
    press, wheel = _hands(spec, sim), Keyboard()
    rows: list[tuple[float, ...]] = []
    held: list[tuple[bool, ...]] = []
    t_ms = np.arange(int(spec.duration_s * spec.fps)) * 1000 / spec.fps
    for number in range(len(t_ms)):
        keys = Keys()
        if number:
            keys = press(sim, wheel.steer)
            sim.step(wheel.controls(keys, dt_s))
        car = sim.car
        rows.append((car.x_m, car.y_m, car.yaw_rad, car.speed_mps, wheel.steer, sim.command))
        held.append(tuple(keys))
    return _as_ticks(t_ms, np.array(rows), np.array(held))


def frames_of(ticks: Ticks, session_id: str, seed: int) -> pl.DataFrame:
    """FRAMES of a drive: the ticks whose picture came back, with what the fraud rules read of them."""
    rng = np.random.default_rng([seed, 43])
    shown = np.flatnonzero(rng.random(len(ticks)) >= LOST_SHARE)
    anchor_ms = float(rng.uniform(3_000, 9_000))
    known = pl.DataFrame(
        {
            "frame_idx": np.arange(len(shown), dtype=np.int32),
            "game_t_ms": anchor_ms + ticks.t_ms[shown],
            **{f"held_{key}": ticks.held[shown, number] for number, key in enumerate("wasd")},
            "mouse_dx_px": np.zeros(len(shown)),
            "x_m": ticks.x_m[shown],
            "y_m": ticks.y_m[shown],
            "yaw_rad": ticks.yaw_rad[shown],
            "speed_mps": ticks.speed_mps[shown],
        }
    )
    missing = [
        pl.lit(None, dtype=column.dtype).alias(column.name)
        for column in FRAMES.columns
        if column.name not in {*known.columns, "session_id", "control_source"}
    ]
    return known.with_columns(
        *missing, session_id=pl.lit(session_id), control_source=pl.lit("logged")
    ).select(FRAMES.schema.names())


def drive_all(specs: Iterable[DriveSpec], *, workers: int) -> list[Ticks]:
    """Ticks of each spec, in order."""
    if workers == 1:
        return [ticks_of(spec) for spec in specs]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(ticks_of, specs, chunksize=8))


def _itinerary(spec: DriveSpec, town: Town) -> tuple[RouteSpec, RoutePlan]:
    """The staged scenario and a wander from its start, or a free wander."""
    length_m = spec.duration_s * 14.0 + 60.0
    for route in load_route_set("scenarios-11").routes:
        if any(scenario.name == spec.scenario_id for scenario in route.scenarios):
            return route, wander(town.network, spec.seed, length_m, start=route.waypoints_m[0])
    free = RouteSpec(route_id="free", town="minitown", waypoints_m=())
    return free, wander(town.network, spec.seed, length_m)


def _as_ticks(t_ms: Floats, rows: Floats, held: NDArray[np.bool_]) -> Ticks:
    return Ticks(
        t_ms=t_ms,
        x_m=rows[:, 0],
        y_m=rows[:, 1],
        yaw_rad=np.unwrap(rows[:, 2]),
        speed_mps=rows[:, 3],
        speed_game=rows[:, 3],
        steer=rows[:, 4],
        throttle=held[:, 0].astype(np.float64),
        brake=held[:, 2].astype(np.float64),
        command=rows[:, 5].astype(np.int8),
        held=held,
        mouse_dx_px=np.zeros(len(t_ms)),
    )


def _hands(spec: DriveSpec, sim: Simulator) -> Press:
    """Who presses the keys."""
    if spec.style in SCRIPTS:
        return _script(spec, sim)
    style = cast(StyleName, spec.style)
    player = HumanDriver(style, person=spec.person)
    player.start(sim)
    return lambda sim, steer: player.press(sim, steer=steer)


def _script(spec: DriveSpec, sim: Simulator) -> Press:
    rng = np.random.default_rng([spec.seed, 47])
    if spec.style == "pulsed autopilot":
        return _pulsed(sim, period_s=float(rng.choice([0.2, 0.25, 0.3, 0.4, 0.5])))
    if spec.style == "one key held":
        return lambda _sim, _steer: Keys(w=True)
    return _macro(rng, jitter_s=0.02 if spec.style == "shaky macro" else 0.0)


def _macro(rng: np.random.Generator, *, jitter_s: float) -> Press:
    """The same strokes again and again: forwards, a little left, forwards, a little right, brake."""
    loop_s = float(rng.uniform(1.5, 4.0))
    strokes = _strokes(rng, loop_s)
    shifts = (
        rng.normal(0.0, jitter_s, (1_000, len(strokes), 2))
        if jitter_s
        else np.zeros((1_000, len(strokes), 2))
    )

    def press(sim: Simulator, _steer: float) -> Keys:
        turn, at_s = divmod(sim.t_s, loop_s)
        held = {
            key
            for number, (key, begin_s, end_s) in enumerate(strokes)
            if begin_s + shifts[int(turn), number, 0] <= at_s < end_s + shifts[int(turn), number, 1]
        }
        return Keys(**{key: key in held for key in "wasd"})

    return press


def _strokes(rng: np.random.Generator, loop_s: float) -> list[tuple[str, float, float]]:
    tap_s, left_s, right_s = (float(value) for value in rng.uniform((0.1, 0.2, 0.6), (0.3, 0.35, 0.75)))
    return [
        ("w", 0.0, 0.8 * loop_s),
        ("a", left_s * loop_s, left_s * loop_s + tap_s),
        ("d", right_s * loop_s, right_s * loop_s + tap_s),
    ]


@dataclass
class _Pulse:
    """The autopilot's key of one beat, and how long it is held."""

    beat: float = -1.0
    key: str = ""
    until_s: float = 0.0


def _pulsed(sim: Simulator, *, period_s: float) -> Press:
    """An autopilot that reads the game's state and presses keys in pulses of a fixed beat."""
    mind = ExpertDriver(limit_factor=0.85)
    mind.start(sim)
    pulse = _Pulse()

    def press(sim: Simulator, _steer: float) -> Keys:
        mind.act(sim)
        beat, at_s = divmod(sim.t_s, period_s)
        if beat != pulse.beat:
            wanted = mind.wanted_steer(sim)
            pulse.beat, pulse.key = beat, "d" if wanted > 0 else "a"
            pulse.until_s = period_s * min(0.8, 2.5 * abs(wanted))
        speed, target = sim.car.speed_mps, mind.wanted_speed_mps(sim)
        steers = at_s < pulse.until_s
        return Keys(
            w=speed < target and not mind.course.emergency,
            a=steers and pulse.key == "a",
            s=speed > target + 1.0 or mind.course.emergency,
            d=steers and pulse.key == "d",
        )

    return press
