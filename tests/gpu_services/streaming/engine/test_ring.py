"""The memory's rule: sinks stay, the window rolls, ages are right; and a sink unlike the present goes."""

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from gpu_services.streaming.engine.config import PRESETS, EngineConfig
from gpu_services.streaming.engine.ring import (
    Ring,
    age_ranks,
    begin_frame,
    empty_ring,
    ring_slot,
    watch_sinks,
)

TINY = replace(PRESETS["tiny"], width_px=32, height_px=32)


def new_ring(config: EngineConfig) -> Ring:
    return empty_ring(config, heads=4, device=torch.device("cpu"), dtype=torch.float32)


@st.composite
def rules(draw: st.DrawFn) -> EngineConfig:
    window = draw(st.integers(1, 9))
    return replace(TINY, window=window, sinks=draw(st.integers(0, window - 1)))


@given(config=rules(), frames=st.integers(1, 60))
def test_the_ring_holds_the_first_and_the_newest_frames(config: EngineConfig, frames: int) -> None:
    window, sinks, ring = config.window, config.sinks, new_ring(config)
    for frame in range(frames):
        begin_frame(ring, window=window, sinks=sinks)
        assert ring.slot == ring_slot(torch.tensor(frame), window=window, sinks=sinks)
    held = {int(f) for f in ring.frame_of_slot[: ring.filled(window)]}
    kept = set(range(min(sinks, frames)))
    assert held == kept | set(range(max(0, frames - (window - len(kept))), frames))


@given(config=rules(), frames=st.integers(1, 60))
def test_ranks_count_frames_from_the_oldest_to_the_newest(config: EngineConfig, frames: int) -> None:
    ring = new_ring(config)
    for _ in range(frames):
        begin_frame(ring, window=config.window, sinks=config.sinks)
    filled = ring.filled(config.window)
    ranks = age_ranks(ring, filled)
    assert sorted(ranks.tolist()) == list(range(filled))
    assert ranks[ring.slot] == filled - 1
    assert ring.frame_of_slot[:filled][ranks.argsort()].tolist() == sorted(
        ring.frame_of_slot[:filled].tolist()
    )


def fill(ring: Ring, config: EngineConfig, direction: torch.Tensor) -> None:
    """Write a frame whose keys and values all point one way."""
    begin_frame(ring, window=config.window, sinks=config.sinks)
    first = int(ring.slot) * config.tokens_per_frame
    for layer in (*ring.keys, *ring.values):
        layer[0, first : first + config.tokens_per_frame] = direction
    watch_sinks(
        ring,
        window=config.window,
        sinks=config.sinks,
        tokens=config.tokens_per_frame,
        threshold=config.sink_threshold,
    )


CONFIG = replace(TINY, window=4, sinks=2)
HERE = torch.ones(4, 24)
ELSEWHERE = torch.cat([torch.ones(2, 24), -torch.ones(2, 24)])


def test_sinks_like_the_present_stay() -> None:
    ring = new_ring(CONFIG)
    for _ in range(20):
        fill(ring, CONFIG, HERE)
    assert ring.frame_of_slot[:2].tolist() == [0, 1]


def test_a_sink_unlike_the_present_is_replaced_by_the_next_frame() -> None:
    ring = new_ring(CONFIG)
    for frame in range(6):
        fill(ring, CONFIG, ELSEWHERE if frame == 1 else HERE)
    assert ring.frame_of_slot[0] == 0
    assert ring.frame_of_slot[1] == 4  # seen when the ring was full after frame 3
    assert int(ring.replace) == -1


def test_when_the_scene_changes_all_sinks_go_one_by_one_and_then_stay() -> None:
    ring = new_ring(CONFIG)
    for frame in range(30):
        fill(ring, CONFIG, HERE if frame < 8 else ELSEWHERE)
    assert sorted(ring.frame_of_slot[:2].tolist()) == [9, 10]
