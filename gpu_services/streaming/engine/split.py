"""One transformer over several GPUs: every process holds some heads and some of the feed-forward's channels.

A tensor split, because one player waits for one chunk: with w processes a chunk's matrix products and its
memory are 1/w each, where a pipeline would leave the latency as it is. A block adds up its parts twice per
attention (the norm of queries and keys spans all heads; then the output) and once after the feed-forward.
All processes follow the same stream and hold the same residual; see `mirror` for how they keep step.
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Split:
    """A process' place among those that share a transformer.

    Attributes:
        rank: Which part is here, from 0.
        parts: How many there are.
        group: Of the processes; None: all.
    """

    rank: int
    parts: int
    group: dist.ProcessGroup | None = None

    def total(self, x: Tensor) -> Tensor:
        """The sum over the processes."""
        summed = x.contiguous()
        summed = summed.clone() if summed.data_ptr() == x.data_ptr() else summed
        dist.all_reduce(summed, group=self.group)
        return summed

    def mine(self, x: Tensor, axis: int) -> Tensor:
        """This process' part of an axis."""
        size = x.shape[axis] // self.parts
        return x.narrow(axis, self.rank * size, size).clone()


class SharedNorm(nn.Module):
    """An RMS norm over channels of which each process holds a part."""

    def __init__(self, whole: Any, split: Split) -> None:
        super().__init__()
        self._split = split
        self._width = int(whole.normalized_shape[0])
        self._eps = float(whole.eps)
        self.weight = nn.Parameter(split.mine(whole.weight.data, 0), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """The part of the norm of `(..., width / parts)`."""
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        mean = self._split.total(exact.square().sum(-1, keepdim=True)) / self._width
        return (exact * torch.rsqrt(mean + self._eps)).to(x.dtype) * self.weight


class SharedSum(nn.Module):
    """A linear layer whose inputs are spread over the processes; its output is whole everywhere."""

    def __init__(self, whole: nn.Linear, split: Split) -> None:
        super().__init__()
        self._split = split
        self.part = _linear(split.mine(whole.weight.data, 1), None)
        self.bias = nn.Parameter(whole.bias.data, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output."""
        return self._split.total(self.part(x)) + self.bias


def split_network(network: Any, split: Split) -> None:
    """Keep this process' part of every block; the model is changed in place.

    Args:
        network: diffusers' Wan transformer with all its weights.
        split: Which part is this process'.

    Raises:
        ValueError: The heads or the feed-forward's channels cannot be shared evenly.
    """
    heads, hidden = network.blocks[0].attn1.heads, network.blocks[0].ffn.net[2].in_features
    if heads % split.parts or hidden % split.parts:
        raise ValueError(f"parts is {split.parts}; {heads} heads and {hidden} channels must be shared evenly")
    for block in network.blocks:
        _split_attention(block.attn1, split)
        _split_attention(block.attn2, split)
        block.ffn.net[0].proj = _columns(block.ffn.net[0].proj, split)
        block.ffn.net[2] = SharedSum(block.ffn.net[2], split)


def _split_attention(attn: Any, split: Split) -> None:
    for name in ("to_q", "to_k", "to_v"):
        setattr(attn, name, _columns(getattr(attn, name), split))
    attn.norm_q, attn.norm_k = SharedNorm(attn.norm_q, split), SharedNorm(attn.norm_k, split)
    attn.to_out[0] = SharedSum(attn.to_out[0], split)
    attn.heads //= split.parts


def _columns(whole: nn.Linear, split: Split) -> nn.Linear:
    return _linear(split.mine(whole.weight.data, 0), split.mine(whole.bias.data, 0))


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    tensors = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    layer.load_state_dict(tensors, assign=True)
    return layer.requires_grad_(False)
