"""How often one client may ask: token buckets in memory, bounded, one set per kind of client.

Each process counts for itself; quotas that matter belong into a database.
"""

import ipaddress
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import Scope

_MAX_CLIENTS = 20_000


class TokenBuckets:
    """One bucket per client, each holding a minute's requests and refilled evenly.

    Of more than `max_clients`, the one that asked longest ago is forgotten: its bucket is the
    fullest.

    Example:
        buckets = TokenBuckets(600, time.monotonic)
        if (wait_s := buckets.take("203.0.113.7")) > 0: refuse
    """

    def __init__(
        self, per_minute: int, clock_s: Callable[[], float], *, max_clients: int = _MAX_CLIENTS
    ) -> None:
        self._capacity = float(per_minute)
        self._per_s = per_minute / 60
        self._clock_s = clock_s
        self._max_clients = max_clients
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, at second
        self._lock = threading.Lock()

    def take(self, client: str) -> float:
        """Take one token; returns 0, or the seconds until there is one."""
        now_s = self._clock_s()
        with self._lock:
            tokens, at_s = self._buckets.pop(client, (self._capacity, now_s))
            tokens = min(self._capacity, tokens + (now_s - at_s) * self._per_s)
            wait_s = 0.0 if tokens >= 1 else (1 - tokens) / self._per_s
            self._buckets[client] = (tokens if wait_s else tokens - 1, now_s)
            if len(self._buckets) > self._max_clients:
                self._buckets.popitem(last=False)
        return wait_s

    def __len__(self) -> int:
        return len(self._buckets)


class InFlight:
    """How many things each client does at this moment; for one event loop."""

    def __init__(self, per_client: int) -> None:
        self._per_client = per_client
        self._counts: Counter[str] = Counter()

    @contextmanager
    def enter(self, client: str) -> Iterator[bool]:
        """Count one more inside the `with` block; False where the client has no place left."""
        has_place = self._counts[client] < self._per_client
        self._counts[client] += has_place
        try:
            yield has_place
        finally:
            self._counts[client] -= has_place
            if not self._counts[client]:
                del self._counts[client]


def client_of(address: str) -> str:
    """Whom an address stands for: one IPv6 client owns a whole /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def address_of(scope: Scope, *, trust_proxy: bool) -> str:
    """The client's address: the socket's peer, or what the one trusted proxy saw as its peer.

    A proxy appends its peer to X-Forwarded-For; what stands before it came from the client itself.
    """
    if trust_proxy:
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        hops = [hop.strip() for hop in b",".join(forwarded).decode("latin-1").split(",") if hop.strip()]
        if hops:
            return client_of(hops[-1])
    peer = scope.get("client")
    return client_of(peer[0]) if peer else "unknown"
