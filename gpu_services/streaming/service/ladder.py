"""Painting cheaper when too many deadlines are missed, and better again when there is time. Pure logic.

Down at once, up slowly: a step down needs `MISSES` of the last `WINDOW` chunks late; a step up needs
`CALM_S` seconds without any and a load that leaves room for the dearer level.
"""

from collections import deque

WINDOW = 40
MISSES = 0.1
CALM_S = 10.0
ROOMY_LOAD = 0.5


class Ladder:
    """Which quality level to paint at; 0 is the best.

    Args:
        levels: How many there are.
    """

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self._late: deque[bool] = deque(maxlen=WINDOW)
        self._calm_since_s: float | None = None
        self.level = 0

    def observe(self, *, is_late: bool, load: float, now_s: float) -> bool:
        """A chunk was shown; returns whether the level changed.

        Args:
            is_late: It missed its deadline.
            load: Share of the painter's time that is taken.
            now_s: Now.
        """
        self._late.append(is_late)
        if is_late or self._calm_since_s is None:
            self._calm_since_s = now_s
        before = self.level
        if len(self._late) == WINDOW and sum(self._late) > MISSES * WINDOW:
            self._move(min(self.level + 1, self._levels - 1), now_s)
        elif now_s - self._calm_since_s >= CALM_S and load < ROOMY_LOAD:
            self._move(max(self.level - 1, 0), now_s)
        return self.level != before

    def _move(self, level: int, now_s: float) -> None:
        if level != self.level:
            self._late.clear()
        self.level = level
        self._calm_since_s = now_s
