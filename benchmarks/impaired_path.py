"""A bad network for one WebRTC connection: a UDP relay between the two peers that loses and delays packets.

Real packets, all of them: ICE, DTLS, RTP, RTCP and the data channel. The offer's and the answer's candidates
are replaced by the relay's two addresses, so neither peer knows another way.
"""

import asyncio
import random
import re
from dataclasses import dataclass
from types import TracebackType
from typing import Self, cast

_CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", re.IGNORECASE)
Address = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Impairment:
    """How bad it is, each way.

    Attributes:
        loss: Share of packets that vanish.
        delay_ms: Least and most delay; packets overtake each other.
        seed: Of the dice.
    """

    loss: float = 0.03
    delay_ms: tuple[float, float] = (5.0, 25.0)
    seed: int = 1


class _Side(asyncio.DatagramProtocol):
    """One face of the relay: what comes here leaves at the other."""

    def __init__(self, path: "ImpairedPath") -> None:
        self._path = path
        self.peer: Address | None = None
        self.other: _Side | None = None
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.peer = addr
        if self.other is not None:
            self._path.carry(data, self.other)

    def leave(self, data: bytes) -> None:
        """Send to this face's peer."""
        if self.peer is not None and self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, self.peer)


class ImpairedPath:
    """The relay, in an `async with`; give `edit_offer` and `edit_answer` to the client."""

    def __init__(self, impairment: Impairment) -> None:
        self._impairment = impairment
        self._dice = random.Random(impairment.seed)
        self._client, self._service = _Side(self), _Side(self)
        self._client.other, self._service.other = self._service, self._client
        self.carried = self.lost = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for side in (self._client, self._service):
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=("0.0.0.0", 0))  # type: ignore[misc]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for side in (self._client, self._service):
            if side.transport is not None:
                side.transport.close()

    def edit_offer(self, sdp: str) -> str:
        """The client's offer, as if it lived at the relay."""
        return self._moved(sdp, behind=self._client, shown=self._service)

    def edit_answer(self, sdp: str) -> str:
        """The service's answer, as if it lived at the relay."""
        return self._moved(sdp, behind=self._service, shown=self._client)

    def carry(self, data: bytes, out: _Side) -> None:
        """Lose a packet, or let it leave later."""
        self.carried += 1
        if self._dice.random() < self._impairment.loss:
            self.lost += 1
            return
        low, high = self._impairment.delay_ms
        asyncio.get_running_loop().call_later(self._dice.uniform(low, high) / 1000, out.leave, data)

    def _moved(self, sdp: str, *, behind: _Side, shown: _Side) -> str:
        match = _CANDIDATE.search(sdp)
        if match is None or shown.transport is None:
            raise ValueError(f"no IPv4 host candidate to relay in the SDP:\n{sdp}")
        behind.peer = (match[1], int(match[2]))
        port = shown.transport.get_extra_info("sockname")[1]
        kept = [line for line in sdp.splitlines() if not line.startswith("a=candidate")]
        line = f"a=candidate:1 1 udp 2130706431 {match[1]} {port} typ host"
        at = next(k for k, text in enumerate(kept) if text.startswith("a=ice-ufrag"))
        # All media share one transport (BUNDLE): one candidate in the first section is enough.
        return "\r\n".join([*kept[:at], line, *kept[at:]]) + "\r\n"
