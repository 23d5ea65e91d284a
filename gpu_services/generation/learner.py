"""One optimiser step of a video model: noise, predict, loss, clip, update, average."""

import math

import torch
from torch import Tensor, nn

from gpu_services.generation.diffusion import training_step
from gpu_services.generation.model import VideoModel
from gpu_services.runtime import Runtime, seed_step
from gpu_services.training_state import restore_training, training_state, update_average
from scalediff_contract.video_models import VideoDiffusionTrainConfig


class VideoLearner:
    """A video model in training."""

    def __init__(
        self, model: VideoModel, recipe: VideoDiffusionTrainConfig, steps: int, runtime: Runtime
    ) -> None:
        self.model, self.recipe, self.steps, self.runtime = model, recipe, steps, runtime
        network = model.network
        trained = trained_parameters(network, recipe.trainable)
        names = {id(parameter) for parameter in trained}
        for parameter in network.parameters():
            parameter.requires_grad_(id(parameter) in names)
        self.optimiser = torch.optim.AdamW(
            trained, lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True
        )
        self._trained = trained
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self._called: nn.Module = network
        if recipe.drill == "flipped_loss":
            self._called = _Flipped(network)
        if runtime.device.type == "cuda":
            self._called = torch.compile(network)  # type: ignore[assignment]

    def lr_at(self, step: int) -> float:
        """The learning rate of a step: a linear rise, then a cosine from `lr` to `lr_end`."""
        recipe = self.recipe
        if step < recipe.warmup_steps:
            return recipe.lr * (step + 1) / recipe.warmup_steps
        share = (step - recipe.warmup_steps) / max(1, self.steps - 1 - recipe.warmup_steps)
        return recipe.lr_end + (recipe.lr - recipe.lr_end) * 0.5 * (1.0 + math.cos(math.pi * share))

    def step(self, number: int, latents: Tensor, condition: Tensor) -> dict[str, Tensor]:
        """Learn from one batch.

        Args:
            number: The step, from 0; with the seed it fixes noise and dropped labels.
            latents: `(B, T, C, h, w)`.
            condition: Of `conditioner`.

        Returns:
            Loss and the gradient's norm, on the device.
        """
        recipe, runtime = self.recipe, self.runtime
        seed_step(recipe.seed, number, runtime.rank)
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr_at(number)
        self._called.train()
        told = getattr(self.model.architecture, "first_frame", False)
        with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.bf16):
            loss = training_step(
                self._called,
                latents,
                condition,
                self.model.schedule,
                recipe.p_uncond,
                p_first_frame=recipe.p_first_frame if told else 0.0,
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._trained, recipe.clip_norm)
        self.optimiser.step()
        update_average(self.average, self.model.network, number, recipe.ema_decay)
        return {"loss": loss.detach(), "grad_norm": norm.detach()}

    def use_average(self) -> None:
        """Put the averaged weights into the network: training is over."""
        self.model.network.load_state_dict(self.average)
        self.model.network.eval()

    def state(self) -> dict[str, Tensor]:
        """Raw weights and the optimiser's state, by name."""
        return training_state(self.model.network, self.optimiser)

    def restore(self, average: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        """Go on from what `state` and the averaged weights were."""
        restore_training(self.model.network, self.optimiser, state)
        for name, value in average.items():
            self.average[name].copy_(value)


class _Flipped(nn.Module):
    """Says the opposite of what its network says: trained through it, the network learns the wrong sign."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._network = network
        self.register_buffer("null_tokens", getattr(network, "null_tokens", None), persistent=False)

    def forward(self, *given: Tensor) -> Tensor:
        """Minus what the network says."""
        said: Tensor = self._network(*given)
        return -said


def trained_parameters(network: nn.Module, trainable: str) -> list[nn.Parameter]:
    """All parameters, or those of attention over time."""
    if trainable == "all":
        return list(network.parameters())
    temporal: list[nn.Parameter] = network.temporal_parameters()  # type: ignore[operator]
    return temporal


@torch.no_grad()
def denoising_error(
    model: VideoModel, latents: Tensor, condition: Tensor, *, seed: int = 0, batch: int = 16
) -> float:
    """Mean squared error of the network's word, at times spread evenly over the schedule.

    Written apart from `training_step`, so that an error there shows here; saying nothing scores 1
    with epsilon. Equal seeds, equal noise.

    Args:
        model: The model.
        latents: `(N, T, C, h, w)`.
        condition: Of N clips.
        seed: Of the noise.
        batch: Clips at a time.
    """
    count, schedule = len(latents), model.schedule
    generator = torch.Generator().manual_seed(seed)
    noise = schedule.draw_noise(latents.shape, generator).to(latents.device)
    times = (torch.arange(count, device=latents.device) + 0.5) / count * schedule.num_train_timesteps
    model.network.eval()
    total = 0.0
    for first in range(0, count, batch):
        rows = slice(first, first + batch)
        time = times[rows].long()
        noisy = schedule.add_noise(latents[rows], noise[rows], time)
        said = model.network(noisy, time, condition[rows]).float()
        total += float(
            ((said - schedule.target(latents[rows], noise[rows], time)) ** 2).mean((1, 2, 3, 4)).sum()
        )
    return total / count
