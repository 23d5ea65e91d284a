"""One optimiser step: augment, predict, loss, update, average. The whole of what learns is here."""

import math

import torch
from torch import Tensor, nn

from gpu_services.driving.augment import Augment, normalise
from gpu_services.driving.batches import RawBatch
from gpu_services.driving.network import Cilrs, channels_last
from gpu_services.runtime import Runtime, seed_step
from gpu_services.training_state import restore_training, training_state, update_average
from scalediff_contract.driving import Architecture, Camera, Recipe


class Learner:
    """A network in training: weights, optimiser, averaged weights."""

    def __init__(self, architecture: Architecture, recipe: Recipe, camera: Camera, runtime: Runtime) -> None:
        seed_step(recipe.seed, -1)
        self.recipe, self.runtime = recipe, runtime
        self._scale_mps = architecture.speed_scale_mps
        self.model = channels_last(Cilrs(architecture).to(runtime.device))
        self._augment = Augment(architecture, recipe, camera, runtime.device)
        kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
        self.optimiser = kind(
            self.model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True
        )
        self._weights = torch.tensor(recipe.control_weights, device=runtime.device)
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.parallel: nn.Module = self.model
        if runtime.world > 1:
            self.parallel = nn.parallel.DistributedDataParallel(self.model)
        elif runtime.device.type == "cuda":
            self.parallel = torch.compile(self.model)  # type: ignore[assignment]

    def lr_at(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then a cosine to zero."""
        recipe = self.recipe
        if step < recipe.warmup_steps:
            return recipe.lr * (step + 1) / recipe.warmup_steps
        if recipe.schedule == "constant":
            return recipe.lr
        share = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
        return recipe.lr * 0.5 * (1.0 + math.cos(math.pi * share))

    def step(self, number: int, batch: RawBatch) -> dict[str, Tensor]:
        """Learn from one batch.

        Args:
            number: The step, from 0; fixes dropout and augmentation.
            batch: Its frames.

        Returns:
            Losses as tensors on the device (reading them waits for it), and the gradient's norm.
        """
        seed_step(self.recipe.seed, number, self.runtime.rank)
        for group in self.optimiser.param_groups:
            group["lr"] = self.lr_at(number)
        self.parallel.train()
        with torch.no_grad():
            picture, steer = self._augment(normalise(batch.picture), batch.controls[:, 0], batch.aim_m)
            controls = torch.cat([steer[:, None], batch.controls[:, 1:]], 1)
        losses = self._losses(picture, batch, controls)
        self.optimiser.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self._update_average(number)
        return {name: value.detach() for name, value in losses.items()} | {"grad_norm": norm}

    def _losses(self, picture: Tensor, batch: RawBatch, controls: Tensor) -> dict[str, Tensor]:
        recipe = self.recipe
        with torch.autocast(self.runtime.device.type, torch.bfloat16, enabled=self.runtime.bf16):
            said, speed = self.parallel(picture, batch.speed_mps / self._scale_mps, batch.command)
        each = _masked_error(said.float(), controls, recipe.loss)
        losses = {f"loss_{name}": each[k] for k, name in enumerate(("steer", "throttle", "brake"))}
        loss = recipe.branch_weight * (each * self._weights).sum()
        if speed is not None:
            wanted = batch.target_mps / self._scale_mps
            losses["loss_speed"] = _masked_error(speed.float()[:, None], wanted[:, None], recipe.speed_loss)[
                0
            ]
            loss = loss + recipe.speed_weight * losses["loss_speed"]
        return losses | {"loss": loss}

    def _update_average(self, number: int) -> None:
        update_average(self.average, self.model, number, self.recipe.ema_decay)

    def averaged_model(self) -> Cilrs:
        """A copy with the averaged weights, for evaluation."""
        model = channels_last(Cilrs(self.model.architecture).to(self.runtime.device))
        model.load_state_dict(self.average)
        return model.eval()

    def state(self) -> dict[str, Tensor]:
        """Raw weights and the optimiser's state, by name."""
        return training_state(self.model, self.optimiser)

    def restore(self, average: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        """Go on from what `state` and the averaged weights were."""
        restore_training(self.model, self.optimiser, state)
        for name, value in average.items():
            self.average[name].copy_(value)


def _masked_error(said: Tensor, wanted: Tensor, loss: str) -> Tensor:
    """`(B, K)`, `(B, K)` -> `(K,)`: mean error over the labels that are known."""
    known = ~wanted.isnan()
    error = torch.where(known, said - wanted.nan_to_num(), torch.zeros_like(said))
    error = error.abs() if loss == "l1" else error * error
    return error.sum(0) / known.sum(0).clamp(min=1)
