"""The video U-Net and its frame-independent twin.

Called as `model(noisy (B, T, C, H, W), timesteps (B,), condition, given)`, it says the noise (or v) in the
same shape. `condition` is what `conditions.py` makes of prompts: labels, or a text encoder's tokens. The
U-Net works on any picture size: it pads to a multiple of its levels and cuts again (90 latent rows halve
to 45, which is odd).
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from gpu_services.generation.blocks import (
    FactorizedSpaceTimeBlock,
    ResidualBlock,
    TemporalAttentionBlock,
    sinusoids,
)
from gpu_services.generation.conditions import LabelEmbedding
from scalediff_contract.video_models import VideoArchitecture


class _MakeStage(Protocol):
    def __call__(self, channels_in: int, channels: int, level: int) -> "Stage": ...


class ConditionalVideoUNet(nn.Module):
    """A U-Net over clips with attention over space and time in turn."""

    def __init__(self, architecture: VideoArchitecture, *, frames: int | None, labels: int) -> None:
        """Build the network.

        Args:
            architecture: Widths and levels.
            frames: Most frames of a clip; None: pictures do not see each other.
            labels: Size of the vocabulary; unused with a text encoder.
        """
        super().__init__()
        self.architecture = architecture
        context = architecture.context_channels if architecture.text == "clip" else None
        self.embedding = _Embedding(architecture.width, labels, context)
        channels_in = architecture.latent_channels + int(architecture.first_frame)
        self.first = nn.Conv2d(channels_in, architecture.width, 3, padding=1)

        def stage(channels_in: int, channels: int, level: int) -> Stage:
            return Stage(architecture, channels_in, channels, level, frames=frames, context=context)

        widths = [architecture.width * multiplier for multiplier in architecture.multipliers]
        self.down, self.up = _levels(widths, architecture.residual_blocks, stage)
        self.middle = stage(widths[-1], widths[-1], len(widths))
        self.last_norm = nn.GroupNorm(8, widths[0])
        self.last = nn.Conv2d(widths[0], architecture.latent_channels, 3, padding=1)
        # How much of the noisy clip goes through as it is, by time and channel: a narrow network need not
        # carry the noise of every channel through its own.
        self.through = nn.Linear(4 * architecture.width, architecture.latent_channels)
        for parameter in (*self.last.parameters(), *self.through.parameters()):
            nn.init.zeros_(parameter)

    def forward(
        self, noisy: Tensor, timesteps: Tensor, condition: Tensor, given: Tensor | None = None
    ) -> Tensor:
        """What the noise (or v) is.

        Args:
            noisy: `(B, T, C, H, W)` latents.
            timesteps: `(B,)`, from 0.
            condition: `(B,)` or `(B, K)` labels, -1 for none; or `(B, L, D)` tokens.
            given: `(B, T)` bool: pictures that are clean and to be kept.
        """
        height, width = noisy.shape[-2:]
        embedding, context = self.embedding(timesteps, condition)
        x = _each_picture(self.first, self._input(noisy, given))
        kept = [x]
        for down in self.down:
            x = down(x, embedding, context, kept)
        x = self.middle(x, embedding, context)
        for up in self.up:
            x = up(x, embedding, context, kept)
        x = _each_picture(self.last, functional.silu(_each_picture(self.last_norm, x)))
        share: Tensor = self.through(embedding)
        return x[..., :height, :width] + share[:, None, :, None, None] * noisy

    def temporal_parameters(self) -> list[nn.Parameter]:
        """What `trainable: temporal` trains."""
        blocks = [module for module in self.modules() if isinstance(module, TemporalAttentionBlock)]
        return [parameter for block in blocks for parameter in block.parameters()]

    def _input(self, noisy: Tensor, given: Tensor | None) -> Tensor:
        """Padded to a multiple of the levels, with the channel that tells given pictures."""
        multiple = 2 ** (len(self.architecture.multipliers) - 1)
        height, width = noisy.shape[-2:]
        noisy = functional.pad(noisy, (0, -width % multiple, 0, -height % multiple))
        if not self.architecture.first_frame:
            return noisy
        mask = noisy.new_zeros(noisy.shape[:2]) if given is None else given.to(noisy.dtype)
        return torch.cat([noisy, mask[:, :, None, None, None].expand(-1, -1, 1, *noisy.shape[-2:])], 2)


class SimpleImageUNet(ConditionalVideoUNet):
    """The frame-independent baseline: the same network without attention over time."""

    def __init__(self, architecture: VideoArchitecture, *, labels: int) -> None:
        plain = architecture.model_copy(update={"network": "independent", "first_frame": False})
        super().__init__(plain, frames=None, labels=labels)


class Stage(nn.Module):
    """A residual block, then attention: over space from `attention_from` on, over time everywhere."""

    def __init__(
        self,
        architecture: VideoArchitecture,
        channels_in: int,
        channels: int,
        level: int,
        *,
        frames: int | None,
        context: int | None,
    ) -> None:
        super().__init__()
        self.residual = ResidualBlock(channels_in, channels, 4 * architecture.width)
        self.attention: FactorizedSpaceTimeBlock | None = None
        self.temporal: TemporalAttentionBlock | None = None
        if level >= architecture.attention_from:
            self.attention = FactorizedSpaceTimeBlock(channels, architecture.heads, frames, context)
        elif frames is not None:
            self.temporal = TemporalAttentionBlock(channels, architecture.heads, frames)

    def forward(self, x: Tensor, embedding: Tensor, context: Tensor | None) -> Tensor:
        """`(B, T, C, H, W)` to `(B, T, C', H, W)`."""
        x = self.residual(x, embedding)
        if self.attention is not None:
            x = self.attention(x, context)
        if self.temporal is not None:
            x = self.temporal(x)
        return x


class _Embedding(nn.Module):
    """One vector of diffusion time and condition, and the tokens to attend to."""

    def __init__(self, width: int, labels: int, context: int | None) -> None:
        super().__init__()
        self._width = width
        self.time = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))
        self.condition = nn.Linear(context, 4 * width) if context else LabelEmbedding(labels, 4 * width)
        self._tokens = context is not None

    def forward(self, timesteps: Tensor, condition: Tensor) -> tuple[Tensor, Tensor | None]:
        embedding = self.time(sinusoids(timesteps, self._width))
        if self._tokens:
            return embedding + self.condition(condition.mean(1)), condition
        return embedding + self.condition(condition), None


class _Down(nn.Module):
    """A level on the way down; what the way up needs is kept."""

    def __init__(self, stages: list[Stage], width: int, *, last: bool) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.halve = None if last else nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor, embedding: Tensor, context: Tensor | None, kept: list[Tensor]) -> Tensor:
        for stage in self.stages:
            x = stage(x, embedding, context)
            kept.append(x)
        if self.halve is not None:
            x = _each_picture(self.halve, x)
            kept.append(x)
        return x


class _Up(nn.Module):
    """A level on the way up."""

    def __init__(self, stages: list[Stage], width: int, *, last: bool) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.smooth = None if last else nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, embedding: Tensor, context: Tensor | None, kept: list[Tensor]) -> Tensor:
        for stage in self.stages:
            x = stage(torch.cat([x, kept.pop()], 2), embedding, context)
        if self.smooth is not None:
            x = _each_picture(self.smooth, x.repeat_interleave(2, -1).repeat_interleave(2, -2))
        return x


def _levels(widths: list[int], blocks: int, stage: _MakeStage) -> tuple[nn.ModuleList, nn.ModuleList]:
    """The ways down and up, with the channels that each skip brings."""
    kept, down, up = [widths[0]], [], []
    for level, width in enumerate(widths):
        stages = []
        for _ in range(blocks):
            stages.append(stage(kept[-1], width, level))
            kept.append(width)
        last = level == len(widths) - 1
        down.append(_Down(stages, width, last=last))
        kept += [] if last else [width]
    below = widths[-1]
    for level, width in reversed(list(enumerate(widths))):
        stages = []
        for _ in range(blocks + 1):
            stages.append(stage(below + kept.pop(), width, level))
            below = width
        up.append(_Up(stages, width, last=level == 0))
    return nn.ModuleList(down), nn.ModuleList(up)


def _each_picture(layer: nn.Module, x: Tensor) -> Tensor:
    said: Tensor = layer(x.flatten(0, 1))
    return said.reshape(*x.shape[:2], *said.shape[1:])
