"""The two baselines that give every score its scale: doing nothing, and doing anything."""

from typing import TYPE_CHECKING

import numpy as np

from world.physics import CarControls

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator

_HOLD_TICKS = 10


class NoopDriver:
    """Never touches a pedal."""

    sensor_icons: tuple[str, ...] = ()

    def start(self, sim: "Simulator") -> None:
        """Nothing to prepare."""

    def act(self, sim: "Simulator") -> CarControls:  # noqa: ARG002
        """Coast."""
        return CarControls()

    def close(self) -> None:
        """Nothing to let go."""


class RandomDriver:
    """Holds random pedals and a random wheel for half a second at a time."""

    sensor_icons: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._controls = CarControls()

    def start(self, sim: "Simulator") -> None:
        """Seed from the route's seed."""
        self._rng = np.random.default_rng([sim.seed, 77])

    def act(self, sim: "Simulator") -> CarControls:
        """Draw anew twice a second."""
        if sim.tick % _HOLD_TICKS == 0:
            steer, throttle, brake = (float(value) for value in self._rng.random(3))
            self._controls = CarControls(
                steer=2.0 * steer - 1.0, throttle=throttle, brake=brake if brake > 0.7 else 0.0
            )
        return self._controls

    def close(self) -> None:
        """Nothing to let go."""
