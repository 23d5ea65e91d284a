"""A stream's media over WebRTC: one video track in, one out, and a data channel with a row per frame."""

import asyncio
import contextlib
import fractions
import logging
from collections import deque
from collections.abc import Iterator

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription, candidate_from_sdp
from av import VideoFrame

from gpu_services.streaming.service.jitter import use_low_latency
from gpu_services.streaming.service.pictures import with_stamp
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.session import Session
from gpu_services.streaming.service.settings import Transport
from gpu_services.streaming.service.studio import Painted
from scalediff_contract.streaming import ROWS_CHANNEL, Candidate

_LOG = logging.getLogger(__name__)
_CODECS = ("video/VP8", "video/H264")
_CLOCK_HZ = 90_000
_BURST = 4  # a network that stalled delivers a few at once
_WAITING_ROWS = 600  # twenty seconds
_UNSENT_BYTES = 64_000  # more than this in SCTP's hands means that the client reads none
# What aiortc's parser raises for text that is none; found by the tests' mutilated offers.
_BROKEN_SDP = (ValueError, IndexError, KeyError, AssertionError, AttributeError, TypeError, StopIteration)


class PaintedTrack(MediaStreamTrack):
    """The way back."""

    kind = "video"

    def __init__(self, session: Session, rows: "Rows") -> None:
        super().__init__()
        self._session, self._rows = session, rows
        self._start_s: float | None = None
        self._pts = -1

    async def recv(self) -> VideoFrame:
        """The next painted picture, when it is to be shown."""
        painted = await self._session.outbox.get()
        self._rows.send(painted)
        loop = asyncio.get_running_loop()
        frame = await loop.run_in_executor(None, _video_frame, painted)
        frame.pts, frame.time_base = self._next_pts(painted.play_s), fractions.Fraction(1, _CLOCK_HZ)
        return frame

    def _next_pts(self, play_s: float) -> int:
        if self._start_s is None:
            self._start_s = play_s
        self._pts = max(self._pts + 1, round((play_s - self._start_s) * _CLOCK_HZ))
        return self._pts


class Rows:
    """The data channel. Pictures may come before it is open, or faster than it: the last rows wait."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._channel: RTCDataChannel | None = None
        self._waiting: deque[str] = deque(maxlen=_WAITING_ROWS)

    def attach(self, channel: RTCDataChannel) -> None:
        """The client opened a channel."""
        if channel.label == ROWS_CHANNEL:
            self._channel = channel
            self._flush()

    def send(self, painted: Painted) -> None:
        """Say what becomes of a picture that is sent now."""
        self._waiting.append(self._session.row_of(painted).model_dump_json())
        self._flush()

    def _flush(self) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        while self._waiting and channel.bufferedAmount < _UNSENT_BYTES:
            channel.send(self._waiting.popleft())


class Peer:
    """One peer connection."""

    def __init__(self, session: Session, transport: Transport) -> None:
        self._session, self._transport = session, transport
        servers = [RTCIceServer(urls=url) for url in transport.stun_urls]
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._rows = Rows(session)
        self._intake: asyncio.Task[None] | None = None
        self._connection.on("track", self._on_track)
        self._connection.on("datachannel", self._rows.attach)
        self._connection.on("connectionstatechange", self._on_state)

    async def answer(self, sdp: str) -> str:
        """Take the offer.

        Raises:
            RefusalError: It is none, or none that this service can answer.
        """
        with _readable_sdp():
            check_offer(sdp)
            self._prepare_video()
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            for transceiver in self._connection.getTransceivers()[1:]:
                transceiver.direction = "inactive"  # sound and further pictures
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        return str(self._connection.localDescription.sdp)

    async def add(self, candidate: Candidate) -> None:
        """Take a trickled candidate.

        Raises:
            RefusalError: It makes no sense.
        """
        text = candidate.candidate.partition(":")[2]
        if not text:
            return  # no more to come
        try:
            parsed = candidate_from_sdp(text)
            parsed.sdpMid, parsed.sdpMLineIndex = candidate.sdp_mid, candidate.sdp_mline_index
            await self._connection.addIceCandidate(parsed)
        except (*_BROKEN_SDP, InvalidAccessError, InvalidStateError) as error:
            raise RefusalError("bad-message", f"candidate {text[:60]!r} cannot be read ({error})") from error

    async def close(self) -> None:
        """Free the sockets and threads."""
        if self._intake is not None:
            self._intake.cancel()
            await asyncio.gather(self._intake, return_exceptions=True)
        await self._connection.close()

    def _prepare_video(self) -> None:
        """The way back, and our jitter handling for the way in; the offer's first video takes them."""
        track = PaintedTrack(self._session, self._rows)
        transceiver = self._connection.addTransceiver(track, direction="sendrecv")
        if self._transport.low_latency:
            use_low_latency(transceiver.receiver, accepts=self._session.fits)
        if self._transport.codec != "any":
            mime = f"video/{self._transport.codec}"
            known = RTCRtpSender.getCapabilities("video").codecs
            chosen = [codec for codec in known if codec.mimeType.lower() in (mime, "video/rtx")]
            transceiver.setCodecPreferences(chosen)

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self._intake is None:
            self._intake = asyncio.create_task(self._read(track), name=f"intake-{self._session.key}")

    def _on_state(self) -> None:
        if self._connection.connectionState == "failed":
            detail = "the media connection failed; a firewall may block UDP: use a TURN server"
            self._session.end(RefusalError("media-failed", detail, status=502))

    async def _read(self, track: MediaStreamTrack) -> None:
        """Read without pause, so that nothing queues up in aiortc; prepare the latest few."""
        latest: deque[tuple[VideoFrame, float]] = deque(maxlen=_BURST)
        arrived = asyncio.Event()
        preparing = asyncio.create_task(self._prepare(latest, arrived))
        preparing.add_done_callback(self._on_prepared)
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, VideoFrame) and self._session.wants():
                    latest.append((frame, self._session.studio.clock_s()))
                    arrived.set()
        except MediaStreamError:
            return
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)

    def _on_prepared(self, task: asyncio.Task[None]) -> None:
        """It never ends by itself: what stopped it ends the stream."""
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("event=intake-failed error=%r", error)
            detail = "a picture could not be read; connect again"
            self._session.end(RefusalError("media-failed", detail, status=500))

    async def _prepare(self, latest: deque[tuple[VideoFrame, float]], arrived: asyncio.Event) -> None:
        while True:
            await arrived.wait()
            arrived.clear()
            while latest:
                await self._session.take(*latest.popleft())


def check_offer(sdp: str) -> None:
    """Refuse what could not work, in words.

    Raises:
        RefusalError: There is no video, it goes one way only, or in a codec that is not spoken here.
    """
    videos = [media for media in SessionDescription.parse(sdp).media if media.kind == "video"]
    if not videos:
        raise RefusalError("bad-offer", "the offer has no video; add a track of the game's canvas")
    if videos[0].direction not in (None, "sendrecv"):
        raise RefusalError("bad-offer", f"the offer's video is {videos[0].direction}; offer sendrecv")
    offered = sorted({codec.mimeType for codec in videos[0].rtp.codecs} - {"video/rtx"})
    if not {codec.lower() for codec in offered} & {codec.lower() for codec in _CODECS}:
        spoken = " or ".join(_CODECS)
        raise RefusalError("wrong-codec", f"the offer has {', '.join(offered) or 'no codec'}; offer {spoken}")


@contextlib.contextmanager
def _readable_sdp() -> Iterator[None]:
    try:
        yield
    except (*_BROKEN_SDP, OperationError, InvalidAccessError, InvalidStateError) as error:
        raise RefusalError(
            "bad-offer", f"the offer's SDP cannot be used: {error or type(error).__name__}"
        ) from error


def _video_frame(painted: Painted) -> VideoFrame:
    rgb = with_stamp(painted.rgb, painted.source.in_id) if painted.source.is_stamped else painted.rgb
    return VideoFrame.from_ndarray(rgb, format="rgb24")
