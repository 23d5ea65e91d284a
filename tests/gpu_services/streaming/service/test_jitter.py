"""Which frames reach the decoder, and when: order and waiting, never milliseconds."""

import asyncio
import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from aiortc import RTCPeerConnection, VideoStreamTrack
from aiortc.jitterbuffer import JitterBuffer

from gpu_services.streaming.service.jitter import (
    DECODER_FRAMES,
    PATIENCE_FRAMES,
    DecoderQueue,
    LowLatencyJitterBuffer,
    use_low_latency,
    vp8_size,
)


@dataclass
class FakePacket:
    """What aiortc's buffer reads of an RTP packet."""

    sequence_number: int
    timestamp: int
    marker: int
    _data: bytes


def key_data(width: int = 640, height: int = 360) -> bytes:
    return b"\x00\x00\x00\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


def stream(
    frames: int, *, packets: int = 3, key_at: Iterable[int] = (0,), start: int = 0
) -> list[FakePacket]:
    numbers = itertools.count(start)
    return [
        FakePacket(
            next(numbers) % 65_536,
            3_000 * frame,
            int(part == packets - 1),
            key_data() if frame in key_at and part == 0 else b"\x01%d.%d" % (frame, part),
        )
        for frame in range(frames)
        for part in range(packets)
    ]


def fed(buffer: JitterBuffer, packets: Iterable[FakePacket]) -> tuple[list[int], int]:
    """Frame numbers in the order in which they came out, and how often a key frame was asked for."""
    out, asked = [], 0
    for packet in packets:
        asks, frame = buffer.add(packet)  # type: ignore[arg-type]
        asked += asks
        if frame is not None:
            out.append(frame.timestamp // 3_000)
    return out, asked


def test_a_frame_goes_on_with_its_last_packet_and_aiortcs_own_waits_for_the_next_frame() -> None:
    packets = stream(1)
    assert fed(LowLatencyJitterBuffer(), packets)[0] == [0]
    assert fed(JitterBuffer(capacity=512, is_video=True), packets)[0] == []


def test_packets_in_any_order_make_the_same_frames() -> None:
    packets = stream(20)
    first, rest = packets[:1], packets[1:]
    groups = [rest[k : k + 6] for k in range(0, len(rest), 6)]
    shuffled = [packet for group in groups for packet in random.Random(1).sample(group, len(group))]
    assert fed(LowLatencyJitterBuffer(), first + shuffled) == (list(range(20)), 0)


def test_a_retransmitted_packet_fills_its_hole_before_patience_ends() -> None:
    packets = stream(PATIENCE_FRAMES + 3)
    lost = packets.pop(4)
    buffer = LowLatencyJitterBuffer()
    assert fed(buffer, packets[: 3 * PATIENCE_FRAMES]) == ([0], 0)
    assert fed(buffer, [lost])[0] == [1]
    out, asked = fed(buffer, packets[3 * PATIENCE_FRAMES :])
    assert (out[-1], asked, buffer.skipped_frames) == (PATIENCE_FRAMES + 2, 0, 0)


def test_after_a_loss_nothing_is_decoded_until_a_key_frame_which_is_asked_for_once() -> None:
    packets = stream(20, key_at=(0, 12))
    del packets[7]
    out, asked = fed(LowLatencyJitterBuffer(), packets)
    assert out == [0, 1, *range(12, 20)]
    assert asked == 1


def test_a_key_frame_behind_the_hole_is_enough() -> None:
    packets = stream(12, key_at=(0, 4))
    del packets[4]
    out, asked = fed(LowLatencyJitterBuffer(), packets)
    assert out == [0, *range(4, 12)]
    assert asked == 0


def test_a_stream_that_begins_in_the_middle_waits_for_a_key_frame() -> None:
    out, asked = fed(LowLatencyJitterBuffer(), stream(30, key_at=(20,)))
    assert out == list(range(20, 30))
    assert 1 <= asked <= 4


def test_sequence_numbers_may_wrap() -> None:
    assert fed(LowLatencyJitterBuffer(), stream(40, start=65_500))[0] == list(range(40))


def test_an_encoder_without_markers_is_understood_by_timestamps() -> None:
    packets = stream(5)
    for packet in packets:
        packet.marker = 0
    assert fed(LowLatencyJitterBuffer(), packets)[0] == [0, 1, 2, 3]


def test_padding_between_frames_is_no_frame() -> None:
    packets = stream(2, packets=1)
    padding = FakePacket(1, 0, 0, b"")
    packets[1].sequence_number = 2
    assert fed(LowLatencyJitterBuffer(), [packets[0], padding, packets[1]])[0] == [0, 1]


def test_a_jump_of_the_numbers_starts_anew() -> None:
    buffer = LowLatencyJitterBuffer()
    fed(buffer, stream(3))
    assert fed(buffer, stream(3, start=10_000))[0] == [0, 1, 2]


def test_a_picture_over_the_limit_never_reaches_the_decoder() -> None:
    asked_for: list[tuple[int, int]] = []

    def accepts(width: int, height: int) -> bool:
        asked_for.append((width, height))
        return width <= 640

    packets = stream(4, packets=1)
    packets[0]._data = key_data(16_383, 16_383)
    assert fed(LowLatencyJitterBuffer(accepts=accepts), packets)[0] == []
    assert asked_for == [(16_383, 16_383)]


def test_the_size_is_read_of_vp8_key_frames_only() -> None:
    assert vp8_size(key_data(832, 480)) == (832, 480)
    assert vp8_size(b"\x01" + key_data()[1:]) is None
    assert vp8_size(b"") is None


def test_random_loss_never_gives_a_frame_whose_reference_is_missing() -> None:
    dice = random.Random(3)
    packets = stream(3_000, key_at=range(0, 3_000, 25))
    kept = [packet for packet in packets if dice.random() > 0.05]
    out, _ = fed(LowLatencyJitterBuffer(), kept)
    assert out == sorted(set(out))
    for before, frame in itertools.pairwise(out):
        assert frame == before + 1 or frame % 25 == 0, (before, frame)
    assert len(out) > 300


def test_a_decoder_that_falls_behind_gets_a_key_frame_and_no_queue() -> None:
    buffer = LowLatencyJitterBuffer()
    waiting = DecoderQueue(buffer)
    fed(buffer, stream(1))
    for number in range(100):
        waiting.put(number)
    waiting.put(None)
    assert waiting.qsize() == DECODER_FRAMES + 1
    assert fed(buffer, stream(3, start=3, key_at=()))[0] == [], (
        "inter frames after a dropped one must not be decoded"
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_receiver_takes_our_buffer_and_others_keep_theirs() -> None:
    async def attributes() -> tuple[object, object, object]:
        ours, stock = RTCPeerConnection(), RTCPeerConnection()
        receivers = [peer.addTransceiver(VideoStreamTrack()).receiver for peer in (ours, stock)]
        buffer = use_low_latency(receivers[0], accepts=lambda _width, _height: True)
        found = [receiver._RTCRtpReceiver__jitter_buffer for receiver in receivers]  # type: ignore[attr-defined]
        await ours.close()
        await stock.close()
        return buffer, found[0], found[1]

    buffer, ours, stock = asyncio.run(attributes())
    assert ours is buffer
    assert type(stock) is JitterBuffer
