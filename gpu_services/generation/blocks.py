"""Attention and residual blocks of the video U-Net, space and time apart.

Attention over all T x H x W positions costs (THW)^2; over space and time in turn T (HW)^2 + HW T^2:
8 x 64 x 64 needs 40 times fewer scores (facts/generation.md, section 2). Clips are `(B, T, C, H, W)`.
"""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

_Layer = TypeVar("_Layer", nn.Linear, nn.Conv2d)


class MultiHeadSelfAttention(nn.Module):
    """Self-attention, `(N, L, C)` to `(N, L, C)`; over `context` where it is given."""

    def __init__(self, channels: int, heads: int, context_channels: int | None = None) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels is {channels}, not a multiple of heads {heads}; change one of them")
        self.heads = heads
        self.query = nn.Linear(channels, channels, bias=False)
        self.key_value = nn.Linear(context_channels or channels, 2 * channels, bias=False)
        self.out = _zeroed(nn.Linear(channels, channels))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Attend."""
        query = self._split(self.query(x))
        key, value = map(self._split, self.key_value(x if context is None else context).chunk(2, -1))
        mixed = functional.scaled_dot_product_attention(query, key, value)  # (N, heads, L, C / heads)
        joined: Tensor = self.out(mixed.transpose(1, 2).flatten(2))  # (N, L, C)
        return joined

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(
            1, 2
        )  # (N, L, C) -> (N, heads, L, C / heads)


class SpatialAttentionBlock(nn.Module):
    """Each picture attends within itself; no picture sees another."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = MultiHeadSelfAttention(channels, heads)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T, C, H, W)` to the same."""
        batch, frames, _, height, width = x.shape
        tokens: Tensor = x.flatten(0, 1).flatten(2).transpose(1, 2)  # (B T, H W, C)
        tokens = tokens + self.attention(self.norm(tokens))
        return tokens.transpose(1, 2).reshape(batch, frames, -1, height, width)


class TemporalAttentionBlock(nn.Module):
    """Each position attends over time; no position sees another.

    A learnt embedding tells the pictures' order: without one attention over time cannot know it.
    """

    def __init__(self, channels: int, heads: int, frames: int) -> None:
        super().__init__()
        self.place = nn.Parameter(sinusoids(torch.arange(frames), channels))
        self.norm = nn.LayerNorm(channels)
        self.attention = MultiHeadSelfAttention(channels, heads)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, T, C, H, W)` to the same."""
        batch, frames, _, height, width = x.shape
        if frames > len(self.place):
            raise ValueError(f"the clip has {frames} frames, the model's most is {len(self.place)}; cut it")
        tokens: Tensor = x.permute(0, 3, 4, 1, 2).flatten(0, 2)  # (B H W, T, C)
        tokens = tokens + self.attention(self.norm(tokens) + self.place[:frames])
        return tokens.reshape(batch, height, width, frames, -1).permute(0, 3, 4, 1, 2)


class FactorizedSpaceTimeBlock(nn.Module):
    """Attention over space, then over time, then over the prompt's tokens (if any), then by position."""

    def __init__(
        self, channels: int, heads: int, frames: int | None, context_channels: int | None = None
    ) -> None:
        """Build the block.

        Args:
            channels: Of the clip.
            heads: Of every attention.
            frames: Most frames of a clip; None: pictures do not see each other.
            context_channels: Of the prompt's tokens; None: there are none.
        """
        super().__init__()
        self.spatial = SpatialAttentionBlock(channels, heads)
        self.temporal = None if frames is None else TemporalAttentionBlock(channels, heads, frames)
        self.prompt_norm = nn.LayerNorm(channels) if context_channels else None
        self.prompt = MultiHeadSelfAttention(channels, heads, context_channels) if context_channels else None
        self.each_norm = nn.LayerNorm(channels)
        self.each = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), _zeroed(nn.Linear(2 * channels, channels))
        )

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """`(B, T, C, H, W)` and tokens `(B, L, D)` to `(B, T, C, H, W)`."""
        x = self.spatial(x)
        if self.temporal is not None:
            x = self.temporal(x)
        batch, frames, _, height, width = x.shape
        tokens: Tensor = x.permute(0, 1, 3, 4, 2).flatten(1, 3)  # (B, T H W, C)
        if self.prompt is not None and self.prompt_norm is not None and context is not None:
            tokens = tokens + self.prompt(self.prompt_norm(tokens), context)
        tokens = tokens + self.each(self.each_norm(tokens))
        return tokens.reshape(batch, frames, height, width, -1).permute(0, 1, 4, 2, 3)


class ResidualBlock(nn.Module):
    """Two convolutions of each picture, scaled and shifted by the embedding of time and condition."""

    def __init__(self, channels_in: int, channels: int, embedding: int) -> None:
        super().__init__()
        self.norm_in, self.norm_out = _norm(channels_in), _norm(channels)
        self.conv_in = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.conv_out = _zeroed(nn.Conv2d(channels, channels, 3, padding=1))
        self.modulate = nn.Linear(embedding, 2 * channels)
        self.skip = nn.Identity() if channels_in == channels else nn.Conv2d(channels_in, channels, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """`(B, T, C, H, W)` and `(B, E)` to `(B, T, C', H, W)`."""
        frames = x.shape[1]
        flat = x.flatten(0, 1)  # (B T, C, H, W)
        scale, shift = self.modulate(embedding).repeat_interleave(frames, 0)[..., None, None].chunk(2, 1)
        inner = self.conv_in(functional.silu(self.norm_in(flat)))
        inner = self.conv_out(functional.silu(self.norm_out(inner) * (1 + scale) + shift))
        return (self.skip(flat) + inner).unflatten(0, (-1, frames))  # type: ignore[no-any-return]


def sinusoids(places: Tensor, channels: int) -> Tensor:
    """`(N,)` places to `(N, channels)` sines and cosines (Vaswani et al. 2017)."""
    half = channels // 2
    rates = torch.exp(-math.log(10_000.0) * torch.arange(half, device=places.device) / half)
    angles = places[:, None].float() * rates
    return functional.pad(torch.cat([angles.sin(), angles.cos()], 1), (0, channels % 2))


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels)


def _zeroed(layer: _Layer) -> _Layer:
    """A layer that begins as zero, so that its block begins as the identity."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
