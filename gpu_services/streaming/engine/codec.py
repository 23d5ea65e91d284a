"""From frames to latents and back, a chunk at a time.

A codec's weights are shared; what it remembers of a stream is a list of tensors that belongs to the session.
The first chunk is 1 frame, every other 4; each becomes one latent frame.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

CodecMemory = list[Any]
"""What a codec remembers of one stream; empty before the first chunk. Entries: tensors, None, or a mark."""


class Encoder(Protocol):
    """Frames to latents."""

    def encode(self, frames: Tensor, memory: CodecMemory) -> Tensor:
        """The latent frame of a chunk.

        Args:
            frames: `(1, 3, T, H, W)`, -1 to 1; T is 1 for the first chunk, then 4.
            memory: Of the session; is changed.

        Returns:
            `(1, channels, 1, H / 8, W / 8)`.
        """
        ...


class Decoder(Protocol):
    """Latents to frames."""

    def decode(self, latent: Tensor, memory: CodecMemory) -> Tensor:
        """The frames of a latent frame: 1 for the first, then 4.

        Args:
            latent: `(1, channels, 1, H / 8, W / 8)`.
            memory: Of the session; is changed.

        Returns:
            `(1, 3, T, H, W)`, -1 to 1.
        """
        ...


def from_bytes(frames: Tensor, dtype: torch.dtype) -> Tensor:
    """`(T, H, W, 3) uint8` as `(T, 3, H, W)`, -1 to 1."""
    return frames.permute(0, 3, 1, 2).to(dtype) / 127.5 - 1


def to_bytes(frames: Tensor) -> Tensor:
    """`(1, 3, T, H, W)` of -1 to 1 as `(T, H, W, 3) uint8`."""
    return (
        ((frames[0].float() + 1) * 127.5)
        .round()
        .clamp(0, 255)
        .to(torch.uint8)
        .permute(1, 2, 3, 0)
        .contiguous()
    )


def upload(frames: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Frames on the device; the host does not wait for the copy."""
    ours = torch.from_numpy(np.array(frames))
    return ours.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else ours


def download(videos: Sequence[Tensor]) -> list[NDArray[np.uint8]]:
    """Frames on the host; waits once, for all."""
    if videos[0].device.type != "cuda":
        return [video.numpy() for video in videos]
    pinned = [
        torch.empty(v.shape, dtype=v.dtype, pin_memory=True).copy_(v, non_blocking=True) for v in videos
    ]
    torch.cuda.current_stream().synchronize()
    return [video.numpy() for video in pinned]
