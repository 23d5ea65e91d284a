"""People at the keyboard: the expert's wish, pressed late, coarsely, and in each one's own way.

A person sees what the expert sees, decides with a delay, and presses whole keys. Styles differ in
numbers only, so that a new one is a row of the table. A bare style is one machine: from the same start
it drives the same road nearly key for key; a person has numbers of their own around it.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from world.drivers.expert import ExpertDriver
from world.drivers.keyboard import Keyboard, Keys
from world.physics import CarControls

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator

StyleName = Literal["expert", "late", "aggressive", "jittery", "idle", "lost", "spam", "crash"]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a person drives.

    Attributes:
        delay_s: From seeing to pressing.
        limit_factor: Share of the speed limit.
        slip: Chance per tick and key of pressing what was not meant.
        hold_s: Shortest and longest time between two changes of a key.
        drives: False touches nothing.
        steers: False only presses the pedal.
        loses_way: Ignores one instruction of the navigation.
    """

    delay_s: float = 0.1
    limit_factor: float = 0.85
    slip: float = 0.0
    hold_s: tuple[float, float] = (0.06, 0.14)
    drives: bool = True
    steers: bool = True
    loses_way: bool = False


STYLES: dict[StyleName, Style] = {
    "expert": Style(delay_s=0.0, hold_s=(0.0, 0.0)),
    "late": Style(delay_s=0.35, limit_factor=0.7),
    "aggressive": Style(limit_factor=1.35, hold_s=(0.04, 0.08)),
    "jittery": Style(slip=0.04),
    "idle": Style(drives=False),
    "lost": Style(delay_s=0.2, limit_factor=0.6, loses_way=True),
    "spam": Style(),
    "crash": Style(limit_factor=1.3, steers=False),
}


def style_of(style: StyleName, person: int | None) -> Style:
    """A style in a person's own way: their reaction time, pace, fingers and slips; None: the bare style."""
    bare = STYLES[style]
    if person is None:
        return bare
    rng = np.random.default_rng([person, 61])
    return replace(
        bare,
        delay_s=bare.delay_s + float(rng.uniform(0.0, 0.15)),
        limit_factor=bare.limit_factor * float(rng.uniform(0.85, 1.1)),
        slip=bare.slip + float(rng.uniform(0.001, 0.006)),
        hold_s=(bare.hold_s[0] + 0.02, bare.hold_s[1] + float(rng.uniform(0.04, 0.12))),
    )


class HumanDriver:
    """Drives with keys; `keys` are those of the last tick."""

    sensor_icons: tuple[str, ...] = ()

    def __init__(self, style: StyleName, *, person: int | None = None) -> None:
        self.style = style_of(style, person)
        self.keys = Keys()
        self._mind = ExpertDriver(limit_factor=self.style.limit_factor)
        self._keyboard = Keyboard()
        self._wishes: deque[Keys] = deque()
        self._next_change_s = [0.0] * 4

    def start(self, sim: "Simulator") -> None:
        """Look at the route."""
        self._rng = np.random.default_rng([sim.seed, 3])
        self._mind.start(sim)

    def act(self, sim: "Simulator") -> CarControls:
        """Press keys, and turn them into controls."""
        self.keys = self.press(sim, steer=self._keyboard.steer)
        return self._keyboard.controls(self.keys, sim.dt_s)

    def close(self) -> None:
        """Nothing to let go."""

    def press(self, sim: "Simulator", *, steer: float) -> Keys:
        """The keys held in the coming tick.

        Args:
            sim: The world.
            steer: Where the wheel is now, in [-1, 1].
        """
        if not self.style.drives:
            return Keys()
        self._wishes.append(self._wish(sim, steer))
        late = max(0, round(self.style.delay_s / sim.dt_s))
        wish = self._wishes.popleft() if len(self._wishes) > late else Keys()
        self.keys = self._fingers(wish, sim.t_s)
        return self.keys

    def wanted_steer(self, sim: "Simulator") -> float:
        """What the person would steer if the wheel obeyed at once, in [-1, 1]."""
        return self._mind.wanted_steer(sim)

    def _wish(self, sim: "Simulator", steer: float) -> Keys:
        self._mind.act(sim)
        error = self._mind.wanted_steer(sim) - steer
        wanted, speed = self._mind.wanted_speed_mps(sim), sim.car.speed_mps
        if not self.style.steers:
            error, wanted = 0.0, 14.0
        if self._mind.course.emergency or wanted < 0.15:
            return Keys(a=error < -0.08, s=True, d=error > 0.08)
        return Keys(
            w=speed < wanted + (0.4 if self.keys.w else -0.6),
            a=error < -0.08,
            s=speed > wanted + (0.8 if self.keys.s else 2.0),
            d=error > 0.08,
        )

    def _fingers(self, wish: Keys, t_s: float) -> Keys:
        held = list(self.keys)
        for number, wanted in enumerate(wish):
            slipped = self.style.slip > 0.0 and float(self._rng.random()) < self.style.slip
            pressed = wanted != slipped
            if pressed != held[number] and t_s >= self._next_change_s[number]:
                held[number] = pressed
                low, high = self.style.hold_s
                self._next_change_s[number] = t_s + low + (high - low) * float(self._rng.random())
        return Keys(*held)
