"""A session's memory: keys and values of the last frames of every layer, with sinks that stay.

The rule: of N slots, S are sinks. Frame i goes to slot `i` while i < N, else to `S + (i - N) % (N - S)`.
The adaptive rule replaces a sink instead when it has become unlike the present: the new frame's mean key and
mean value of the last layer are compared with each sink's; when the least similar one is under a threshold,
the next frame is written over it, and the window's oldest frame stays a frame longer.

Which slot is next, and which frame lies in which slot, are numbers on the device: nothing waits for the host.
All denoising steps of a frame write the same slot, and the last one stays.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gpu_services.streaming.engine.config import EngineConfig

Total = Callable[[Tensor], Tensor]
_SERIALS = itertools.count()


def ring_slot(frame: Tensor, *, window: int, sinks: int) -> Tensor:
    """The slot of a frame number; both `int64`, of any shape."""
    return torch.where(frame < window, frame, sinks + (frame - window) % (window - sinks))


@dataclass(kw_only=True)
class Ring:
    """The memory of one session.

    Attributes:
        keys: One per layer, `(1, window * tokens, heads, head_width)`, without positions.
        values: Same shapes.
        written: Latent frames begun so far; known to the host because it only counts.
        next_frame: The same number, `() int64` on the device.
        slot: Slot of the frame that is being painted, `() int64`.
        replace: Slot that the next frame must replace, or -1; `() int64`.
        frame_of_slot: Number of the frame in each slot, `(window,) int64`; unused ones hold -1.
        serial: Number of this memory in this process.
    """

    keys: list[Tensor]
    values: list[Tensor]
    written: int
    next_frame: Tensor
    slot: Tensor
    replace: Tensor
    frame_of_slot: Tensor
    serial: int = field(default_factory=_SERIALS.__next__)

    def filled(self, window: int) -> int:
        """Slots in use."""
        return min(self.written, window)


def empty_ring(config: EngineConfig, *, heads: int, device: torch.device, dtype: torch.dtype) -> Ring:
    """The memory of a stream that has not begun.

    Args:
        config: Window, layers and sizes.
        heads: Heads that live on this device: all, or a part when the model is split.
        device: Where it lives.
        dtype: Of keys and values.
    """
    shape = (1, config.window * config.tokens_per_frame, heads, config.network.head_width)
    layers = range(config.network.layers)

    def number(value: int) -> Tensor:
        return torch.full((), value, dtype=torch.int64, device=device)

    return Ring(
        keys=[torch.zeros(shape, device=device, dtype=dtype) for _ in layers],
        values=[torch.zeros(shape, device=device, dtype=dtype) for _ in layers],
        written=0,
        next_frame=number(0),
        slot=number(0),
        replace=number(-1),
        frame_of_slot=torch.full((config.window,), -1, dtype=torch.int64, device=device),
    )


def begin_frame(ring: Ring, *, window: int, sinks: int) -> None:
    """Take the next frame's slot: the marked sink's, a free one, or the oldest frame's, sinks apart."""
    oldest = sinks + ring.frame_of_slot[sinks:].argmin()
    by_rule = torch.where(ring.next_frame < window, ring.next_frame, oldest)
    ring.slot.copy_(torch.where(ring.replace >= 0, ring.replace, by_rule))
    ring.replace.fill_(-1)
    ring.frame_of_slot.index_copy_(0, ring.slot[None], ring.next_frame[None])
    ring.next_frame += 1
    ring.written += 1


def age_ranks(ring: Ring, filled: int) -> Tensor:
    """The age rank of each used slot: 0 is the oldest frame, `filled - 1` the newest; `(filled,) int64`."""
    frames = ring.frame_of_slot[:filled]
    return (frames[:, None] > frames[None, :]).sum(1)


def slot_tokens(ring: Ring, tokens: int) -> Tensor:
    """Rows of the current frame in keys and values, `(tokens,) int64`."""
    return ring.slot * tokens + torch.arange(tokens, device=ring.slot.device)


def watch_sinks(
    ring: Ring, *, window: int, sinks: int, tokens: int, threshold: float, total: Total = torch.clone
) -> None:
    """Mark the sink that the next frame shall replace, where one has become unlike the present.

    Args:
        ring: After the frame was painted.
        window: Slots.
        sinks: Slots that are sinks.
        tokens: Tokens of a frame.
        threshold: Least cosine similarity, the mean of keys' and values', that keeps a sink.
        total: Adds up numbers over the processes that share the heads; alone, it changes nothing.
    """
    if ring.filled(window) < window or sinks == 0:
        return
    parts = torch.stack([_products(part[-1], ring.slot, sinks, tokens) for part in (ring.keys, ring.values)])
    dot, present, sink = total(parts).unbind(1)
    likeness = dot / (present * sink).sqrt().clamp_min(1e-12)  # (2, sinks)
    least, where = likeness.mean(0).min(0)
    ring.replace.copy_(torch.where(least < threshold, where, -1))


def _products(stored: Tensor, slot: Tensor, sinks: int, tokens: int) -> Tensor:
    """Inner products of the present frame's mean and each sink's: mixed, its own, theirs; `(3, sinks)`."""
    means = torch.unflatten(stored[0].flatten(1), 0, (-1, tokens)).float().mean(1)  # (window, width)
    present, kept = means.index_select(0, slot[None]), means[:sinks]
    return torch.stack(
        [(present * kept).sum(1), (present * present).sum(1).expand(sinks), (kept * kept).sum(1)]
    )
