"""Forwards recorded as CUDA graphs and replayed: one launch instead of two thousand. Not yet run on a GPU.

A graph reads and writes fixed addresses. Memory and prompt of a session never move, so a graph belongs to a
tuple of sessions at a fill of their rings; inputs are copied into the graph's own. While the rings fill, each
fill is recorded once and left behind. Graphs of a session go with it.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gpu_services.streaming.engine.attention import PromptMemory
from gpu_services.streaming.engine.ring import Ring

Forward = Callable[[Sequence[Ring], Sequence[PromptMemory], Tensor, Tensor], Tensor]
Key = tuple[tuple[int, int], ...]
KEPT = 32


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One graph, its inputs and its output."""

    graph: torch.cuda.CUDAGraph
    latents: Tensor
    timesteps: Tensor
    flow: Tensor


class Graphs:
    """Replays a forward; records it when a batch of sessions comes for the first time."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._recorded: OrderedDict[Key, Recorded] = OrderedDict()

    def run(
        self, rings: Sequence[Ring], prompts: Sequence[PromptMemory], latents: Tensor, timesteps: Tensor
    ) -> Tensor:
        """The forward's result, which is overwritten by the next run of the same sessions."""
        key = graph_key(rings)
        if key not in self._recorded:
            self._recorded[key] = self._record(rings, prompts, latents, timesteps)
            while len(self._recorded) > KEPT:
                self._recorded.popitem(last=False)
        self._recorded.move_to_end(key)
        recorded = self._recorded[key]
        recorded.latents.copy_(latents)
        recorded.timesteps.copy_(timesteps)
        recorded.graph.replay()
        return recorded.flow

    def forget(self, ring: Ring) -> None:
        """Drop the graphs of a session."""
        for key in [key for key in self._recorded if any(serial == ring.serial for serial, _ in key)]:
            del self._recorded[key]

    def _record(
        self, rings: Sequence[Ring], prompts: Sequence[PromptMemory], latents: Tensor, timesteps: Tensor
    ) -> Recorded:
        # A forward writes the present frame's slot only, so that running it more often changes nothing.
        inputs, times = latents.clone(), timesteps.clone()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):
                self._forward(rings, prompts, inputs, times)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            flow = self._forward(rings, prompts, inputs, times)
        return Recorded(graph=graph, latents=inputs, timesteps=times, flow=flow)


def graph_key(rings: Sequence[Ring]) -> Key:
    """What a graph holds for: the sessions in their order, and how full each one's ring is."""
    return tuple((ring.serial, min(ring.written, ring.frame_of_slot.shape[0])) for ring in rings)
