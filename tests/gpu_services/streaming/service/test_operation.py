"""What operators rely on: probes, metrics, spans, draining, TURN users, quality under load."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import simplejpeg
import websockets
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gpu_services.streaming.client import SourceTrack, StreamClient, source_picture
from gpu_services.streaming.service.settings import StreamSettings, Transport
from gpu_services.streaming.service.turn import ice_servers
from tests.gpu_services.streaming.service.running import SMALL, FourFrameBackend, running

PICTURE = simplejpeg.encode_jpeg(source_picture(1, 160, 96))


def test_probes_and_metrics_follow_a_stream() -> None:
    async def ask() -> tuple[dict[str, Any], str]:
        async with running() as place:
            source = SourceTrack(width_px=SMALL[0], height_px=SMALL[1], fps=24)
            async with StreamClient(url=place.stream_url, source=source) as client:
                await client.wait_for(20)
                ready = (await place.get("/readyz")).json()
            assert (await place.get("/healthz")).json() == {"status": "ok", "worker": 0}
            assert await place.emptied()
            return ready, (await place.get("/metrics")).text

    ready, text = asyncio.run(ask())
    assert (ready["ready"], ready["backend"], ready["sessions"]) == (True, "passthrough", 1)
    values = {
        line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"
    }
    assert values["scalediff_stream_admitted_total"] == 1
    assert values['scalediff_stream_ended_total{reason="client-left"}'] == 1
    assert values["scalediff_stream_sessions"] == 0
    assert values["scalediff_stream_frames_out_total"] >= 20
    assert values["scalediff_stream_first_frame_seconds_count"] == 1
    assert values['scalediff_stream_stage_seconds_count{stage="paint"}'] >= 20
    assert "scalediff_stream_playout_slack_seconds" in values
    assert "scalediff_stream_deadline_misses_total" in values
    assert "scalediff_stream_gpu_memory_bytes" in values


def test_each_batch_of_chunks_is_a_span() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))

    async def ask() -> None:
        async with running(FourFrameBackend()) as place:
            place.service.instruments.tracer = provider.get_tracer("test")
            async with websockets.connect(place.jpeg_url) as client:
                await client.recv()
                await client.send(PICTURE)
                await client.recv()

    asyncio.run(ask())
    (span,) = kept.get_finished_spans()
    assert span.name == "chunk"
    assert span.attributes is not None
    assert (span.attributes["backend"], span.attributes["frames"]) == ("four", 1)


def test_players_are_painted_together_when_they_are_ready_together() -> None:
    backend = FourFrameBackend()

    async def play() -> None:
        async with running(backend) as place:
            sockets = [await websockets.connect(place.jpeg_url) for _ in range(4)]
            for _ in range(12):
                await asyncio.gather(*(client.send(PICTURE) for client in sockets))
                await asyncio.sleep(0.04)
            for client in sockets:
                await client.close()

    asyncio.run(play())
    assert max(backend.batches) > 1


def test_draining_lets_players_finish_and_nobody_in() -> None:
    async def drain() -> tuple[bool, dict[str, Any], int, bool]:
        async with running() as place:
            async with websockets.connect(place.jpeg_url) as player:
                await player.recv()
                draining = asyncio.create_task(place.service.drain())
                await asyncio.sleep(0)
                async with websockets.connect(place.jpeg_url) as late:
                    refused = json.loads(await late.recv())
                status = (await place.get("/readyz")).status_code
                await player.send(PICTURE)
                still_painted = isinstance(await player.recv(), bytes)
            await asyncio.wait_for(draining, 10)
            return still_painted, refused, status, draining.done()

    still_painted, refused, status, done = asyncio.run(drain())
    assert still_painted and done
    assert (refused["code"], status) == ("draining", 503)
    assert refused["retry_after_s"] > 0


def test_players_who_do_not_finish_are_told_to_connect_again() -> None:
    async def drain() -> dict[str, Any]:
        async with (
            running(settings=StreamSettings(drain_s=0.1)) as place,
            websockets.connect(place.jpeg_url) as player,
        ):
            await player.recv()
            await place.service.drain()
            message: dict[str, Any] = json.loads(await player.recv())
            return message

    assert asyncio.run(drain())["code"] == "draining"


def test_turn_users_expire_and_are_signed_for_the_turn_server() -> None:
    transport = Transport(
        stun_urls=("stun:stun.example.org",),
        turn_urls=("turn:turn.example.org",),
        turn_secret="north",
        turn_s=600,
    )
    found = ice_servers(transport, visitor="wallet", now_ms=1_000_000_000_000.0)
    stun, turn = found.ice_servers
    assert (stun.username, turn.username) == (None, "1000000600:wallet")
    expected = hmac.digest(b"north", b"1000000600:wallet", hashlib.sha1)
    assert turn.credential == base64.b64encode(expected).decode()
    assert found.expires_ms == 1_000_000_600_000


def test_without_turn_there_is_no_user() -> None:
    assert ice_servers(Transport(), visitor="x", now_ms=0.0).model_dump(by_alias=True)["iceServers"] == ()


def test_a_slow_painter_goes_down_its_ladder() -> None:
    class Slow(FourFrameBackend):
        """A fake that is too slow at its best."""

        quality_levels = ("fine", "coarse")
        level = 0

        def set_quality(self, level: int) -> None:
            self.level = level

        def paint(self, jobs: Any) -> Any:
            time.sleep(0.06 if self.level == 0 else 0.0)
            return super().paint(jobs)

        def chunk_frames(self, state: object) -> int:
            return 1

    backend = Slow()

    async def play() -> float:
        async with running(backend) as place, websockets.connect(place.jpeg_url, close_timeout=0.1) as player:
            for _ in range(150):
                await player.send(PICTURE)
                await asyncio.sleep(0.02)
                if backend.level:
                    break
            return await place.metric("scalediff_stream_quality_level")

    assert asyncio.run(play()) == 1
    assert backend.level == 1
