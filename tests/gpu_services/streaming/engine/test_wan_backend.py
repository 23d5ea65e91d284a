"""The backend of the service's protocol."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from gpu_services.errors import CheckpointError
from gpu_services.streaming.backend import Degradable, PaintJob
from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.config import PRESETS, CodecName
from gpu_services.streaming.engine.painter import Painter, PaintError
from gpu_services.streaming.wan import WanBackend, open_wan
from tests.gpu_services.streaming.engine.conftest import SMALL, Frames, chunks_of, painted, same


@pytest.fixture
def backend(painter: Painter) -> WanBackend:
    return WanBackend(painter)


def test_jobs_of_several_sessions_are_painted_together(backend: WanBackend, painter: Painter) -> None:
    alone = painted(painter, painter.open("b"), chunks_of(2, 3))
    states = [backend.open_session("a"), backend.open_session("b")]
    pictures = []
    for one, two in zip(chunks_of(1, 3), chunks_of(2, 3), strict=True):
        assert [backend.chunk_frames(state) for state in states] == [len(one), len(two)]
        jobs = [PaintJob(state=s, frames=f) for s, f in zip(states, (one, two), strict=True)]
        pictures.append(backend.paint(jobs)[1])
    assert same(pictures, alone)


def test_fewer_steps_paint_otherwise_and_all_steps_again(backend: WanBackend) -> None:
    assert isinstance(backend, Degradable)
    assert backend.quality_levels == ("2 steps", "1 step")

    def first(level: int) -> Frames:
        backend.set_quality(level)
        state = backend.open_session("x")
        return backend.paint([PaintJob(state=state, frames=chunks_of(1, 1)[0])])[0]

    best, cheap, again = first(0), first(1), first(0)
    assert not np.array_equal(best, cheap)
    assert np.array_equal(best, again)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_every_number_of_steps_paints(steps: int) -> None:
    painter = random_painter(replace(SMALL, steps=steps))
    pictures = painted(painter, painter.open("x"), chunks_of(1, 2))
    assert [picture.shape[0] for picture in pictures] == [1, 4]
    assert pictures[1].std() > 1


@pytest.mark.parametrize("codec", ["tiny", "wan"])
def test_a_gpus_half_precision_paints_nearly_the_same(codec: CodecName) -> None:
    config = replace(SMALL, encoder=codec, decoder=codec)
    single, half = (random_painter(config, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    one, other = (painted(p, p.open("x"), chunks_of(1, 3)) for p in (single, half))
    assert np.abs(one[2].astype(int) - other[2]).mean() < 2


def test_a_clean_pass_changes_what_is_remembered() -> None:
    def second_chunk(*, clean_pass: bool) -> Frames:
        painter = random_painter(replace(SMALL, clean_pass=clean_pass))
        return painted(painter, painter.open("x"), chunks_of(1, 2))[1]

    assert not np.array_equal(second_chunk(clean_pass=True), second_chunk(clean_pass=False))


def test_a_chunk_of_a_wrong_shape_is_refused_with_both_shapes(backend: WanBackend) -> None:
    state = backend.open_session("x")
    with pytest.raises(PaintError, match=r"\(4, 32, 48, 3\) uint8, not \(1, 32, 48, 3\) uint8"):
        backend.paint([PaintJob(state=state, frames=chunks_of(1, 2)[1])])
    assert backend.paint([PaintJob(state=state, frames=chunks_of(1, 1)[0])])[0].shape == (1, 32, 48, 3)


def test_one_session_twice_in_a_batch_is_refused(backend: WanBackend) -> None:
    job = PaintJob(state=backend.open_session("x"), frames=chunks_of(1, 1)[0])
    with pytest.raises(PaintError, match="each session once"):
        backend.paint([job, job])


def test_a_new_stream_and_an_old_one_are_not_painted_together(backend: WanBackend) -> None:
    old, new = backend.open_session("x"), backend.open_session("y")
    first, later = chunks_of(1, 2)
    backend.paint([PaintJob(state=old, frames=first)])
    with pytest.raises(PaintError, match="paint new streams apart"):
        backend.paint([PaintJob(state=old, frames=later), PaintJob(state=new, frames=first)])


def test_without_weights_the_command_is_named() -> None:
    with pytest.raises(CheckpointError, match=r"weights fetch --preset wan-1\.3b --into weights"):
        open_wan()


def test_the_tiny_preset_needs_no_weights() -> None:
    backend = open_wan(preset="tiny", width_px=64, height_px=48)
    assert (backend.name, backend.width_px, backend.height_px) == ("wan (tiny)", 64, 48)


def test_impossible_settings_are_refused_with_their_limit() -> None:
    with pytest.raises(ValueError, match="width_px is 100; it must be a positive multiple of 16"):
        open_wan(preset="tiny", width_px=100)
    with pytest.raises(ValueError, match="sinks is 6; it must be 0 to window - 1, which is 5"):
        replace(PRESETS["tiny"], sinks=6)
    with pytest.raises(ValueError, match="steps is 3; it must be 1, 2 or 4"):
        replace(PRESETS["tiny"], steps=3)


def test_to_know_of_the_backend_loads_no_torch() -> None:
    code = "import sys, gpu_services.streaming.wan, gpu_services.streaming.weights"
    check = f"{code}; sys.exit(any(m in sys.modules for m in ('torch', 'diffusers', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_published_shapes_are_the_papers() -> None:
    assert PRESETS["wan-1.3b"].tokens_per_frame == 1560
    assert round(PRESETS["wan-1.3b"].ring_bytes() / 1e9, 2) == 1.73
    assert PRESETS["wan-14b"].network.width == 5120
