"""What every driver is to the simulator: told where it is, asked for controls, told when it is over.

Drivers here may look at the whole simulator (privileged); agents that see sensors only are wrapped
by `world.minitown.agent`.
"""

from typing import TYPE_CHECKING, Protocol

from world.physics import CarControls

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator


class Driver(Protocol):
    """Drives one route at a time."""

    sensor_icons: tuple[str, ...]
    """The results document's `sensors`; empty for privileged drivers."""

    def start(self, sim: "Simulator") -> None:
        """Get ready for a route; called once, before the first tick."""

    def act(self, sim: "Simulator") -> CarControls:
        """Choose the controls of the coming tick from the state now."""

    def close(self) -> None:
        """Let go of everything; called once after the route, whatever happened."""
