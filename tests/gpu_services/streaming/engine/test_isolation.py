"""A session's pictures depend on its own prompt, seed and frames, to the bit, and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.painter import Painter
from gpu_services.streaming.engine.session import device_bytes
from tests.gpu_services.streaming.engine.conftest import SMALL, Frames, chunks_of, painted, same

CHUNKS = 9  # the ring holds 4


@pytest.fixture(scope="module")
def alone(painter: Painter) -> list[Frames]:
    return painted(painter, painter.open("a quiet street"), chunks_of(1, CHUNKS))


def test_the_same_stream_twice_is_the_same_to_the_bit(painter: Painter, alone: list[Frames]) -> None:
    assert same(painted(painter, painter.open("a quiet street"), chunks_of(1, CHUNKS)), alone)


def test_another_stream_before_it_changes_nothing(painter: Painter, alone: list[Frames]) -> None:
    painted(painter, painter.open("noise"), chunks_of(9, 7))
    assert same(painted(painter, painter.open("a quiet street"), chunks_of(1, CHUNKS)), alone)


def test_interleaved_streams_equal_a_stream_alone(painter: Painter, alone: list[Frames]) -> None:
    one, other = painter.open("a quiet street"), painter.open("a loud street", seed=7)
    pictures = []
    for mine, theirs in zip(chunks_of(1, CHUNKS), chunks_of(2, CHUNKS), strict=True):
        pictures += painter.paint([one], [mine])
        painter.paint([other], [theirs])
    assert same(pictures, alone)


@pytest.mark.parametrize("neighbours", [1, 3])
def test_a_stream_in_a_batch_equals_a_stream_alone(
    painter: Painter, alone: list[Frames], neighbours: int
) -> None:
    sessions = [painter.open(f"street {i}", seed=i) for i in range(neighbours)]
    sessions.append(painter.open("a quiet street"))
    streams = [*(chunks_of(20 + i, CHUNKS) for i in range(neighbours)), chunks_of(1, CHUNKS)]
    pictures = [painter.paint(sessions, chunks)[-1] for chunks in zip(*streams, strict=True)]
    assert same(pictures, alone)


def test_a_neighbour_that_comes_and_goes_changes_nothing(painter: Painter, alone: list[Frames]) -> None:
    session, pictures = painter.open("a quiet street"), []
    neighbour, theirs = painter.open("come and go"), chunks_of(3, CHUNKS)
    for i, chunk in enumerate(chunks_of(1, CHUNKS)):
        together = i % 3 == 0 and painter.chunk_frames(neighbour) == len(chunk)
        sessions, chunks = ([neighbour, session], [theirs[i], chunk]) if together else ([session], [chunk])
        pictures.append(painter.paint(sessions, chunks)[-1])
    assert neighbour.chunks > 0
    assert same(pictures, alone)


def test_after_a_reset_a_stream_begins_as_if_new(painter: Painter, alone: list[Frames]) -> None:
    session = painter.open("a quiet street")
    painted(painter, session, chunks_of(8, 6))
    painter.reset(session)
    assert same(painted(painter, session, chunks_of(1, CHUNKS)), alone)


def test_a_stream_that_slept_on_the_host_goes_on_the_same(painter: Painter, alone: list[Frames]) -> None:
    session, chunks = painter.open("a quiet street"), chunks_of(1, CHUNKS)
    before = painted(painter, session, chunks[:7])
    painter.suspend(session)
    assert session.suspended
    after = painted(painter, session, chunks[7:])
    assert not session.suspended
    assert same(before + after, alone)


def test_another_seed_and_another_prompt_paint_otherwise(painter: Painter, alone: list[Frames]) -> None:
    seeded = painted(painter, painter.open("a quiet street", seed=1), chunks_of(1, 3))
    prompted = painted(painter, painter.open("a wild sea"), chunks_of(1, 3))
    assert not same(seeded, alone[:3])
    assert not same(prompted, alone[:3])


def test_a_session_holds_as_many_bytes_as_its_ring_says(painter: Painter) -> None:
    session = painter.open("x")
    ring = SMALL.ring_bytes(bytes_per_number=4)
    assert ring <= device_bytes(session, torch.device("cpu")) < 2 * ring


def test_folded_products_stay_close_and_show_nothing_of_the_neighbours() -> None:
    folded = random_painter(replace(SMALL, fold_sessions=True))
    apart = random_painter(SMALL)

    def beside(painter: Painter, neighbour: int) -> list[Frames]:
        sessions = [painter.open("mine"), painter.open("theirs", seed=neighbour)]
        streams = zip(chunks_of(1, 5), chunks_of(neighbour, 5), strict=True)
        return [painter.paint(sessions, list(pair))[0] for pair in streams]

    assert same(beside(folded, 5), beside(folded, 6))
    worst = max(
        np.abs(one.astype(int) - other).max()
        for one, other in zip(beside(folded, 5), beside(apart, 5), strict=True)
    )
    assert worst <= 1
