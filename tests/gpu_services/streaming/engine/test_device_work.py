"""What a chunk asks of the device: nothing that waits for the host, and always the same."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounter
from torch.utils._python_dispatch import TorchDispatchMode

from gpu_services.streaming.engine.assembly import random_painter
from gpu_services.streaming.engine.config import CodecName, SinkRule
from gpu_services.streaming.engine.denoiser import compile_blocks
from gpu_services.streaming.engine.graphs import graph_key
from gpu_services.streaming.engine.painter import Painter
from tests.gpu_services.streaming.engine.conftest import SMALL, chunks_of, painted, same

WAITS = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::equal",
    "aten::is_nonzero",
    "aten::item",
    "aten::_unique2",
}
"""Operations whose result the host must read, or whose shape depends on numbers on the device."""


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Count, then do."""
        self.seen[func._schema.name] += 1
        return func(*args, **(kwargs or {}))


def operations(painter: Painter, *, sessions: int, chunks: int) -> list[Counter[str]]:
    """The operations of each chunk."""
    states = [painter.open(f"prompt {i}", seed=i) for i in range(sessions)]
    counts = []
    for chunk in chunks_of(1, chunks):
        with Counting() as counting:
            painter.paint(states, [chunk] * sessions)
        counts.append(counting.seen)
    return counts


def test_the_counter_sees_a_wait() -> None:
    with Counting() as counting:
        _ = torch.ones(2).sum().item()
    assert WAITS & counting.seen.keys()


@pytest.mark.parametrize(
    ("codec", "sink_rule", "chunks"), [("tiny", "adaptive", 6), ("tiny", "fixed", 6), ("wan", "fixed", 3)]
)
def test_no_chunk_waits_for_the_host(codec: CodecName, sink_rule: SinkRule, chunks: int) -> None:
    painter = random_painter(replace(SMALL, encoder=codec, decoder=codec, sink_rule=sink_rule))
    for counts in operations(painter, sessions=1, chunks=chunks):
        assert not WAITS & counts.keys()


def test_a_prompt_change_waits_for_nothing_either(painter: Painter) -> None:
    session = painter.open("a")
    painted(painter, session, chunks_of(1, 2))
    painter.set_prompt(session, "b")
    with Counting() as counting:
        painter.paint([session], [chunks_of(1, 2)[1]])
    assert not WAITS & counting.seen.keys()


def test_once_the_ring_is_full_every_chunk_does_the_same_work(painter: Painter) -> None:
    counts = operations(painter, sessions=2, chunks=8)
    full = counts[SMALL.window :]
    assert all(one == full[0] for one in full)


def test_a_graph_belongs_to_sessions_in_their_order_and_to_how_full_they_are(painter: Painter) -> None:
    one, two = painter.open("a"), painter.open("b")
    painted(painter, one, chunks_of(1, 6))
    painted(painter, two, chunks_of(1, 2))
    key = graph_key([one.ring, two.ring])
    assert key == ((one.ring.serial, 4), (two.ring.serial, 2))
    painted(painter, one, chunks_of(1, 2)[1:])
    assert graph_key([one.ring, two.ring]) == key
    painted(painter, two, chunks_of(1, 2)[1:])
    assert graph_key([one.ring, two.ring]) != key
    assert graph_key([two.ring, one.ring])[1] == graph_key([one.ring, two.ring])[0]


def test_memory_of_a_session_never_moves(painter: Painter) -> None:
    session = painter.open("a")
    painted(painter, session, chunks_of(1, 1))

    def places() -> list[int]:
        prompt = [tensor for pair in session.prompt_memory for tensor in pair]
        tensors = [*session.ring.keys, *session.ring.values, *prompt]
        return [t.data_ptr() for t in (*tensors, session.ring.slot, session.ring.frame_of_slot)]

    before = places()
    painter.set_prompt(session, "b")
    painted(painter, session, chunks_of(1, 9)[1:])
    assert places() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")
def test_a_replayed_graph_paints_the_same() -> None:
    eager, graphed = (random_painter(replace(SMALL, cuda_graphs=flag)) for flag in (False, True))
    one = painted(eager, eager.open("a"), chunks_of(1, 10))
    two = painted(graphed, graphed.open("a"), chunks_of(1, 10))
    assert all((a == b).all() for a, b in zip(one, two, strict=True))


@pytest.mark.slow
def test_one_program_serves_all_blocks_and_all_sessions() -> None:
    counter = CompileCounter()
    config = replace(SMALL, window=2, sinks=1)
    eager, compiled = random_painter(config), random_painter(config)
    compile_blocks(compiled.denoiser.model, backend=counter)
    pictures = painted(compiled, compiled.open("a"), chunks_of(1, 4))
    assert same(pictures, painted(eager, eager.open("a"), chunks_of(1, 4)))
    assert counter.frame_count == config.window  # one for each fill of the ring
    painted(compiled, compiled.open("b", seed=2), chunks_of(2, 4))
    assert counter.frame_count == config.window
