"""Two processes that share a transformer paint what one paints."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import start_processes

from gpu_services.streaming.backend import Backend, PaintJob
from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.config import PRESETS
from gpu_services.streaming.engine.denoiser import build_network
from gpu_services.streaming.engine.painter import PaintError
from gpu_services.streaming.engine.split import Split, split_network
from gpu_services.streaming.mirror import lead, paint_along
from gpu_services.streaming.wan import WanBackend
from tests.gpu_services.streaming.engine.conftest import SMALL, Frames, chunks_of

CONFIG = replace(SMALL, sink_rule="adaptive", sink_threshold=0.99)
"""Sinks change often, so that both processes must agree on which."""


def drive(backend: Backend) -> list[Frames]:
    """Two players, a prompt change, a player that leaves, a refused chunk."""
    one, two = backend.open_session("a"), backend.open_session("b")
    pictures = []
    for i, (mine, theirs) in enumerate(zip(chunks_of(1, 9), chunks_of(2, 9), strict=True)):
        if i == 4:
            backend.set_prompt(one, "c")
            with pytest.raises(PaintError):
                backend.paint([PaintJob(state=one, frames=mine[:2])])
        jobs = [PaintJob(state=one, frames=mine), PaintJob(state=two, frames=theirs)]
        pictures += backend.paint(jobs if i < 6 else jobs[:1])
        if i == 6:
            backend.close_session(two)
    return pictures


def process(rank: int, folder: str) -> None:
    """One of the two processes."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        if rank == 0:
            backend = lead(CONFIG, device=torch.device("cpu"))
            np.savez(Path(folder) / "pictures.npz", *drive(backend))
            backend.stop()
        else:
            paint_along(CONFIG, device=torch.device("cpu"))
    finally:
        dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_paint_what_one_paints(tmp_path: Path) -> None:
    start_processes(process, args=(str(tmp_path),), nprocs=2, start_method="spawn")  # type: ignore[no-untyped-call]
    with np.load(tmp_path / "pictures.npz") as saved:
        shared = [saved[name] for name in saved.files]
    alone = drive(WanBackend(random_painter(CONFIG)))
    assert len(shared) == len(alone) == 15
    for one, other in zip(shared, alone, strict=True):
        difference = np.abs(one.astype(int) - other)
        assert difference.max() <= 1  # sums in another order, rounded to bytes
        assert (difference > 0).mean() < 0.01


def test_each_part_holds_its_share_of_weights_and_memory() -> None:
    def blocks_bytes(parts: int) -> int:
        network: Any = build_network(CONFIG.network)
        if parts > 1:
            split_network(network, Split(rank=1, parts=parts))
        return sum(int(parameter.nbytes) for parameter in network.blocks.parameters())

    assert 0.45 < blocks_bytes(2) / blocks_bytes(1) < 0.6
    painter = random_painter(CONFIG, split=None)
    assert painter.open("a").ring.keys[0].shape[2] == CONFIG.network.heads


def test_heads_that_cannot_be_shared_evenly_are_refused() -> None:
    with pytest.raises(ValueError, match="parts is 3; 4 heads and 128 channels must be shared evenly"):
        split_network(build_network(PRESETS["tiny"].network), Split(rank=0, parts=3))
