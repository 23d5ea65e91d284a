"""Frames without waiting: what replaces aiortc's jitter buffer, per receiver, and why.

aiortc 1.16 gives a frame to the decoder when the first packet of the NEXT frame arrives, one frame interval
late (33 ms at 30 fps, at each hop), waits for a lost packet until 512 others have come, and then lets the
decoder go on from a picture that it never saw, so that damage spreads until the next key frame. Here:

* a frame goes on as soon as its packets are there up to the one with RTP's marker bit, its last;
* a hole is waited for while `PATIENCE_FRAMES` newer frames become complete (a retransmission takes one round
  trip); then everything up to the next key frame is dropped and one is asked for. The decoder sees whole
  frames in order, each after the one that it builds on, or a key frame: pictures are late or missing, never
  wrong, and so is the frame id that is stamped on them;
* a decoder that falls behind gets no queue to fall behind in: beyond `DECODER_FRAMES` the stream skips to
  the next key frame;
* a VP8 key frame says its size; one over the limit never reaches the decoder.

`use_low_latency` puts this into one `RTCRtpReceiver` before it starts. It sets two private attributes of
aiortc 1.16, which a test guards; stock receivers in the same process are not touched.
"""

import queue
from collections.abc import Callable
from typing import Any, Protocol, cast

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame

PATIENCE_FRAMES = 4
DECODER_FRAMES = 4
ASK_EVERY_FRAMES = 8
_CAPACITY = 512
_MODULO = 1 << 16
_VP8_KEY_START = b"\x9d\x01\x2a"
_H264_START = b"\x00\x00\x00\x01"
_H264_KEY_TYPES = (5, 7)  # an IDR slice, or the parameters that come before it


class Packet(Protocol):
    """What is read of aiortc's RTP packets."""

    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes


SizeCheck = Callable[[int, int], bool]


def is_key_frame(data: bytes) -> bool:
    """Whether a depayloaded frame's beginning starts a VP8 or H.264 key frame."""
    if data.startswith(_H264_START):
        return len(data) > 4 and data[4] & 0x1F in _H264_KEY_TYPES
    return len(data) > 9 and data[0] & 1 == 0 and data[3:6] == _VP8_KEY_START


def vp8_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels that a VP8 key frame announces; None for anything else."""
    if len(data) < 10 or data[0] & 1 or data[3:6] != _VP8_KEY_START:
        return None
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF


class LowLatencyJitterBuffer(JitterBuffer):
    """See the module."""

    def __init__(self, *, accepts: SizeCheck = lambda _width, _height: True) -> None:
        super().__init__(capacity=_CAPACITY, is_video=True)
        self._accepts = accepts
        self._waits_for_key = True
        self._newest = 0
        self._since_asked = ASK_EVERY_FRAMES
        self.skipped_frames = 0

    def resync(self) -> None:
        """Drop everything until a key frame; for a decoder that cannot follow."""
        self._waits_for_key = True

    def add(self, packet: Any) -> tuple[bool, JitterFrame | None]:
        """Take a packet.

        Returns:
            Whether a key frame must be asked for, and a frame that is complete.
        """
        if not self._place(packet):
            return False, None
        skipped = self.skipped_frames
        frame = self._next_frame()
        if frame is None and self._give_up_hole():
            frame = self._next_frame()
        return self._must_ask(self.skipped_frames - skipped), frame

    def _next_frame(self) -> JitterFrame | None:
        """The next frame that can be decoded."""
        while (frame := self._take_frame()) is not None:
            is_key = is_key_frame(frame.data)
            if is_key:
                self._waits_for_key = not self._fits(frame.data)
            if not self._waits_for_key and frame.data:
                return frame
            self.skipped_frames += bool(frame.data)  # padding is no frame
        return None

    def _must_ask(self, skipped: int) -> bool:
        """Whether to ask for a key frame: when the first frame is skipped, then every few."""
        if not self._waits_for_key:
            self._since_asked = ASK_EVERY_FRAMES
            return False
        asks = skipped > 0 and self._since_asked >= ASK_EVERY_FRAMES
        self._since_asked = 0 if asks else self._since_asked + skipped
        return asks

    def _place(self, packet: Packet) -> bool:
        """Put a packet at its place; False where it comes too late."""
        if self._origin is None:
            self._origin = packet.sequence_number
        ahead = (packet.sequence_number - self._origin) % _MODULO
        if ahead >= _MODULO // 2:
            return False
        if ahead >= _CAPACITY:
            self._forget()
            self._origin, ahead = packet.sequence_number, 0
        self._newest = max(self._newest, ahead)
        self._packets[packet.sequence_number % _CAPACITY] = cast(Any, packet)
        return True

    def _take_frame(self) -> JitterFrame | None:
        """The frame at the origin, if all of it is there."""
        packets: list[Packet] = []
        for offset in range(self._newest + 1):
            packet = self._at(offset)
            if packet is None:
                return None
            if packets and packet.timestamp != packets[0].timestamp:
                return self._joined(packets)  # an encoder that sets no marker, or padding
            packets.append(packet)
            if packet.marker:
                return self._joined(packets)
        return None

    def _joined(self, packets: list[Packet]) -> JitterFrame:
        self._drop(len(packets))
        return JitterFrame(data=b"".join(packet._data for packet in packets), timestamp=packets[0].timestamp)

    def _drop(self, count: int) -> None:
        self.remove(count)
        self._newest = max(0, self._newest - count)

    def _give_up_hole(self) -> bool:
        """Where a hole has kept enough frames waiting, skip to the next key frame; whether it did."""
        ends = [offset for offset in range(self._newest + 1) if self._marker(offset)]
        if len(ends) <= PATIENCE_FRAMES:
            return False
        key = next((end + 1 for end in ends if self._starts_key(end + 1)), None)
        # Without a key frame none of them can be decoded, complete or not.
        drop = ends[-1] + 1 if key is None else key
        self.skipped_frames += sum(end < drop for end in ends)
        self._drop(drop)
        self._waits_for_key = True
        return True

    def _fits(self, data: bytes) -> bool:
        size = vp8_size(data)
        return size is None or self._accepts(*size)

    def _starts_key(self, offset: int) -> bool:
        packet = self._at(offset) if offset <= self._newest else None
        return packet is not None and is_key_frame(packet._data)

    def _marker(self, offset: int) -> bool:
        packet = self._at(offset)
        return packet is not None and bool(packet.marker)

    def _at(self, offset: int) -> Packet | None:
        return cast("Packet | None", self._packets[(cast(int, self._origin) + offset) % _CAPACITY])

    def _forget(self) -> None:
        self._packets = [None] * _CAPACITY
        self._newest = 0
        self._waits_for_key = True


class DecoderQueue(queue.Queue[Any]):
    """Between the jitter buffer and the decoder's thread: a full one skips to the next key frame."""

    def __init__(self, buffer: LowLatencyJitterBuffer) -> None:
        super().__init__()
        self._buffer = buffer
        self.dropped_frames = 0

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Take a frame, or drop it; None, which ends the thread, always goes through."""
        if item is not None and self.qsize() >= DECODER_FRAMES:
            self.dropped_frames += 1
            self._buffer.resync()
            return
        super().put(item, block, timeout)


def use_low_latency(receiver: RTCRtpReceiver, *, accepts: SizeCheck) -> LowLatencyJitterBuffer:
    """Replace the buffers of a video receiver that has not started.

    Args:
        receiver: Of a peer connection whose remote description is set.
        accepts: Whether a picture of this width and height may be decoded; called at each key frame.
    """
    buffer = LowLatencyJitterBuffer(accepts=accepts)
    private: Any = receiver
    private._RTCRtpReceiver__jitter_buffer = buffer
    private._RTCRtpReceiver__decoder_queue = DecoderQueue(buffer)
    return buffer
