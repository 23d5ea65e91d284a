"""What every answer needs and seldom changes: read in the background, so that no request waits for it."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar, cast

FRESH_S = 1.0
_TOO_OLD = 10
T = TypeVar("T")


class Fresh(Generic[T]):
    """A value that is read again when it is old; meanwhile the old one is good enough.

    A value that nobody asked for in a while is too old for that, and read at once.

    Example:
        halted = Fresh(choices.halted, time.monotonic)
        if halted() is not None: refuse
    """

    def __init__(self, read: Callable[[], T], clock_s: Callable[[], float], fresh_s: float = FRESH_S) -> None:
        self._read, self._clock_s, self._fresh_s = read, clock_s, fresh_s
        self._reading = threading.Lock()
        self._value: T | None = None
        self._at_s = float("-inf")

    def __call__(self) -> T:
        """The value."""
        age_s = self._clock_s() - self._at_s
        if age_s >= _TOO_OLD * self._fresh_s:
            with self._reading:
                self._refresh()
        elif age_s >= self._fresh_s and self._reading.acquire(blocking=False):
            threading.Thread(target=self._refresh_and_release, name="fresh", daemon=True).start()
        return cast(T, self._value)

    def forget(self) -> None:
        """The value has just been changed here: read it at the next call."""
        self._at_s = float("-inf")

    def _refresh(self) -> None:
        at_s = self._clock_s()
        self._value = self._read()
        self._at_s = at_s

    def _refresh_and_release(self) -> None:
        try:
            self._refresh()
        finally:
            self._reading.release()
