"""Painted pictures on their way to one player: few, in order, each at its time."""

import asyncio
from collections import deque
from collections.abc import Callable

from gpu_services.streaming.service.studio import Painted

_PLACES = 12  # three chunks of four


class Outbox:
    """A full one forgets its oldest picture: a player who does not take them slows nobody."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._waiting: deque[Painted] = deque()
        self._arrived = asyncio.Event()
        self.dropped = 0

    def put(self, painted: Painted) -> None:
        """Add a picture."""
        if len(self._waiting) >= _PLACES:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(painted)
        self._arrived.set()

    def flush(self) -> None:
        """Forget all."""
        self._waiting.clear()
        self._arrived.clear()

    async def get(self) -> Painted:
        """The next picture, when it is to be shown."""
        while True:
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            early_s = self._waiting[0].play_s - self._clock_s()
            if early_s <= 0:
                return self._waiting.popleft()
            await asyncio.sleep(early_s)
