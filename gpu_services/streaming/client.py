"""A player without a browser: real WebRTC, stamped pictures out, painted ones in, every one accounted for.

For tests, benchmarks and probes. Each source picture carries its id twice: in the stamp, which the service
reads, covers and draws anew, and in a second strip at the bottom, which it knows nothing of and paints like
any other pixels. A painted picture whose two ids differ was painted from another frame than it says.
"""

import asyncio
import contextlib
import fractions
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import websockets
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame
from numpy.typing import NDArray

from gpu_services.streaming.service.jitter import use_low_latency
from scalediff_contract.stamp import block_px
from scalediff_contract.streaming import ROWS_CHANNEL, FrameRow
from world.recorder.stamp import read_stamp, stamp_row

_CLOCK_HZ = 90_000
_ROWS_UP = 2  # the second strip stands so many strips above the bottom edge
SdpEdit = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Received:
    """One painted picture.

    Attributes:
        stamp_id: As the stamp says; None where it cannot be read.
        content_id: As the painted second strip says.
        latency_s: Since the source picture of `stamp_id` was handed to the encoder.
        mean_rgb: Mean colour of its middle.
    """

    stamp_id: int | None
    content_id: int | None
    latency_s: float | None
    mean_rgb: tuple[float, float, float]


def source_picture(
    frame_id: int, width_px: int, height_px: int, *, stamped: bool = True
) -> NDArray[np.uint8]:
    """A moving picture with its id in two places, `(H, W, 3) uint8`."""
    columns = (np.arange(width_px) + 3 * frame_id) % 256
    rows = np.arange(height_px)[:, None] * 200 // height_px
    picture = np.empty((height_px, width_px, 3), np.uint8)
    picture[..., 0] = columns[None, :]
    picture[..., 1] = rows
    picture[..., 2] = 96
    strip, block = stamp_row(frame_id, width_px, height_px), block_px(width_px, height_px)
    low = height_px - _ROWS_UP * block
    picture[low : low + block, : len(strip)] = strip[None, :, None]
    if stamped:
        picture[:block, : len(strip)] = strip[None, :, None]
    return picture


def content_id_of(luma: NDArray[np.uint8]) -> int | None:
    """The id in the second strip."""
    height, width = luma.shape
    return read_stamp(np.roll(luma, _ROWS_UP * block_px(width, height), axis=0))


class SourceTrack(MediaStreamTrack):
    """Pictures at a steady rate."""

    kind = "video"

    def __init__(self, *, width_px: int, height_px: int, fps: float, stamped: bool = True) -> None:
        super().__init__()
        self._size, self._fps, self._stamped = (width_px, height_px), fps, stamped
        self._start_s: float | None = None
        self._next = 0
        self.sent_s: dict[int, float] = {}

    async def recv(self) -> VideoFrame:
        """The next picture, when its time has come."""
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        self._next = max(self._next + 1, int((now_s - self._start_s) * self._fps))
        await asyncio.sleep(self._start_s + self._next / self._fps - now_s)
        frame = VideoFrame.from_ndarray(
            source_picture(self._next, *self._size, stamped=self._stamped), format="rgb24"
        )
        frame.pts = round(self._next / self._fps * _CLOCK_HZ)
        frame.time_base = fractions.Fraction(1, _CLOCK_HZ)
        self.sent_s[self._next] = time.monotonic()
        return frame


@dataclass(kw_only=True)
class StreamClient:
    """One player, in an `async with`.

    Attributes:
        url: The service's WebSocket.
        source: What it sends.
        low_latency: Our jitter handling on the way back; else aiortc's own.
        edit_offer: Changes the offer's SDP before it goes.
        edit_answer: Changes the answer's SDP before it is used.
        received: Painted pictures so far.
        rows: Rows of the data channel by input id.
        messages: Signalling messages so far.
    """

    url: str
    source: SourceTrack
    prompt: str = "a city"
    low_latency: bool = True
    edit_offer: SdpEdit = lambda sdp: sdp
    edit_answer: SdpEdit = lambda sdp: sdp
    received: list[Received] = field(default_factory=list)
    rows: dict[int, FrameRow] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._peer = RTCPeerConnection()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket = await websockets.connect(self.url, max_size=None)
        self._answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks.append(asyncio.create_task(self._listen()))
        try:
            await self._connect()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._peer.close()
        await self._socket.close()

    async def say(self, **message: object) -> None:
        """Send a signalling message."""
        await self._socket.send(json.dumps(message))

    async def wait_for(self, count: int, *, within_s: float = 20.0) -> None:
        """Until so many painted pictures have come.

        Raises:
            TimeoutError: They have not.
        """
        async with asyncio.timeout(within_s):
            while len(self.received) < count:
                await asyncio.sleep(0.02)

    def disagreeing(self) -> list[Received]:
        """Pictures whose stamp, pixels and rows do not say the same."""
        return [
            picture
            for picture in self.received
            if picture.stamp_id is None
            or picture.stamp_id != picture.content_id
            or picture.stamp_id not in self.rows
        ]

    async def settle(self, *, within_s: float = 20.0) -> None:
        """Send no more, and wait for rows that are sent again after a loss."""
        self.source.stop()
        waited_s = 0.0
        while waited_s < within_s and (waited_s < 0.5 or self.disagreeing()):
            await asyncio.sleep(0.1)
            waited_s += 0.1

    async def closed(self) -> None:
        """Until the service has closed the socket."""
        await self._socket.wait_closed()

    async def _connect(self) -> None:
        channel = self._peer.createDataChannel(ROWS_CHANNEL)
        channel.on("message", self._on_row)
        transceiver = self._peer.addTransceiver(self.source, direction="sendrecv")
        if self.low_latency:
            use_low_latency(transceiver.receiver, accepts=lambda _width, _height: True)
        self._peer.on("track", self._on_track)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        await self.say(type="prompt", prompt=self.prompt, enhance_prompt=True)
        await self.say(type="offer", sdp=self.edit_offer(self._peer.localDescription.sdp))
        answer = self.edit_answer(await self._answered)
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def _listen(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._hear()
        if not self._answered.done():
            self._answered.set_exception(ConnectionResetError(f"{self.url} closed before it answered"))

    async def _hear(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            self.messages.append(message)
            if message["type"] == "answer":
                self._answered.set_result(message["sdp"])
            elif message["type"] == "error" and not self._answered.done():
                self._answered.set_exception(ConnectionRefusedError(message["message"]))

    def _on_row(self, text: str) -> None:
        row = FrameRow.model_validate_json(text)
        self.rows[row.in_id] = row

    def _on_track(self, track: MediaStreamTrack) -> None:
        self._tasks.append(asyncio.create_task(self._receive(track)))

    async def _receive(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, VideoFrame):
                    self._take(frame, time.monotonic())
        except MediaStreamError:
            return

    def _take(self, frame: VideoFrame, now_s: float) -> None:
        rgb = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        height, width = rgb.shape[:2]
        luma = rgb[..., 1]
        stamp_id = read_stamp(luma)
        sent_s = None if stamp_id is None else self.source.sent_s.get(stamp_id)
        middle = rgb[height // 3 : height // 2, width // 4 : -width // 4].reshape(-1, 3).mean(axis=0)
        self.received.append(
            Received(
                stamp_id=stamp_id,
                content_id=content_id_of(luma),
                latency_s=None if sent_s is None else now_s - sent_s,
                mean_rgb=(float(middle[0]), float(middle[1]), float(middle[2])),
            )
        )
