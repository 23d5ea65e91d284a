"""From held keys and the mouse to controls, as the game does it: pedals are on or off, the wheel turns.

The browser client has the same law with the same rates (`world/data/car.json`, and for the mouse
`world/data/controls.json`); a recording's controls are made from its keys here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from world.physics import CarControls, car_limits

CONTROLS_FILE = Path(__file__).parents[1] / "data" / "controls.json"


@cache
def mouse_steer_per_px() -> float:
    """How far a pixel of mouse movement turns the wheel, in full deflections."""
    return float(json.loads(CONTROLS_FILE.read_text())["mouse_steer_per_px"])


@dataclass(frozen=True, slots=True)
class Keys:
    """Held W, A, S, D."""

    w: bool = False
    a: bool = False
    s: bool = False
    d: bool = False

    def __iter__(self) -> Iterator[bool]:
        return iter((self.w, self.a, self.s, self.d))


class Keyboard:
    """Keeps the wheel's position between ticks."""

    def __init__(self) -> None:
        self.steer = 0.0
        self._limits = car_limits()

    def controls(self, keys: Keys, dt_s: float, mouse_dx_px: float = 0.0) -> CarControls:
        """The controls of one tick.

        Args:
            keys: What is held in it.
            dt_s: Its length.
            mouse_dx_px: Mouse movement in it, right positive; it turns the wheel further.
        """
        wanted = float(keys.d) - float(keys.a)
        limits = self._limits
        rate = (limits.keyboard_turn_per_s if wanted else limits.keyboard_return_per_s) * dt_s
        self.steer += min(max(wanted - self.steer, -rate), rate)
        if mouse_dx_px != 0.0:
            self.steer = min(max(self.steer + mouse_dx_px * mouse_steer_per_px(), -1.0), 1.0)
        return CarControls(steer=self.steer, throttle=float(keys.w), brake=float(keys.s))
