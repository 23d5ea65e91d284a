"""What training is besides its weights: the optimiser's moments and the averaged weights, by name."""

import torch
from torch import Tensor, nn

Optimiser = torch.optim.Adam | torch.optim.AdamW


def training_state(model: nn.Module, optimiser: Optimiser) -> dict[str, Tensor]:
    """Raw weights and the optimiser's state, by name."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            tensors[f"optimiser.{key}.{name}"] = value
    return tensors


def restore_training(model: nn.Module, optimiser: Optimiser, state: dict[str, Tensor]) -> None:
    """Go on from what `training_state` was."""
    model.load_state_dict(
        {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
    )
    for name, parameter in model.named_parameters():
        if f"optimiser.step.{name}" not in state:
            continue  # it is not trained
        # Moments must lie in memory as the weights do: the fused optimiser walks both alike.
        moments = {
            key: torch.empty_like(parameter).copy_(state[f"optimiser.{key}.{name}"])
            for key in ("exp_avg", "exp_avg_sq")
        }
        step = state[f"optimiser.step.{name}"].to(parameter.device)
        optimiser.state[parameter] = {"step": step, **moments}


@torch.no_grad()
def update_average(average: dict[str, Tensor], model: nn.Module, number: int, decay: float) -> None:
    """Move the averaged weights after step `number`, in place.

    Young averages follow quickly; with decay 0 they are the weights.
    """
    decay = min(decay, (number + 1) / (number + 11)) if decay else 0.0
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1.0 - decay)
        else:
            average[name].copy_(value)
