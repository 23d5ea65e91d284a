"""Streams that do not end: flat memory, and no jump where others refresh their positions."""

import gc
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import psutil
import pytest
import torch
from torch import Tensor

from gpu_services.streaming.engine import denoiser as denoiser_module
from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.attention import Moment, moment_of
from gpu_services.streaming.engine.config import PRESETS, CodecShape
from gpu_services.streaming.engine.denoiser import Denoiser, build_network
from gpu_services.streaming.engine.ring import Ring, begin_frame, empty_ring
from gpu_services.streaming.engine.rope import Turns, window_turns
from gpu_services.streaming.engine.session import device_bytes
from tests.gpu_services.streaming.engine.conftest import SMALL

FRAMES = 120
STILL = replace(PRESETS["tiny"], width_px=64, height_px=48, window=6, sinks=3, sink_rule="fixed")
REFRESH = 50
"""Frame at which StreamDiffusionV2 sets positions back (facts of issue 6)."""


class Refreshed:
    """Positions as StreamDiffusionV2 has them: absolute, kept per slot, set back at frame 50."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.position_of_slot = torch.zeros(STILL.window, dtype=torch.int64)
        self.position = -1
        self.frames = 0

    def __call__(self, rings: Sequence[Ring], turns: Turns) -> Moment:
        """The moment with those positions."""
        (ring,) = rings
        if ring.written > self.frames:
            self.frames = ring.written
            self.position = STILL.window - 1 if self.position + 1 >= REFRESH else self.position + 1
            self.position_of_slot[ring.slot] = self.position
        filled = ring.filled(STILL.window)
        return replace(
            moment_of(rings, turns),
            query_turns=[self.turns.rows(self.position)],
            key_turns=[self.turns.of(self.position_of_slot[:filled])],
        )


@torch.inference_mode()
def changes(monkeypatch: pytest.MonkeyPatch, *, refreshed: bool) -> Tensor:
    """How much the flow changes from frame to frame of a still picture, relative to the flow."""
    torch.manual_seed(3)
    model = build_network(STILL.network)
    if refreshed:
        table = window_turns(model, window=REFRESH, latent_size=STILL.latent_size, dtype=torch.float32)
        monkeypatch.setattr(denoiser_module, "moment_of", Refreshed(table))
    denoiser = Denoiser(model, STILL)
    ring = empty_ring(STILL, heads=denoiser.heads, device=denoiser.device, dtype=denoiser.dtype)
    prompt = denoiser.prompt_memory(torch.randn(1, STILL.network.text_tokens, STILL.network.text_width))
    picture, time = torch.randn(1, 16, 1, *STILL.latent_size), torch.tensor([500.0])
    flows = []
    for _ in range(FRAMES):
        begin_frame(ring, window=STILL.window, sinks=STILL.sinks)
        flows.append(denoiser.flow([ring], [prompt], picture, time))
    return torch.stack([(b - a).norm() / a.norm() for a, b in itertools.pairwise(flows)])


def test_a_still_picture_never_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = changes(monkeypatch, refreshed=False)[20:]
    assert settled.max() < 1e-6


def test_where_positions_are_refreshed_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    settled = changes(monkeypatch, refreshed=True)[20:]
    jump = settled[REFRESH - 21]
    assert jump > 2 * settled[: REFRESH - 22].max()


@pytest.mark.slow
def test_ten_thousand_frames_leave_memory_as_it_was() -> None:
    codecs = CodecShape(wan_base=8, tiny_encoder=4, tiny_decoder=(4, 4, 4, 4))
    network = replace(SMALL.network, layers=1)
    config = replace(SMALL, network=network, codecs=codecs, width_px=16, height_px=16, steps=1)
    painter = random_painter(config)
    session = painter.open("for ever")
    rng = np.random.default_rng(0)
    chunks = [rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8) for _ in range(8)]
    painter.paint([session], [chunks[0][:1]])
    process, cpu = psutil.Process(), torch.device("cpu")

    def paint(count: int) -> tuple[int, int]:
        for i in range(count):
            painter.paint([session], [chunks[i % 8]])
        gc.collect()
        return process.memory_info().rss, device_bytes(session, cpu)

    rss_before, own_before = paint(300)
    rss_after, own_after = paint(2_200)
    assert session.chunks == 2_501
    assert own_after == own_before
    assert rss_after - rss_before < 8 * 2**20
