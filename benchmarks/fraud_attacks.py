"""Attacks, each made from honest simulated drives, as the lake would hold them.

An attack is a list of `Upload`s that arrive after the honest ones. Those that need no pictures are changes of
a drive's ticks; the doctored videos are in `fraud_pictures.py`, the scripted drivers in `fraud_drives.py`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.fraud_drives import FPS, DriveSpec, frames_of
from world.drivers.keyboard import Keyboard, Keys
from world.physics import CarState, car_limits, step_car
from world.recorder.drive import Ticks

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
HONEST_MS, ATTACK_MS = 1_790_000_000_000, 1_790_000_000_000 + DAY_MS
Drives = Sequence[tuple[DriveSpec, Ticks]]
Change = Callable[[Ticks, np.random.Generator], Ticks]


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One uploaded session.

    Attributes:
        kind: `honest` or the attack.
        session_id: The session.
        wallet: Whose it claims to be.
        scenario_id: What it claims to show.
        completed_ms: Arrival.
        address: From where its session id was asked for; None where the upload API never issued it.
        issued_to: The wallet to which it was issued.
        frames: FRAMES.
    """

    kind: str
    session_id: str
    wallet: str
    scenario_id: str
    completed_ms: int
    address: str | None
    issued_to: str
    frames: pl.DataFrame


def honest_uploads(drives: Drives, *, per_wallet: int = 8, wallets_per_home: int = 3) -> list[Upload]:
    """Every drive by its own player: so many sessions a wallet, up to so many wallets behind an address."""
    found = []
    for number, (spec, ticks) in enumerate(drives):
        wallet = number // per_wallet
        home = wallet // wallets_per_home
        found.append(
            _upload(
                "honest", number, f"player-{wallet}", spec, ticks, HONEST_MS + number * 60_000, _address(home)
            )
        )
    return found


def copied_drives(drives: Drives, count: int) -> list[Upload]:
    """The same drive under new wallets: as it is, cut, shaken, sampled anew, slower."""
    changes: tuple[tuple[str, Change], ...] = (
        ("as it is", lambda ticks, _rng: ticks), ("cut", _cut), ("shaken", _shaken),
        ("sampled anew", _resampled), ("slower", _slower),
    )  # fmt: skip
    found = []
    for number, (spec, ticks) in enumerate(_chosen(drives, count)):
        name, change = changes[number % len(changes)]
        changed = change(ticks, np.random.default_rng([spec.seed, 59]))
        found.append(_attack(f"copied drive, {name}", number, spec, changed))
    return found


def replayed_inputs(drives: Drives, count: int) -> list[Upload]:
    """One player's keys over another's drive, and keys that a program presses again at another place."""
    chosen, found = _chosen(drives, 2 * count), []
    for number in range(count):
        (spec, keys), (_, way) = chosen[number % len(chosen)], chosen[-1 - number % len(chosen)]
        ticks = _driven_again(keys, way) if number % 2 else _keys_over(keys, way)
        name = "driven again elsewhere" if number % 2 else "over another drive"
        found.append(_attack(f"replayed inputs, {name}", number, spec, ticks))
    return found


def scripted(drives: Drives) -> list[Upload]:
    """Scripts at the wheel."""
    return [
        _attack(f"scripted input, {spec.style}", number, spec, ticks)
        for number, (spec, ticks) in enumerate(drives)
    ]


def without_session(drives: Drives, count: int) -> list[Upload]:
    """Bundles that are put past the upload API, and under another wallet's session."""
    found = []
    for number, (spec, ticks) in enumerate(_chosen(drives, count)):
        made = _attack("no server session", number, spec, ticks)
        found.append(replace(made, address=None) if number % 2 else replace(made, issued_to="somebody-else"))
    return found


def farming(drives: Drives, count: int, scenario_id: str = "highway-pileup") -> list[Upload]:
    """One wallet that drives one well-paid scenario all day."""
    return [
        replace(
            _attack("farming", number, spec, ticks),
            wallet="farmer",
            issued_to="farmer",
            scenario_id=scenario_id,
        )
        for number, (spec, ticks) in enumerate(_chosen(drives, count))
    ]


def crowd(drives: Drives, count: int) -> list[Upload]:
    """Many wallets behind one address, each with a drive or two."""
    return [
        replace(_attack("many wallets", number, spec, ticks), wallet=f"sock-{number // 2}",
                issued_to=f"sock-{number // 2}", address="93.184.216.34")
        for number, (spec, ticks) in enumerate(_chosen(drives, count))
    ]  # fmt: skip


def _cut(ticks: Ticks, rng: np.random.Generator) -> Ticks:
    """Starts some seconds later and ends sooner."""
    first = int(rng.uniform(0.05, 0.2) * len(ticks))
    return _part(ticks, slice(first, len(ticks) - int(rng.uniform(0.0, 0.1) * len(ticks))))


def _shaken(ticks: Ticks, rng: np.random.Generator) -> Ticks:
    """Positions moved by 15 cm, headings by half a degree, keys by a tick."""
    moved = [int(shift) for shift in rng.integers(-1, 2, 4)]
    held = np.stack([np.roll(ticks.held[:, key], moved[key]) for key in range(4)], axis=1)
    count = len(ticks)
    return replace(
        ticks,
        x_m=ticks.x_m + rng.normal(0.0, 0.15, count),
        y_m=ticks.y_m + rng.normal(0.0, 0.15, count),
        yaw_rad=ticks.yaw_rad + rng.normal(0.0, 0.01, count),
        held=held,
    )


def _resampled(ticks: Ticks, rng: np.random.Generator) -> Ticks:
    """At 8 to 15 pictures a second."""
    every_ms = 1000.0 / float(rng.uniform(8.0, 15.0))
    return _at(ticks, np.arange(0.0, ticks.t_ms[-1], every_ms), stretch=1.0)


def _slower(ticks: Ticks, rng: np.random.Generator) -> Ticks:
    """Everything 2 to 6 % slower."""
    stretch = float(rng.uniform(1.02, 1.06))
    return _at(ticks, np.arange(0.0, ticks.t_ms[-1], 1000.0 / FPS / stretch), stretch=stretch)


def _keys_over(keys: Ticks, way: Ticks) -> Ticks:
    """The keys of one drive at the times of another's pictures."""
    both = _part(way, slice(0, int(np.searchsorted(way.t_ms, keys.t_ms[-1], side="right"))))
    then = np.searchsorted(keys.t_ms, both.t_ms, side="right") - 1
    pressed = {name: getattr(keys, name)[then] for name in ("held", "throttle", "brake")}
    return replace(both, **pressed)


def _driven_again(keys: Ticks, way: Ticks) -> Ticks:
    """The keys' own motion, by the game's law, from where another drive begins."""
    limits, wheel, dt_s = car_limits(), Keyboard(), float(keys.t_ms[1] - keys.t_ms[0]) / 1000.0
    car = CarState(x_m=float(way.x_m[0]), y_m=float(way.y_m[0]), yaw_rad=float(way.yaw_rad[0]))
    rows = []
    steps = math.ceil(120.0 * dt_s)
    for held in keys.held:
        controls = wheel.controls(Keys(*(bool(key) for key in held)), dt_s)
        for _ in range(steps):
            step_car(car, controls, limits, dt_s / steps)
        rows.append((car.x_m, car.y_m, car.yaw_rad, car.speed_mps))
    x_m, y_m, yaw_rad, speed_mps = np.array(rows).T
    return replace(keys, x_m=x_m, y_m=y_m, yaw_rad=yaw_rad, speed_mps=speed_mps)


def _part(ticks: Ticks, part: slice) -> Ticks:
    cut: dict[str, NDArray[np.generic]] = {name: values[part] for name, values in vars(ticks).items()}
    begun = ticks.t_ms[part]
    return Ticks(**(cut | {"t_ms": begun - begun[0]}))


def _at(ticks: Ticks, at_ms: NDArray[np.float64], *, stretch: float) -> Ticks:
    """The drive at other times; keys as they were last."""
    last = np.searchsorted(ticks.t_ms, at_ms, side="right") - 1
    smooth = {
        name: np.interp(at_ms, ticks.t_ms, getattr(ticks, name))
        for name in ("x_m", "y_m", "yaw_rad", "speed_mps")
    }
    smooth["speed_mps"] = smooth["speed_mps"] / stretch
    taken = {name: values[last] for name, values in vars(ticks).items()}
    return Ticks(**(taken | smooth | {"t_ms": at_ms * stretch}))


def _chosen(drives: Drives, count: int) -> Drives:
    """Drives that moved, evenly from all; the same again where there are too few."""
    moved = [
        each for each in drives if float(np.hypot(np.diff(each[1].x_m), np.diff(each[1].y_m)).sum()) > 60.0
    ]
    return [moved[(number * 7) % len(moved)] for number in range(count)]


def _attack(kind: str, number: int, spec: DriveSpec, ticks: Ticks) -> Upload:
    wallet = f"thief-{kind}-{number}"
    return _upload(kind, number, wallet, spec, ticks, ATTACK_MS + number * 1_000, _address(5_000 + number))


def _upload(
    kind: str, number: int, wallet: str, spec: DriveSpec, ticks: Ticks, completed_ms: int, address: str
) -> Upload:
    session_id = f"{kind}-{number}"
    return Upload(
        kind=kind,
        session_id=session_id,
        wallet=wallet,
        scenario_id=spec.scenario_id,
        completed_ms=completed_ms,
        address=address,
        issued_to=wallet,
        frames=frames_of(ticks, session_id, spec.seed + number),
    )


def _address(number: int) -> str:
    """A public address of its own for each household."""
    return f"8.{number // 65_536 % 256}.{number // 256 % 256}.{number % 256}"
