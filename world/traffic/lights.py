"""Traffic lights: a function of the clock, two phases per crossing, no memory."""

from enum import StrEnum
from math import floor

from world.streets.network import Control, StopLine, StreetNetwork
from world.traffic.rules import LightTimes


class LightState(StrEnum):
    """What a light shows."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


class Lights:
    """All lights of a network.

    Phase 0 is green, then yellow, then all are red; then the same for phase 1. `hold_green` keeps
    chosen phases green (a scenario clears the player's way) and the other phase of the same
    crossings red.
    """

    def __init__(self, network: StreetNetwork, times: LightTimes) -> None:
        self.t_s = 0.0
        self._times = times
        self._offset_s = [crossing.phase_offset_s for crossing in network.crossings]
        self._has = [crossing.control is Control.LIGHTS for crossing in network.crossings]
        self._held: set[tuple[int, int]] = set()
        self._held_crossings: set[int] = set()

    def has(self, crossing: int) -> bool:
        """Whether a crossing has lights."""
        return self._has[crossing]

    def hold_green(self, phases: set[tuple[int, int]] | None) -> None:
        """Keep phases `(crossing, phase)` green until called with None."""
        self._held = set(phases or ())
        self._held_crossings = {crossing for crossing, _ in self._held}

    def state(self, crossing: int, phase: int) -> LightState:
        """What the lights of a phase show now."""
        if crossing in self._held_crossings:
            return LightState.GREEN if (crossing, phase) in self._held else LightState.RED
        into_s = self._into_phase(crossing, phase)
        if into_s < self._times.green_s:
            return LightState.GREEN
        return LightState.YELLOW if into_s < self._times.green_s + self._times.yellow_s else LightState.RED

    def green_left_s(self, crossing: int, phase: int) -> float:
        """How long a phase stays green; 0 where it is not."""
        if crossing in self._held_crossings:
            return 1e9 if (crossing, phase) in self._held else 0.0
        return max(0.0, self._times.green_s - self._into_phase(crossing, phase))

    def green_for(self, line: StopLine) -> bool:
        """Whether traffic at a stop line may go."""
        return self.state(line.crossing, line.phase) is LightState.GREEN

    def _into_phase(self, crossing: int, phase: int) -> float:
        cycle_s = self._times.cycle_s
        t = self.t_s + self._offset_s[crossing] + (0.5 * cycle_s if phase else 0.0)
        return t - cycle_s * floor(t / cycle_s)
