"""Blocks of ports, one per attempt, that nobody listens on now.

Between the test and the server's own bind somebody may take a port; then the server says so, and the
next attempt gets the next block.
"""

import itertools
import socket
import threading
from dataclasses import dataclass

_FIRST, _LAST, _BLOCK = 20_000, 60_000, 20
_TRAFFIC_MANAGER = 10


@dataclass(frozen=True, kw_only=True)
class PortBlock:
    """The ports of one attempt.

    Attributes:
        rpc: CARLA's RPC; the two after it are its streaming ports.
        traffic_manager: Traffic manager's.
    """

    rpc: int
    traffic_manager: int


class Ports:
    """Hands out blocks; safe to ask from several threads."""

    def __init__(self, first: int = _FIRST) -> None:
        self._next = itertools.cycle(range(first, _LAST, _BLOCK))
        self._lock = threading.Lock()

    def take(self) -> PortBlock:
        """The next block whose ports can be bound.

        Raises:
            OSError: Where no block is free.
        """
        with self._lock:
            for _ in range((_LAST - _FIRST) // _BLOCK):
                base = next(self._next)
                wanted = (base, base + 1, base + 2, base + _TRAFFIC_MANAGER)
                if all(_is_free(port) for port in wanted):
                    return PortBlock(rpc=base, traffic_manager=base + _TRAFFIC_MANAGER)
        raise OSError(f"no free block of {_BLOCK} ports between {_FIRST} and {_LAST}; end what holds them")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
