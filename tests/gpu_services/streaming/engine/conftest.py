"""A tiny engine with random weights, and pictures to paint."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.config import PRESETS, EngineConfig
from gpu_services.streaming.engine.painter import Painter
from gpu_services.streaming.engine.session import Session

Frames = NDArray[np.uint8]
Video = Callable[[int], list[Frames]]

SMALL = replace(PRESETS["tiny"], width_px=48, height_px=32, window=4, sinks=1)
"""Six tokens a frame; the ring is full after four chunks."""


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small() -> EngineConfig:
    return SMALL


@pytest.fixture(scope="session")
def painter() -> Painter:
    return random_painter(SMALL)


def chunks_of(seed: int, count: int, config: EngineConfig = SMALL) -> list[Frames]:
    """A stream's chunks: 1 frame, then 4 each; noise that moves."""
    rng = np.random.default_rng(seed)
    shape = (config.height_px, config.width_px, 3)
    return [rng.integers(0, 256, (4 if i else 1, *shape), dtype=np.uint8) for i in range(count)]


def painted(painter: Painter, session: Session, chunks: list[Frames]) -> list[Frames]:
    """The chunks painted one after another, alone."""
    return [painter.paint([session], [chunk])[0] for chunk in chunks]


def same(one: list[Frames], other: list[Frames]) -> bool:
    """Whether all pictures have the same bits."""
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
