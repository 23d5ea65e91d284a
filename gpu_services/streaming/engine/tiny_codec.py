"""A tiny causal video codec in the shape of TAEHV's `taew2_1`: 11.3 million parameters, 27 times less work.

Architecture and parameter names follow the published model (MIT), so that its weights fit; the code is our
own. Every convolution is flat; time is mixed by blocks that also see the frame before, by pooling pairs of
frames, and by growing one frame into two. It works on pictures of 0 to 1 and on normalised latents.

The first latent of a stream stands for one frame: the encoder sees that frame four times, and of the four
frames that the decoder grows from it only the last counts.
"""

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from gpu_services.streaming.engine.codec import CodecMemory
from gpu_services.streaming.engine.config import FRAMES_PER_LATENT, CodecShape


class Memory(nn.Module):
    """A residual block that also sees its input of one frame before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _flat(2 * width, width), nn.ReLU(), _flat(width, width), nn.ReLU(), _flat(width, width)
        )

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        """`(T, width, H, W)`; `before` is the same, one frame earlier."""
        return torch.relu(self.conv(torch.cat([x, before], 1)) + x)


class Pool(nn.Module):
    """Makes one frame of so many."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.conv = nn.Conv2d(width * frames, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(T, width, H, W)` to `(T / frames, width, H, W)`."""
        return cast(Tensor, self.conv(torch.unflatten(x, 0, (-1, self.frames)).flatten(1, 2)))


class Grow(nn.Module):
    """Makes so many frames of one."""

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.conv = nn.Conv2d(width, width * frames, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(T, width, H, W)` to `(T * frames, width, H, W)`."""
        return cast(Tensor, self.conv(x).unflatten(1, (self.frames, -1)).flatten(0, 1))


class Bounded(nn.Module):
    """Keeps latents within 3, softly."""

    def forward(self, x: Tensor) -> Tensor:
        """The same, bounded."""
        return torch.tanh(x / 3) * 3


def _flat(inner: int, outer: int, *, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inner, outer, 3, padding=1, stride=stride, bias=bias)


def _down(width: int, frames: int) -> Iterable[nn.Module]:
    return Pool(width, frames), _flat(width, width, stride=2, bias=False), *(Memory(width) for _ in range(3))


def _up(width: int, frames: int, outer: int) -> Iterable[nn.Module]:
    blocks = (Memory(width) for _ in range(3))
    return *blocks, nn.Upsample(scale_factor=2), Grow(width, frames), _flat(width, outer, bias=False)


class TinyVae(nn.Module):
    """Encoder and decoder; the order of layers gives the published parameter names."""

    def __init__(self, shape: CodecShape, latent_channels: int) -> None:
        super().__init__()
        width, (a, b, c, d) = shape.tiny_encoder, shape.tiny_decoder
        self.encoder = nn.Sequential(
            *(_flat(3, width), nn.ReLU(), *_down(width, 2), *_down(width, 2), *_down(width, 1)),
            _flat(width, latent_channels),
        )
        self.decoder = nn.Sequential(
            *(Bounded(), _flat(latent_channels, a), nn.ReLU(), *_up(a, 1, b), *_up(b, 2, c), *_up(c, 2, d)),
            *(nn.ReLU(), _flat(d, 3)),
        )


class TinyCodec:
    """Encodes and decodes with the tiny codec; memory is the last input of each of its memory blocks."""

    def __init__(self, vae: TinyVae) -> None:
        self._vae = vae.eval().requires_grad_(False)

    def encode(self, frames: Tensor, memory: CodecMemory) -> Tensor:
        """The latent of a chunk; the stream's first frame is seen four times."""
        pictures = (frames[0].transpose(0, 1) + 1) / 2  # (T, 3, H, W)
        if not memory:
            pictures = pictures.expand(FRAMES_PER_LATENT, -1, -1, -1)
        return _run(self._vae.encoder, pictures, memory).transpose(0, 1)[None]

    def decode(self, latent: Tensor, memory: CodecMemory) -> Tensor:
        """The frames of a latent; of the first latent only the last of four."""
        first = not memory
        pictures = _run(self._vae.decoder, latent[0].transpose(0, 1), memory)
        kept = pictures[-1:] if first else pictures
        return (kept.transpose(0, 1)[None] * 2 - 1).clamp(-1, 1)


def _run(layers: nn.Sequential, x: Tensor, memory: CodecMemory) -> Tensor:
    """Run the layers on a chunk `(T, ...)`, with and into what the memory blocks remember."""
    blocks = [layer for layer in layers if isinstance(layer, Memory)]
    first = not memory
    if first:
        memory.extend([None] * len(blocks))
    remembered = iter(range(len(blocks)))
    for layer in layers:
        if isinstance(layer, Memory):
            place = next(remembered)
            before = torch.zeros_like(x[:1]) if first else memory[place]
            memory[place] = x[-1:].clone()
            x = layer(x, torch.cat([before, x[:-1]]))
        else:
            x = layer(x)
    return x
