"""The three dialects, each with a client that speaks it for real."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
import simplejpeg
import websockets

from gpu_services.streaming.client import SourceTrack, StreamClient, content_id_of, source_picture
from gpu_services.streaming.service.settings import StreamSettings, Transport
from gpu_services.streaming.stylize.painter import StylizeBackend
from tests.gpu_services.streaming.service.running import SMALL, FourFrameBackend, Running, running
from world.recorder.stamp import read_stamp

WIDTH, HEIGHT = SMALL


def player(place: Running, *, fps: float = 24, stamped: bool = True, **options: Any) -> StreamClient:
    source = SourceTrack(width_px=WIDTH, height_px=HEIGHT, fps=fps, stamped=stamped)
    return StreamClient(url=place.stream_url, source=source, **options)


def types_of(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages if message["type"] != "generation_tick"]


def test_webrtc_comes_back_painted_with_its_ids_and_a_row_for_each_picture() -> None:
    async def play() -> StreamClient:
        async with running() as place, player(place) as client:
            await client.wait_for(30)
            return client

    client = asyncio.run(play())
    assert types_of(client.messages) == ["prompt_ack", "session_id", "answer", "generation_started"]
    assert all(picture.stamp_id == picture.content_id for picture in client.received)
    assert all(picture.stamp_id in client.rows for picture in client.received)
    rows = sorted(client.rows.values(), key=lambda row: row.out_id)
    assert [row.out_id for row in rows] == list(range(len(rows)))
    assert all(row.t_in <= row.t_gpu <= row.t_out for row in rows)
    assert [row.in_id for row in rows] == sorted({row.in_id for row in rows})


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_the_codec_can_be_chosen(codec: str) -> None:
    async def play() -> str:
        settings = StreamSettings(transport=Transport(codec=codec))  # type: ignore[arg-type]
        answers: list[str] = []

        def keep(sdp: str) -> str:
            answers.append(sdp)
            return sdp

        async with running(settings=settings) as place, player(place, edit_answer=keep) as client:
            await client.wait_for(3)
        return answers[0]

    first_codec = next(line for line in asyncio.run(play()).splitlines() if line.startswith("a=rtpmap"))
    assert codec in first_codec.lower()


def test_a_prompt_in_mid_stream_shows_within_two_chunks_and_drops_no_frame() -> None:
    async def play() -> tuple[StreamClient, int]:
        async with running(FourFrameBackend()) as place, player(place) as client:
            await client.wait_for(12)
            await client.say(type="prompt", prompt="all red")
            await client.wait_for(40)
            acks = [message for message in client.messages if message["type"] == "prompt_ack"]
            return client, acks[-1]["from_out_id"]

    client, first_red = asyncio.run(play())
    out_ids = {row.in_id: row.out_id for row in client.rows.values()}
    reds = [out_ids[picture.stamp_id] for picture in client.received if picture.mean_rgb[0] > 230]  # type: ignore[index]
    assert min(reds) - first_red in range(9), "later than two chunks after the acknowledgement"
    assert reds == sorted(reds) and len(reds) > 4
    assert sorted(out_ids.values()) == list(range(len(out_ids)))
    in_ids = sorted(client.rows)
    sent = [id_ for id_ in client.source.sent_s if in_ids[0] <= id_ <= in_ids[-1]]
    assert in_ids == sent, "source frames were dropped"


def test_pictures_without_a_stamp_come_back_without_one_and_are_counted() -> None:
    async def play() -> StreamClient:
        async with running() as place, player(place, stamped=False) as client:
            await client.wait_for(12)
            return client

    client = asyncio.run(play())
    assert [picture.stamp_id for picture in client.received[2:]] == [None] * (len(client.received) - 2)
    assert sorted(client.rows) == list(range(len(client.rows)))


def test_candidates_may_come_before_the_offer_and_end_with_null() -> None:
    async def play() -> list[str]:
        async with running() as place, player(place) as client:
            await client.say(type="ice-candidate", candidate=None)
            await client.say(
                type="ice-candidate",
                candidate={
                    "candidate": "candidate:1 1 udp 2122260223 127.0.0.1 9 typ host",
                    "sdpMid": "0",
                    "sdpMLineIndex": 0,
                },
            )
            await client.wait_for(3)
            return types_of(client.messages)

    assert "error" not in asyncio.run(play())


def test_jpeg_pictures_come_back_painted_and_a_prompt_changes_them() -> None:
    async def play() -> tuple[dict[str, Any], list[np.ndarray], list[np.ndarray]]:
        width, height = 640, 360
        async with (
            running(StylizeBackend(width_px=width, height_px=height)) as place,
            websockets.connect(place.jpeg_url) as socket,
        ):
            ready = json.loads(await socket.recv())

            async def painted(frame_id: int) -> np.ndarray:
                picture = source_picture(frame_id, width, height)
                await socket.send(simplejpeg.encode_jpeg(picture, quality=80))
                while isinstance(data := await socket.recv(), str):
                    pass
                return np.asarray(simplejpeg.decode_jpeg(data, "RGB"))

            await socket.send(json.dumps({"type": "prompt", "prompt": "a sunny day"}))
            day = [await painted(frame_id) for frame_id in range(1, 5)]
            await socket.send(json.dumps({"type": "prompt", "prompt": "a drive at night"}))
            night = [await painted(frame_id) for frame_id in range(5, 9)]
            return ready, day, night

    ready, day, night = asyncio.run(play())
    assert (ready["type"], ready["model"]) == ("ready", "stylize")
    assert [read_stamp(picture) for picture in (*day, *night)] == list(range(1, 9))
    assert content_id_of(day[0][..., 1]) == 1
    assert night[-1].mean() < 0.7 * day[-1].mean()


def test_decarts_sdk_hears_what_it_waits_for() -> None:
    """The transcript of @decartai/sdk 0.0.46; `test_decart_sdk.py` drives the SDK itself."""

    async def play() -> list[dict[str, Any]]:
        async with running(FourFrameBackend()) as place, player(place) as client:
            await client.say(type="set_image", image_data="aGFsbG8=", prompt="x")
            await client.say(type="set_image", image_data=None)
            await client.wait_for(30)
            return client.messages

    messages = asyncio.run(play())
    kinds = [message["type"] for message in messages]
    assert {"session_id", "prompt_ack", "generation_started", "generation_tick"} <= set(kinds)
    acks = [message for message in messages if message["type"] == "set_image_ack"]
    assert [ack["success"] for ack in acks] == [False, True]
    assert "reference picture" in acks[0]["error"]
    started, ticks = kinds.index("generation_started"), [m["seconds"] for m in messages if "seconds" in m]
    assert ticks == list(range(1, len(ticks) + 1)) and kinds.index("generation_tick") > started


def test_the_sdk_that_wants_livekit_is_told_what_works() -> None:
    async def play() -> dict[str, Any]:
        async with running() as place, websockets.connect(f"{place.stream_url}?api_key=x") as socket:
            await socket.send(json.dumps({"type": "livekit_join", "passthrough": True}))
            answer: dict[str, Any] = json.loads(await socket.recv())
            return answer

    answer = asyncio.run(play())
    assert answer["type"] == "error"
    assert "0.0.46" in answer["error"] and answer["error"] == answer["message"]


def test_a_reset_begins_anew_with_a_first_chunk() -> None:
    async def play() -> tuple[FourFrameBackend, int]:
        backend = FourFrameBackend()
        async with running(backend) as place, player(place) as client:
            await client.wait_for(9)
            await client.say(type="reset")
            before = len(client.received)
            await client.wait_for(before + 12)
            return backend, backend.open

    backend, open_states = asyncio.run(play())
    assert open_states == 1
    assert backend.open == 0
