"""Bad input: a specific refusal or a bounded slowdown of that client alone; nothing leaks."""

import asyncio
import gc
import json
import threading
import time
from typing import Any

import numpy as np
import psutil
import pytest
import simplejpeg
import websockets
from aiortc import RTCPeerConnection, VideoStreamTrack

from gpu_services.streaming.client import SourceTrack, StreamClient, source_picture
from gpu_services.streaming.service.costs import AdmissionPolicy
from gpu_services.streaming.service.settings import ClientLimits, StreamSettings
from scalediff_contract.tokens import make_token, token_key
from tests.gpu_services.streaming.service.running import SMALL, FourFrameBackend, Running, running

KEY = token_key(b"s" * 32)
WALLETS = ("7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV", "3EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtW")


def limited(**limits: Any) -> StreamSettings:
    return StreamSettings(limits=ClientLimits(**limits))


async def said(url: str, *messages: str | bytes) -> dict[str, Any]:
    """What a client is told at last when it says these messages."""
    async with websockets.connect(url, max_size=None) as socket:
        for message in messages:
            await socket.send(message)
        return await last_word(socket)


async def last_word(socket: websockets.ClientConnection) -> dict[str, Any]:
    async for text in socket:
        if isinstance(text, str) and (message := json.loads(text))["type"] == "error":
            return dict(message)
    raise AssertionError(f"closed without a word: {socket.close_code} {socket.close_reason}")


def offer(sdp: str) -> str:
    return json.dumps({"type": "offer", "sdp": sdp})


async def real_offer(**changes: str) -> str:
    peer = RTCPeerConnection()
    peer.addTrack(VideoStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    sdp = str(peer.localDescription.sdp)
    await peer.close()
    for old, new in changes.items():
        sdp = sdp.replace(old.replace("_", "/"), new)
    return sdp


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "garbage",
        "v=0",
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video x y z\r\n",
        "\x00" * 500,
        "m=\r\n" * 50,
    ],
)
def test_garbage_instead_of_an_sdp_is_refused(sdp: str) -> None:
    async def ask() -> dict[str, Any]:
        async with running() as place:
            return await said(place.stream_url, offer(sdp))

    refused = asyncio.run(ask())
    assert refused["code"] == "bad-offer"
    assert "offer" in refused["message"]


def test_mutilated_offers_are_refused_and_nothing_else_happens() -> None:
    async def ask() -> list[str]:
        sdp = await real_offer()
        lines = sdp.splitlines()
        async with running() as place:
            codes = []
            for k in range(0, len(lines), 4):
                broken = "\r\n".join([*lines[:k], lines[k][: len(lines[k]) // 2], *lines[k + 2 :]]) + "\r\n"
                async with websockets.connect(place.stream_url) as socket:
                    await socket.send(offer(broken))
                    while (message := json.loads(await socket.recv()))["type"] == "session_id":
                        pass
                    codes.append(message.get("code", message["type"]))
            assert await place.emptied()
            return codes

    codes = asyncio.run(ask())
    assert set(codes) <= {"answer", "bad-offer", "wrong-codec"}
    assert "bad-offer" in codes


def test_an_offer_without_a_codec_of_ours_is_refused_by_name() -> None:
    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with running() as place:
            foreign = await real_offer(VP8_90000="VP9/90000", H264_90000="AV1/90000")
            one_way = await real_offer(sendrecv="sendonly")
            return await said(place.stream_url, offer(foreign)), await said(place.stream_url, offer(one_way))

    foreign, one_way = asyncio.run(ask())
    assert foreign["code"] == "wrong-codec" and "VP9" in foreign["message"] and "VP8" in foreign["message"]
    assert one_way["code"] == "bad-offer" and "sendonly" in one_way["message"]


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("{", "JSON"),
        ("[]", "message"),
        (json.dumps({"type": "dance"}), "dance"),
        (json.dumps({"type": "prompt", "prompt": "x" * 1_000_000}), "2000"),
        (json.dumps({"type": "offer", "sdp": "x" * 200_000}), "100000"),
        (b"binary", "binary"),
    ],
)
def test_a_message_that_makes_no_sense_is_answered_and_the_socket_stays(
    message: str | bytes, word: str
) -> None:
    async def ask() -> tuple[dict[str, Any], str]:
        async with running() as place, websockets.connect(place.stream_url) as socket:
            await socket.send(message)
            answer = json.loads(await socket.recv())
            await socket.send(json.dumps({"type": "prompt", "prompt": "fine"}))
            return answer, json.loads(await socket.recv())["type"]

    answer, after = asyncio.run(ask())
    assert answer["code"] == "bad-message" and word in answer["message"]
    assert after == "prompt_ack"


def test_nonsense_without_end_closes_the_socket() -> None:
    async def ask() -> int | None:
        async with (
            running(settings=limited(bad_messages=3)) as place,
            websockets.connect(place.stream_url) as socket,
        ):
            for _ in range(3):
                await socket.send("{")
            await socket.wait_closed()
            return socket.close_code

    assert asyncio.run(ask()) == 4400


def test_an_absurd_picture_is_refused_before_it_is_decoded() -> None:
    huge = simplejpeg.encode_jpeg(np.zeros((16, 8_000, 3), np.uint8))

    async def ask() -> tuple[dict[str, Any], list[str]]:
        async with running(settings=limited(max_width_px=300)) as place:
            jpeg = await said(place.jpeg_url, huge)
            source = SourceTrack(width_px=SMALL[0], height_px=SMALL[1], fps=24)
            async with StreamClient(url=place.stream_url, source=source) as client:
                await asyncio.wait_for(client.closed(), 10)
                return jpeg, [message["code"] for message in client.messages if message["type"] == "error"]

    jpeg, webrtc = asyncio.run(ask())
    assert jpeg["code"] == "picture-too-large" and "8000x16" in jpeg["message"]
    assert webrtc == ["picture-too-large"]


def test_a_picture_that_is_no_jpeg_is_refused() -> None:
    async def ask() -> dict[str, Any]:
        async with running() as place:
            return await said(place.jpeg_url, b"\xff\xd8 this is none")

    assert "no JPEG" in asyncio.run(ask())["message"]


def test_silent_clients_are_ended_and_told_why() -> None:
    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        async with running(settings=limited(offer_s=0.3, silent_s=0.3)) as place:
            return await said(place.stream_url), await said(place.jpeg_url)

    no_offer, silent = asyncio.run(ask())
    assert (no_offer["code"], silent["code"]) == ("no-offer", "silent")


def test_a_stream_has_an_end() -> None:
    async def ask() -> dict[str, Any]:
        async with running(settings=limited(session_s=0.3)) as place:
            return await said(place.jpeg_url)

    assert asyncio.run(ask())["code"] == "time-limit"


async def jpegs(place: Running, socket: websockets.ClientConnection, fps: float, seconds: float) -> None:
    data = simplejpeg.encode_jpeg(source_picture(1, 160, 96))
    for _ in range(int(fps * seconds)):
        await socket.send(data)
        await asyncio.sleep(1 / fps)


def test_a_client_that_sends_too_much_is_slowed_alone() -> None:
    async def ask() -> tuple[float, float, float]:
        async with (
            running(settings=limited(max_fps=20)) as place,
            websockets.connect(place.jpeg_url, close_timeout=0.1) as fast,
            websockets.connect(place.jpeg_url, close_timeout=0.1) as calm,
        ):
            await asyncio.gather(jpegs(place, fast, 120, 1.0), jpegs(place, calm, 12, 1.0))
            await asyncio.sleep(0.2)
            taken = [session.sent for session in place.service.sessions.values()]
            return (
                max(taken),
                min(taken),
                await place.metric('scalediff_stream_frames_dropped_total{where="rate"}'),
            )

    fast, calm, dropped = asyncio.run(ask())
    assert fast < 60
    assert calm >= 10
    assert dropped > 30


@pytest.mark.slow
def test_a_client_that_never_reads_is_ended_and_others_play_on() -> None:
    async def read_all(socket: websockets.ClientConnection) -> int:
        return len([message async for message in socket])

    async def ask() -> tuple[list[str], int, int]:
        settings = limited(send_s=0.5, max_fps=200.0)
        async with running(settings=settings) as place:
            reader, writer = await asyncio.open_connection("127.0.0.1", place.port, limit=1024)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            picture = simplejpeg.encode_jpeg(
                np.random.default_rng(1).integers(0, 255, (360, 640, 3), np.uint8)
            )
            frame = b"\x82\xff" + len(picture).to_bytes(8, "big") + b"\0\0\0\0" + picture
            async with websockets.connect(place.jpeg_url, close_timeout=0.1) as calm:
                await calm.recv()  # ready: both play
                reading = asyncio.create_task(read_all(calm))
                deadline = time.monotonic() + 20
                while len(place.service.sessions) > 1 and time.monotonic() < deadline:
                    try:
                        writer.write(frame)
                        await asyncio.wait_for(writer.drain(), 0.2)
                    except (TimeoutError, ConnectionError):
                        pass
                    await calm.send(simplejpeg.encode_jpeg(source_picture(1, 160, 96)))
                    await asyncio.sleep(0.005)
                alive = len(place.service.sessions)
            painted = await reading
            writer.transport.abort()  # closing would first send what nobody reads any more
            text = (await place.get("/metrics")).text
            return [line for line in text.splitlines() if "ended_total" in line], alive, painted

    ended, alive, painted = asyncio.run(ask())
    assert alive == 1 and painted > 0
    assert any("not-reading" in line for line in ended), ended


def test_a_flood_of_sockets_is_refused_with_a_word_and_a_time() -> None:
    async def ask() -> tuple[list[str], float]:
        async with running(settings=limited(address_sockets=4, connects_per_minute=40)) as place:
            sockets = [await websockets.connect(place.stream_url) for _ in range(60)]
            words = [await last_word(socket) for socket in sockets[4:]]
            open_now = place.service.gate.sockets
            for socket in sockets:
                await socket.close()
            assert all(word["retry_after_s"] > 0 for word in words)
            return [word["code"] for word in words], open_now

    codes, open_now = asyncio.run(ask())
    assert open_now == 4
    assert codes.count("too-many-sockets") == 36
    assert codes.count("too-many-connects") == 20


def test_a_token_is_needed_and_must_be_right() -> None:
    now_ms = time.time() * 1000
    good = make_token(KEY, WALLETS[0], now_ms=now_ms, expires_ms=int(now_ms) + 60_000)
    old = make_token(KEY, WALLETS[0], now_ms=now_ms, expires_ms=int(now_ms) - 5_000)
    other = make_token(token_key(b"t" * 32), WALLETS[0], now_ms=now_ms, expires_ms=int(now_ms) + 60_000)

    async def ask() -> tuple[list[str], str, int]:
        async with running(settings=StreamSettings(token_key=KEY)) as place:
            codes = [
                (await said(f"{place.jpeg_url}?token={token}"))["code"] for token in ("", old, other, "x.y.z")
            ]
            async with websockets.connect(f"{place.jpeg_url}?api_key={good}") as socket:
                ready = json.loads(await socket.recv())["type"]
            bare = await place.get("/v1/ice-servers")
            return codes, ready, bare.status_code

    assert asyncio.run(ask()) == (
        ["not-signed-in", "expired-token", "invalid-token", "invalid-token"],
        "ready",
        401,
    )


def test_who_uses_anothers_token_is_refused_while_its_owner_plays() -> None:
    now_ms = time.time() * 1000
    tokens = [make_token(KEY, wallet, now_ms=now_ms, expires_ms=int(now_ms) + 60_000) for wallet in WALLETS]

    async def ask() -> tuple[dict[str, Any], str, int]:
        async with (
            running(settings=StreamSettings(token_key=KEY)) as place,
            websockets.connect(f"{place.jpeg_url}?token={tokens[0]}") as owner,
        ):
            await owner.recv()
            refused = await said(f"{place.jpeg_url}?token={tokens[0]}")
            async with websockets.connect(f"{place.jpeg_url}?token={tokens[1]}") as other:
                kind = json.loads(await other.recv())["type"]
                return refused, kind, len(place.service.sessions)

    refused, kind, sessions = asyncio.run(ask())
    assert refused["code"] == "wallet-busy"
    assert (kind, sessions) == ("ready", 2)


def test_when_all_places_are_taken_a_player_is_told_when_to_come_back() -> None:
    async def ask() -> dict[str, Any]:
        settings = StreamSettings(admission=AdmissionPolicy(max_sessions=1, session_s=30))
        async with running(settings=settings) as place, websockets.connect(place.jpeg_url) as first:
            await first.recv()
            assert (await place.get("/readyz")).status_code == 503
            return await said(place.jpeg_url)

    refused = asyncio.run(ask())
    assert refused["code"] == "full"
    assert 25 < refused["retry_after_s"] <= 30


def test_a_painter_that_fails_ends_its_players_with_a_word_and_lives_on() -> None:
    backend = FourFrameBackend()

    async def ask() -> tuple[dict[str, Any], str]:
        async with running(backend) as place:
            async with websockets.connect(place.jpeg_url) as socket:
                backend.fails = True
                await socket.send(simplejpeg.encode_jpeg(source_picture(1, 160, 96)))
                refused = await last_word(socket)
            backend.fails = False
            async with websockets.connect(place.jpeg_url) as socket:
                await socket.recv()
                await socket.send(simplejpeg.encode_jpeg(source_picture(1, 160, 96)))
                data = await socket.recv()
                return refused, type(data).__name__

    refused, kind = asyncio.run(ask())
    assert (refused["code"], kind) == ("painter-failed", "bytes")
    assert backend.open == 0


@pytest.mark.slow
def test_a_thousand_players_who_leave_in_mid_chunk_leave_nothing_behind() -> None:
    backend = FourFrameBackend()
    picture = simplejpeg.encode_jpeg(source_picture(1, 160, 96))

    async def come_and_go(place: Running, how: int) -> None:
        socket = await websockets.connect(place.jpeg_url)
        await socket.recv()
        await socket.send(picture)
        if how % 2:
            socket.transport.abort()
        else:
            await socket.close()

    async def ask() -> tuple[int, int, int, int]:
        settings = StreamSettings(
            limits=ClientLimits(connects_per_minute=10**9, address_sockets=50),
            admission=AdmissionPolicy(max_sessions=50, max_load=1e9),
        )
        async with running(backend, settings) as place:
            await come_and_go(place, 0)
            await asyncio.sleep(0.1)
            tasks = len(asyncio.all_tasks())
            for k in range(0, 1_000, 10):
                await asyncio.gather(*(come_and_go(place, k + j) for j in range(10)))
            for _ in range(100):
                if not place.service.sessions and len(asyncio.all_tasks()) <= tasks:
                    break
                await asyncio.sleep(0.05)
            gc.collect()
            return (
                len(place.service.sessions),
                place.service.gate.sockets,
                len(asyncio.all_tasks()) - tasks,
                len(place.service.studio.scheduler),
            )

    assert asyncio.run(ask()) == (0, 0, 0, 0)
    assert backend.open == 0


@pytest.mark.slow
def test_webrtc_players_who_vanish_leave_no_socket_thread_or_task() -> None:
    backend, process = FourFrameBackend(), psutil.Process()

    async def vanish(place: Running, sdp: str) -> None:
        socket = await websockets.connect(place.stream_url)
        await socket.send(offer(sdp))
        while json.loads(await socket.recv())["type"] != "answer":
            pass
        socket.transport.abort()

    async def count() -> tuple[int, int, int]:
        gc.collect()
        return process.num_fds(), threading.active_count(), len(asyncio.all_tasks())

    async def ask() -> list[tuple[int, int, int]]:
        settings = StreamSettings(limits=ClientLimits(connects_per_minute=10**9))
        async with running(backend, settings) as place:
            sdp = await real_offer()
            counts = []
            for rounds in (5, 30):
                for _ in range(rounds):
                    await vanish(place, sdp)
                assert await place.emptied()
                await asyncio.sleep(0.3)
                counts.append(await count())
            return counts

    before, after = asyncio.run(ask())
    assert all(later <= earlier + 2 for earlier, later in zip(before, after, strict=True)), (before, after)
    assert backend.open == 0
