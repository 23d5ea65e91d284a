"""Stamp, data channel and pixels say the same of every picture, on a network that loses and delays."""

import asyncio

import pytest

from benchmarks.impaired_path import ImpairedPath, Impairment
from gpu_services.streaming.client import SourceTrack, StreamClient
from tests.gpu_services.streaming.service.running import SMALL, FourFrameBackend, running

pytestmark = pytest.mark.slow
SECONDS = 8


def test_all_three_ids_agree_on_every_picture_under_loss_and_delay() -> None:
    async def play() -> tuple[StreamClient, ImpairedPath]:
        source = SourceTrack(width_px=SMALL[0], height_px=SMALL[1], fps=24)
        async with (
            running(FourFrameBackend()) as place,
            ImpairedPath(Impairment(loss=0.03, delay_ms=(5, 30))) as path,
            StreamClient(
                url=place.stream_url, source=source, edit_offer=path.edit_offer, edit_answer=path.edit_answer
            ) as client,
        ):
            await client.wait_for(20, within_s=40)
            await asyncio.sleep(SECONDS)
            await client.settle()
            return client, path

    client, path = asyncio.run(play())
    assert path.lost > 0.02 * path.carried
    assert len(client.received) > 60
    assert client.disagreeing() == []
    in_ids = [row.in_id for row in sorted(client.rows.values(), key=lambda row: row.out_id)]
    assert in_ids == sorted(set(in_ids))
