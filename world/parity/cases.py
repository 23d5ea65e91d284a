"""Which drives are recorded: where they start and what is pressed, from fixed seeds.

Keys are written as changes, `(tick, "wa")`: from that tick on W and A are held. Only `random()` is
used of the generator; Python promises its sequence for good.
"""

from dataclasses import dataclass
from random import Random

from world.scenario import load_scenario, scenario_ids
from world.streets.network import StreetNetwork

KeyChanges = tuple[tuple[int, str], ...]
MouseMoves = tuple[tuple[int, float], ...]

_MINUTE_S = 60.0
_WALL_S = 20.0
_AFTER_S = 1.0
_EDGE_START = (1105.0, -222.41, 0.0, 12.0)
_WALL_LANES = (20, 133, 402, 587, 911, 1204)


@dataclass(frozen=True, kw_only=True)
class DriveCase:
    """One keyboard sequence.

    Attributes:
        name: Unique.
        kind: `free` has no walls, `walls` has the city's, `scenario` both walls and a staged scenario.
        scenario_id: Of a scenario drive; it brings its own start.
        start: World X, Y, yaw and speed; not used by scenario drives.
        ticks_per_s: Rate of the controls.
        ticks: How many are played.
        keys: Held keys from a tick on.
        mouse: Mouse movement within a tick, pixels.
    """

    name: str
    kind: str
    scenario_id: str | None = None
    start: tuple[float, float, float, float]
    ticks_per_s: int
    ticks: int
    keys: KeyChanges
    mouse: MouseMoves = ()


def free_drives() -> list[DriveCase]:
    """A minute each without walls: slalom, stop and go, random keys, the mouse, both at 20 Hz."""
    return [
        _free("slalom", 60, _cycle(60, (("w", 1.0), ("wa", 0.7), ("w", 0.9), ("wd", 0.7)))),
        _free("stop-and-go", 30, _cycle(30, (("w", 5.0), ("", 2.0), ("s", 3.0), ("wd", 4.0), ("as", 2.5)))),
        _free("random-keys", 60, _random_keys(1, 60, _MINUTE_S)),
        _free("mouse", 60, _cycle(60, (("w", 7.0), ("", 3.0))), _mouse(2, 60)),
        _free("mouse-and-keys", 20, _random_keys(3, 20, _MINUTE_S), _mouse(4, 20)),
    ]


def wall_drives(network: StreetNetwork) -> list[DriveCase]:
    """Down a lane, but heading for the houses; then random keys against them."""
    drives = []
    for number, lane_id in enumerate(_WALL_LANES):
        lane = network.lanes[lane_id]
        x_m, y_m = lane.points_m.mean(axis=0).tolist()
        yaw_rad = lane.yaw_rad + (0.9, -0.5, 0.3, 1.4, -1.1, 0.15)[number]
        rate = (60, 30)[number % 2]
        drives.append(
            DriveCase(
                name=f"wall-{lane_id}",
                kind="walls",
                start=(x_m, y_m, yaw_rad, 12.0),
                ticks_per_s=rate,
                ticks=round(_WALL_S * rate),
                keys=_random_keys(10 + number, rate, _WALL_S),
            )
        )
    return [*drives, _beyond_the_edge()]


def _beyond_the_edge() -> DriveCase:
    """Out of the map, where the city begins again, against the houses there."""
    rate = 60
    return DriveCase(
        name="beyond-the-edge",
        kind="walls",
        start=_EDGE_START,
        ticks_per_s=rate,
        ticks=round(_WALL_S * rate),
        keys=_cycle(rate, (("w", 3.0), ("wd", 0.6), ("w", 2.0), ("wa", 0.9))),
    )


def scenario_drives() -> list[DriveCase]:
    """Every scenario twice: at full throttle straight on, and slower with little bends."""
    drives = []
    for number, name in enumerate(scenario_ids()):
        duration_s = load_scenario(name).duration_s + _AFTER_S
        drives.append(_scenario(name, "straight", 60, duration_s, ((0, "w"),)))
        drives.append(_scenario(name, "weaving", 30, duration_s, _weaving(100 + number, 30, duration_s)))
    return drives


def _free(name: str, rate: int, keys: KeyChanges, mouse: MouseMoves = ()) -> DriveCase:
    return DriveCase(
        name=name,
        kind="free",
        start=(3.5, -7.25, 2.5, 0.0),
        ticks_per_s=rate,
        ticks=round(_MINUTE_S * rate),
        keys=keys,
        mouse=mouse,
    )


def _scenario(name: str, style: str, rate: int, duration_s: float, keys: KeyChanges) -> DriveCase:
    player = load_scenario(name).player
    return DriveCase(
        name=f"{name}-{style}",
        kind="scenario",
        scenario_id=name,
        start=(player.x_m, player.y_m, player.yaw_rad, player.speed_mps),
        ticks_per_s=rate,
        ticks=round(duration_s * rate),
        keys=keys,
    )


def _cycle(rate: int, holds: tuple[tuple[str, float], ...]) -> KeyChanges:
    """A minute of the same holds over and over."""
    changes, tick, number = [], 0, 0
    while tick < _MINUTE_S * rate:
        keys, hold_s = holds[number % len(holds)]
        changes.append((tick, keys))
        tick += round(hold_s * rate)
        number += 1
    return tuple(changes)


def _random_keys(seed: int, rate: int, duration_s: float) -> KeyChanges:
    """Mostly throttle, now and then a bend or the brake, held for 0.1 to 1.3 s."""
    rng = Random(seed)  # noqa: S311 -- a sequence to be repeated, nothing secret
    kinds = ("w", "w", "w", "wa", "wd", "a", "d", "s", "sa", "ws", "wad", "")
    changes, tick = [], 0
    while tick < duration_s * rate:
        changes.append((tick, kinds[int(rng.random() * len(kinds))]))
        tick += 1 + int((0.1 + 1.2 * rng.random()) * rate)
    return tuple(changes)


def _weaving(seed: int, rate: int, duration_s: float) -> KeyChanges:
    """Throttle and brake, with pairs of equal bends that leave the car in its direction."""
    rng = Random(seed)  # noqa: S311 -- a sequence to be repeated, nothing secret
    changes, tick = [], 0
    while tick < duration_s * rate:
        bend = 1 + int(rng.random() * 3)
        first, second = ("wa", "wd") if rng.random() < 0.5 else ("wd", "wa")
        pause = 5 + int(rng.random() * 40)
        for keys, ticks in ((first, bend), (second, bend), ("w", pause), ("s", int(rng.random() * 30))):
            changes.append((tick, keys))
            tick += ticks
    return tuple(changes)


def _mouse(seed: int, rate: int) -> MouseMoves:
    """Swings of the mouse: half a second of movement to one side, in every third tick; then a pause."""
    rng = Random(seed)  # noqa: S311 -- a sequence to be repeated, nothing secret
    moves, tick = [], 0
    while tick < _MINUTE_S * rate:
        way = 1 if rng.random() < 0.5 else -1
        for _ in range(rate // 6):
            moves.append((tick, float(way * int(rng.random() * 60))))
            tick += 3
        tick += int(rng.random() * rate)
    return tuple(moves)
