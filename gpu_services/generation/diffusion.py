"""One training step and one clip: the two formulas of the whole method, small enough to check by eye."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from gpu_services.generation.conditions import drop_condition
from gpu_services.generation.schedule import NoiseSchedule

OnSteps = Callable[[int, int], None]
Sampler = Literal["ddim", "ddpm"]


def training_step(
    model: nn.Module,
    videos: Tensor,
    labels: Tensor,
    noise_schedule: NoiseSchedule,
    p_uncond: float = 0.1,
    *,
    p_first_frame: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The loss of one batch: mean squared error of the noise (or v) at a random step per clip.

    Args:
        model: `model(noisy, timesteps, condition, given)`.
        videos: `(B, T, C, H, W)` clean latents.
        labels: Conditions: labels, or tokens.
        noise_schedule: How noise is added.
        p_uncond: Share of the batch whose condition is dropped, so that guidance has both.
        p_first_frame: Share whose first picture is given clean; it does not count in the loss.
        generator: Of all chances; None: torch's own.

    Returns:
        The loss, a scalar.
    """
    batch, device = len(videos), videos.device

    def chance(size: int) -> Tensor:
        return torch.rand(size, generator=generator, device=device)

    timesteps = (chance(batch) * noise_schedule.num_train_timesteps).long()
    noise = noise_schedule.draw_noise(videos.shape, generator, device).to(videos.dtype)
    condition = drop_condition(labels, chance(batch) < p_uncond, null_tokens(model))
    noisy = noise_schedule.add_noise(videos, noise, timesteps)
    target = noise_schedule.target(videos, noise, timesteps)
    if p_first_frame == 0:
        return nn.functional.mse_loss(model(noisy, timesteps, condition).float(), target)
    given = torch.zeros(videos.shape[:2], dtype=torch.bool, device=device)
    given[:, 0] = chance(batch) < p_first_frame
    kept = given[:, :, None, None, None]
    said = model(torch.where(kept, videos, noisy), timesteps, condition, given).float()
    loss: Tensor = ((said - target) ** 2 * ~kept).sum() / (~kept).expand_as(said).sum()
    return loss


def null_tokens(model: nn.Module) -> Tensor | None:
    """Tokens of the empty prompt, where the model has a text encoder."""
    return getattr(model, "null_tokens", None)


def guided(
    model: nn.Module,
    noisy: Tensor,
    timesteps: Tensor,
    condition: Tensor,
    guidance: float,
    given: Tensor | None,
) -> Tensor:
    """Classifier-free guidance e_u + w (e_c - e_u), both halves in one batch of 2B.

    With w = 1 it is the conditional prediction itself, and the other half is not computed.
    """
    if guidance == 1.0:
        return model(noisy, timesteps, condition, given)  # type: ignore[no-any-return]
    nothing = drop_condition(
        condition, torch.ones(len(condition), dtype=torch.bool, device=condition.device), null_tokens(model)
    )
    said = model(
        torch.cat([noisy, noisy]),
        torch.cat([timesteps, timesteps]),
        torch.cat([condition, nothing]),
        None if given is None else torch.cat([given, given]),
    )
    conditional, unconditional = said.chunk(2)
    return unconditional + guidance * (conditional - unconditional)  # type: ignore[no-any-return]


@torch.no_grad()
def sample_videos(
    model: nn.Module,
    labels: Tensor,
    noise_schedule: NoiseSchedule,
    *,
    shape: tuple[int, int, int, int],
    seeds: Sequence[int],
    steps: int = 50,
    guidance: float = 4.0,
    sampler: Sampler = "ddim",
    first_frames: Tensor | None = None,
    on_step: OnSteps | None = None,
) -> Tensor:
    """Clips from noise.

    Args:
        model: The network.
        labels: Conditions of B clips.
        noise_schedule: That of training.
        shape: `(T, C, H, W)` of a clip's latents.
        seeds: B seeds; each clip's noise comes from its own generator on the CPU.
        steps: Denoising steps.
        guidance: Weight w of the guidance.
        sampler: `ddim` (deterministic) or `ddpm` (noise in every step).
        first_frames: `(B, C, H, W)` latents to begin with, or None.
        on_step: Told after each step.

    Returns:
        `(B, T, C, H, W)` clean latents.
    """
    device = labels.device
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def draw() -> Tensor:
        return torch.stack([noise_schedule.draw_start(shape, each) for each in generators]).to(device)

    scheduler = noise_schedule.scheduler(steps)
    x = start = draw()
    given = None if first_frames is None else _first_only(x)
    clean = None if first_frames is None else first_frames[:, None]
    told = given if _is_told(model) else None
    for number, timestep in enumerate(scheduler.timesteps):
        batch = timestep.expand(len(x)).to(device)
        if clean is not None:
            # The given picture stays: clean where the network is told so, else as noisy as the rest.
            first = clean if told is not None else noise_schedule.add_noise(clean, start[:, :1], batch)
            x = torch.cat([first, x[:, 1:]], 1)
        said = guided(model, x, batch, labels, guidance, told).float()
        # With eta 1 DDIM's step is DDPM's, and takes each clip's own noise.
        fresh = draw() if sampler == "ddpm" else None
        eta = 0.0 if fresh is None else 1.0
        step = scheduler.step(said, int(timestep), x, eta=eta, variance_noise=fresh)
        # Where the steps do not divide the schedule, diffusers' last one would leave a little noise.
        x = step.prev_sample if number + 1 < steps else step.pred_original_sample
        if on_step is not None:
            on_step(number + 1, steps)
    return x if clean is None else torch.cat([clean, x[:, 1:]], 1)


def generate_independent_video(
    model: nn.Module,
    labels: Tensor,
    noise_schedule: NoiseSchedule,
    *,
    shape: tuple[int, int, int, int],
    seeds: Sequence[int],
    steps: int = 50,
    guidance: float = 4.0,
) -> Tensor:
    """Clips whose pictures know nothing of each other: the frame-independent baseline.

    Args:
        model: A `SimpleImageUNet`.
        labels: Conditions of B clips.
        noise_schedule: That of training.
        shape: `(T, C, H, W)` of a clip's latents.
        seeds: B seeds.
        steps: Denoising steps.
        guidance: Weight w of the guidance.

    Returns:
        `(B, T, C, H, W)` clean latents.
    """
    # One noise for T pictures, each denoised by itself: the network has no path between them.
    return sample_videos(
        model, labels, noise_schedule, shape=shape, seeds=seeds, steps=steps, guidance=guidance
    )


def _first_only(x: Tensor) -> Tensor:
    given = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    given[:, 0] = True
    return given


def _is_told(model: nn.Module) -> bool:
    architecture = getattr(model, "architecture", None)
    return bool(architecture is not None and architecture.first_frame)
