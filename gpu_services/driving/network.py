"""CILRS: picture (and speed) in, controls of every command at once out, and the speed head.

The reference loops over commands with masks: four data-dependent branches and a synchronisation
each. Here a layer of all four branches is one batched product, and the wanted command is gathered at
the end, so that the graph is static and compiles.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gpu_services.driving.resnet import BasicBlock, ResNet
from scalediff_contract.driving import COMMANDS, CONTROLS, Architecture


class CommandLinear(nn.Module):
    """One linear layer per command, as a batched product."""

    def __init__(self, commands: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(commands, outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(commands, outputs))
        for command in range(commands):
            nn.init.kaiming_uniform_(self.weight.data[command], a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """`(K or 1, B, inputs)` -> `(K, B, outputs)`."""
        x = x.expand(len(self.weight), -1, -1)
        return torch.baddbmm(self.bias[:, None, :], x, self.weight.transpose(1, 2))


def _tower(
    commands: int, inputs: int, hidden: tuple[int, ...], dropout: tuple[float, ...], outputs: int
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, width in enumerate(hidden):
        layers += [CommandLinear(commands, inputs, width), nn.ReLU()]
        if number < len(dropout) and dropout[number] > 0.0:
            layers.append(nn.Dropout(dropout[number]))
        inputs = width
    layers.append(CommandLinear(commands, inputs, outputs))
    return nn.Sequential(*layers)


class Cilrs(nn.Module):
    """The network of an `Architecture`."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.encoder = ResNet(a.backbone, width=a.width)
        features = self.encoder.features
        speed_layers: list[nn.Module] = []
        speed_width = 0
        for width in a.speed_hidden:
            speed_layers += [nn.Linear(speed_width or 1, width), nn.ReLU()]
            speed_width = width
        # The reference has no ReLU after its last speed layer.
        self.speed_embed = nn.Sequential(*speed_layers[:-1]) if speed_layers else None
        self.fusion = nn.Sequential(
            nn.Linear(features + speed_width, a.join_hidden), nn.ReLU(), nn.Dropout(a.join_dropout)
        )
        self.branches = _tower(len(COMMANDS), a.join_hidden, a.branch_hidden, a.branch_dropout, len(CONTROLS))
        heads = {"none": 0, "shared": 1, "per_command": len(COMMANDS)}[a.speed_head]
        self.speed_head = _tower(heads, features, a.speed_head_hidden, (), 1) if heads else None

    def forward(self, picture: Tensor, speed: Tensor, command: Tensor) -> tuple[Tensor, Tensor | None]:
        """Predict.

        Args:
            picture: `(B, 3, H, W)` normalised.
            speed: `(B,)` in units of the architecture's scale; not looked at without a speed input.
            command: `(B,) int64`, 0 left, 1 right, 2 straight, 3 follow.

        Returns:
            Controls `(B, 3)`, and the speed `(B,)` or None.
        """
        features = self.encoder(picture)
        joined = features
        if self.speed_embed is not None:
            joined = torch.cat([features, self.speed_embed(speed[:, None])], 1)
        of_all = self.branches(self.fusion(joined)[None])  # (K, B, 3)
        rows = torch.arange(picture.shape[0], device=picture.device)
        controls = of_all[command, rows]
        if self.speed_head is None:
            return controls, None
        speeds = self.speed_head(features[None])[..., 0]  # (1 or K, B)
        return controls, speeds[command if len(speeds) > 1 else torch.zeros_like(command), rows]


def channels_last(model: Cilrs) -> Cilrs:
    """The model with its weights laid out for channels_last pictures, which convolutions are fastest on."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


@torch.no_grad()
def fold_batch_norm(model: Cilrs) -> Cilrs:
    """Put every batch norm into the convolution before it, in place: for driving, never for training.

    A normalisation by known statistics is a scale and a shift: w' = w g / s and b' = b - m g / s, with
    s = sqrt(v + eps) (Jacob et al. 2018, section 3.2).
    """
    for block in (module for module in model.modules() if isinstance(module, (ResNet, BasicBlock))):
        pairs: list[tuple[nn.Module, str, str]] = [(block, "conv1", "bn1")]
        if isinstance(block, BasicBlock):
            pairs += [(block, "conv2", "bn2")]
            pairs += [(block.downsample, "0", "1")] if block.downsample is not None else []
        for owner, conv, norm in pairs:
            setattr(owner, conv, fuse_conv_bn_eval(getattr(owner, conv), getattr(owner, norm)))
            setattr(owner, norm, nn.Identity())
    return model
