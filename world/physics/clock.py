"""A fixed step under uneven frames: time is saved up and spent in whole steps."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class FixedStep:
    """An accumulator that cannot fall into a spiral of ever longer frames.

    Attributes:
        step_s: Length of a step.
        at_most: Steps per call; what is more is dropped and counted.
        saved_s: Time not yet spent, less than a step.
        dropped: Steps that were dropped so far.
    """

    step_s: float = 1.0 / 120.0
    at_most: int = 30
    saved_s: float = 0.0
    dropped: int = 0

    def steps(self, elapsed_s: float) -> int:
        """How many steps to run after some time has passed.

        Args:
            elapsed_s: Time since the last call; negative time counts as none.
        """
        # The remainder is exact: a quotient rounded up would leave less than no time saved.
        steps, self.saved_s = divmod(self.saved_s + max(0.0, elapsed_s), self.step_s)
        whole = int(steps)
        run = min(whole, self.at_most)
        self.dropped += whole - run
        return run
