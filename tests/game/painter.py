"""A painting service for tests: the real protocol over real WebRTC, and a brush instead of a model.

    python tests/game/painter.py --port 8090 --stamps paste|drop

A fake of what cannot run here (a diffusion service on a GPU): offer, answer, trickled candidates and
prompts over a WebSocket, VP8 both ways. It paints the latest frame, tinted, 40 to 120 ms late. `paste`
reads the frame id from the strip, paints, and pastes it back, as our service does; `drop` loses it, as a
third party's may.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from aiortc import RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.codecs import vpx
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av import VideoFrame
from websockets.asyncio.server import ServerConnection, serve

from scalediff_contract.stamp import block_px
from world.recorder.stamp import read_stamp, stamp_row

# aiortc starts at 0.5 Mb/s; a picture of this size deserves more, and loopback has it.
vpx.DEFAULT_BITRATE, vpx.MAX_BITRATE = 3_000_000, 8_000_000
TINTS = {"night": (0.4, 0.5, 0.9), "autumn": (1.0, 0.75, 0.4)}
PLAIN_TINT = (0.9, 1.0, 0.8)


class Painting(VideoStreamTrack):
    """The painted track: always the latest frame that came, never a queue."""

    def __init__(self, source: Any, *, pastes: bool) -> None:
        super().__init__()
        self._source, self._pastes = source, pastes
        self._latest: VideoFrame | None = None
        self._arrived = asyncio.Event()
        self._reading = asyncio.ensure_future(self._read())
        self._random = random.Random(1)
        self.tint = PLAIN_TINT

    async def recv(self) -> VideoFrame:
        """The next painted frame."""
        await self._arrived.wait()
        self._arrived.clear()
        if self._latest is None:
            raise MediaStreamError
        frame = self._latest
        await asyncio.sleep(self._random.uniform(0.04, 0.12))
        painted = VideoFrame.from_ndarray(
            self._paint(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)), format="rgb24"
        )
        painted.pts, painted.time_base = frame.pts, frame.time_base
        return painted

    def _paint(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        height, width = rgb.shape[:2]
        block = block_px(width, height)
        frame_id = read_stamp(rgb)
        painted: npt.NDArray[np.uint8] = (rgb * np.array(self.tint)).astype(np.uint8)
        painted[:block] = painted[block : 2 * block]
        if self._pastes and frame_id is not None:
            strip = stamp_row(frame_id, width, height)
            painted[:block, : len(strip)] = strip[None, :, None]
        return painted

    async def _read(self) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                self._latest = await self._source.recv()
                self._arrived.set()
        self._latest = None
        self._arrived.set()


async def paint_for(socket: ServerConnection, *, pastes: bool) -> None:
    """One player's connection, from the offer until the socket closes."""
    peer = RTCPeerConnection()
    painting: list[Painting] = []

    @peer.on("track")
    def on_track(track: Any) -> None:
        painting.append(Painting(track, pastes=pastes))
        peer.addTrack(painting[0])

    try:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "offer":
                await peer.setRemoteDescription(RTCSessionDescription(message["sdp"], "offer"))
                await peer.setLocalDescription(await peer.createAnswer())
                await socket.send(json.dumps({"type": "answer", "sdp": peer.localDescription.sdp}))
            elif message["type"] == "ice-candidate" and message["candidate"].get("candidate"):
                candidate = candidate_from_sdp(message["candidate"]["candidate"].partition(":")[2])
                candidate.sdpMid = message["candidate"]["sdpMid"]
                candidate.sdpMLineIndex = message["candidate"]["sdpMLineIndex"]
                await peer.addIceCandidate(candidate)
            elif message["type"] == "prompt" and painting:
                words = message["prompt"].split()
                painting[0].tint = next((TINTS[word] for word in words if word in TINTS), PLAIN_TINT)
    finally:
        await peer.close()


async def run(port: int, *, pastes: bool) -> None:
    """Serve until killed."""
    async with serve(lambda socket: paint_for(socket, pastes=pastes), "127.0.0.1", port) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--stamps", choices=("paste", "drop"), default="paste")
    chosen = parser.parse_args()
    asyncio.run(run(chosen.port, pastes=chosen.stamps == "paste"))
