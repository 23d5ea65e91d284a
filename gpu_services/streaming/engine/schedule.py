"""How noisy each step is: the denoising steps, and a first step that follows the motion in the picture.

Flow prediction: a noisy latent is `(1 - s) * clean + s * noise`, with `s = timestep / 1000`; the network
predicts `noise - clean`, so `clean = noisy - s * flow`. Formulas of the motion rule and their constants are
StreamDiffusionV2's (facts of issue 6); the code is our own. Fast motion lowers the noise, so that the picture
follows the input instead of the memory.

All numbers are on the device: measuring motion waits for nothing.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MOTION_WEIGHT, KEPT = 0.1, 0.1
FIRST_STEP_OFFSET = 100


@dataclass(kw_only=True)
class NoiseLevel:
    """A session's part of noise.

    Attributes:
        scale: Part of noise in the next chunk's input, `() float64`.
        last_frame: The newest input frame, `(3, H, W)` of values -1 to 1; None before the first.
    """

    scale: Tensor
    last_frame: Tensor | None = None


def motion(frames: Tensor, last_frame: Tensor, *, full_rms: float) -> Tensor:
    """How much a chunk moves, 0 to 1: the greatest RMS difference of neighbours over `full_rms`.

    Args:
        frames: `(T, 3, H, W)`, -1 to 1.
        last_frame: The frame before, `(3, H, W)`.
        full_rms: RMS difference that counts as 1.
    """
    before = torch.cat([last_frame[None], frames[:-1]])
    rms = (frames - before).float().square().mean(dim=(1, 2, 3)).sqrt()
    return (rms.max() / full_rms).clamp(0, 1)


def next_scale(moved: Tensor, previous: Tensor, *, initial: float) -> Tensor:
    """The part of noise after a motion: `(initial - 0.1 * motion) * 0.9 + previous * 0.1`."""
    return (initial - MOTION_WEIGHT * moved.double()) * (1 - KEPT) + previous * KEPT


def first_timestep(scale: Tensor) -> Tensor:
    """The first step's timestep for a part of noise: `int(1000 * scale) - 100`."""
    return (1000 * scale).floor() - FIRST_STEP_OFFSET


def shifted(sigma: float, shift: float) -> float:
    """A noise level moved towards noise, as checkpoints trained with a timestep shift expect."""
    return shift * sigma / (1 + (shift - 1) * sigma)


def step_timesteps(timesteps: tuple[int, ...], steps: int, shift: float | None) -> list[float]:
    """The first so many timesteps, shifted where the checkpoint wants it."""
    chosen = [float(t) for t in timesteps[:steps]]
    return chosen if shift is None else [1000 * shifted(t / 1000, shift) for t in chosen]


def mixed(clean: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """A noisy latent, in single precision at least; `sigma` has one number per session."""
    sums = torch.promote_types(clean.dtype, torch.float32)
    part = sigma.to(sums).view(-1, 1, 1, 1, 1)
    return (noise.to(sums) * part + clean.to(sums) * (1 - part)).to(clean.dtype)


def cleaned(noisy: Tensor, flow: Tensor, timestep: Tensor) -> Tensor:
    """The clean latent that a predicted flow means, in single precision at least."""
    sums = torch.promote_types(noisy.dtype, torch.float32)
    sigma = (timestep / 1000).to(sums).view(-1, 1, 1, 1, 1)
    return (noisy.to(sums) - sigma * flow.to(sums)).to(noisy.dtype)
