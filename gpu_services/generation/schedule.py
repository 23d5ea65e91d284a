"""The noise schedule: how much of a clip is left at each of `num_train_timesteps` steps.

    x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e        with a_t as in Nichol and Dhariwal 2021 (squared cosine)

A value 0.8 at a = 0.25 becomes 0.4 plus 0.866 times the noise. Sampling goes through diffusers'
schedulers with `trailing` spacing: 50 of 200 steps begin at 199, where training's noise ends; `leading`
would begin at 196 and leave a grey haze.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from diffusers import DDIMScheduler
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True, kw_only=True)
class NoiseSchedule:
    """A squared-cosine schedule.

    Attributes:
        num_train_timesteps: Its steps.
        prediction: What the network says.
        zero_terminal_snr: End in pure noise.
        clip_range: Clean latents lie within this of zero; estimates beyond it are cut.
        shared_noise: Share of the noise's variance that a clip's pictures have in common (Ge et al. 2023).
        sampled_shared_noise: The same of the noise that clips are made from; None: as in training.
    """

    num_train_timesteps: int = 200
    prediction: Prediction = "epsilon"
    zero_terminal_snr: bool = False
    clip_range: float = 1.0
    shared_noise: float = 0.0
    sampled_shared_noise: float | None = None

    @cached_property
    def alpha_bar(self) -> Tensor:
        """`(num_train_timesteps,)`: share of the clip's variance that is left."""
        return self.scheduler().alphas_cumprod.clone()  # type: ignore[no-any-return]

    def scheduler(self, steps: int | None = None) -> Any:
        """Diffusers' scheduler; with `steps` ready to sample."""
        kind: Any = DDIMScheduler
        scheduler = kind(
            num_train_timesteps=self.num_train_timesteps,
            beta_schedule="squaredcos_cap_v2",
            prediction_type=self.prediction,
            timestep_spacing="trailing",
            rescale_betas_zero_snr=self.zero_terminal_snr,
            clip_sample=True,
            clip_sample_range=self.clip_range,
        )
        if steps is not None:
            scheduler.set_timesteps(steps)
        return scheduler

    def draw_noise(
        self,
        shape: Sequence[int],
        generator: torch.Generator | None = None,
        device: torch.device | None = None,
    ) -> Tensor:
        """Noise of unit variance `(..., T, C, H, W)`, partly equal in all pictures of a clip."""
        return _mixed(shape, self.shared_noise, generator, device)

    def draw_start(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
        """Noise `(..., T, C, H, W)` that a clip is made from."""
        share = self.shared_noise if self.sampled_shared_noise is None else self.sampled_shared_noise
        return _mixed(shape, share, generator, None)

    def add_noise(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """`x_t` of clean `(B, ...)`, noise of the same shape and timesteps `(B,)`."""
        signal, rest = self._weights(timesteps, clean)
        return signal * clean + rest * noise

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should say: the noise, or v = sqrt(a) e - sqrt(1 - a) x_0."""
        if self.prediction == "epsilon":
            return noise
        signal, rest = self._weights(timesteps, clean)
        return signal * noise - rest * clean

    def _weights(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        alpha_bar = self.alpha_bar.to(like.device)[timesteps].to(like.dtype)
        alpha_bar = alpha_bar.reshape(-1, *[1] * (like.dim() - 1))
        return alpha_bar.sqrt(), (1.0 - alpha_bar).sqrt()


def cosine_noise_schedule(
    num_train_timesteps: int = 200,
    *,
    prediction: Prediction = "epsilon",
    zero_terminal_snr: bool = False,
    clip_range: float = 1.0,
    shared_noise: float = 0.0,
    sampled_shared_noise: float | None = None,
) -> NoiseSchedule:
    """The squared-cosine schedule of so many steps."""
    return NoiseSchedule(
        num_train_timesteps=num_train_timesteps,
        prediction=prediction,
        zero_terminal_snr=zero_terminal_snr,
        clip_range=clip_range,
        shared_noise=shared_noise,
        sampled_shared_noise=sampled_shared_noise,
    )


def _mixed(
    shape: Sequence[int], share: float, generator: torch.Generator | None, device: torch.device | None
) -> Tensor:
    own: Tensor = torch.randn(*shape, generator=generator, device=device)
    if share == 0:
        return own
    common: Tensor = torch.randn(*shape[:-4], 1, *shape[-3:], generator=generator, device=device)
    mixed: Tensor = (1 - share) ** 0.5 * own + share**0.5 * common
    return mixed
