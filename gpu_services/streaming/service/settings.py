"""What the service can be told; the command line (`gpu_services/streaming/__main__.py`) fills it in."""

from dataclasses import dataclass, field
from typing import Literal

from gpu_services.streaming.service.costs import AdmissionPolicy

Codec = Literal["any", "vp8", "h264"]


@dataclass(frozen=True, kw_only=True)
class ClientLimits:
    """What one client may do; beyond it, it alone is refused or slowed.

    Attributes:
        sockets: WebSockets at once, of all clients.
        address_sockets: Of one address.
        wallet_sessions: Streams of one wallet at once.
        connects_per_minute: New sockets of one address.
        message_bytes: Largest message; a longer one closes the socket.
        bad_messages: Messages that make no sense, until the socket is closed.
        offer_s: Time until the offer or the first picture.
        silent_s: Time without a picture until the stream ends.
        session_s: Longest stream.
        send_s: Time until a message must be read by the client.
        max_fps: Pictures a second that are looked at; more are dropped unseen.
        max_width_px: Widest picture.
        max_height_px: Highest picture.
    """

    sockets: int = 256
    address_sockets: int = 16
    wallet_sessions: int = 1
    connects_per_minute: int = 120
    message_bytes: int = 2_000_000
    bad_messages: int = 8
    offer_s: float = 15.0
    silent_s: float = 10.0
    session_s: float = 900.0
    send_s: float = 5.0
    max_fps: float = 31.0
    max_width_px: int = 1920
    max_height_px: int = 1280


@dataclass(frozen=True, kw_only=True)
class Transport:
    """How video travels.

    Attributes:
        codec: What the painted video is encoded with, where the client leaves a choice.
        start_bps: Bit rate to start with.
        max_bps: Bit rate at most.
        low_latency: Our jitter handling; without it aiortc's own, for comparison.
        stun_urls: Such as `stun:stun.example.org:3478`; none are needed in one network.
        turn_urls: Such as `turn:turn.example.org:3478?transport=udp`.
        turn_secret: Shared with the TURN server, which lets temporary users in by it.
        turn_s: How long a TURN user is let in.
    """

    codec: Codec = "any"
    start_bps: int = 3_000_000
    max_bps: int = 8_000_000
    low_latency: bool = True
    stun_urls: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str | None = field(default=None, repr=False)
    turn_s: int = 3_600


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """Everything.

    Attributes:
        token_key: Key of players' tokens; None: nobody is asked for one.
        trust_proxy: Believe the X-Forwarded-For of the one proxy in front.
        max_batch: Sessions painted together at most.
        drain_s: How long players may finish after a SIGTERM.
        worker: Number of this process.
        limits: Of clients.
        admission: Of players.
        transport: Of video.
    """

    token_key: bytes | None = field(default=None, repr=False)
    trust_proxy: bool = False
    max_batch: int = 4
    drain_s: float = 70.0
    worker: int = 0
    limits: ClientLimits = field(default_factory=ClientLimits)
    admission: AdmissionPolicy = field(default_factory=AdmissionPolicy)
    transport: Transport = field(default_factory=Transport)
