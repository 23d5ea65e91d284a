"""From held keys to controls, as the game does it: pedals are on or off, the wheel turns at a rate.

The browser client has the same law with the same rates (`world/data/car.json`); a recording's
controls are made from its keys here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from world.physics import CarControls, car_limits


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

    def controls(self, keys: Keys, dt_s: float) -> CarControls:
        """The controls of one tick.

        Args:
            keys: What is held in it.
            dt_s: Its length.
        """
        wanted = float(keys.d) - float(keys.a)
        limits = self._limits
        rate = (limits.keyboard_turn_per_s if wanted else limits.keyboard_return_per_s) * dt_s
        self.steer += min(max(wanted - self.steer, -rate), rate)
        return CarControls(steer=self.steer, throttle=float(keys.w), brake=float(keys.s))
