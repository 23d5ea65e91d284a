"""ResNet-18 and -34 (He et al. 2015), with torchvision's state-dict names so that its weights load.

torchvision itself cannot be installed beside the CPU build of torch. `width` scales the channels of
every stage: 64 is the published network, 32 costs a quarter and is what a CPU can train in minutes.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Backbone = Literal["resnet18", "resnet34"]
_BLOCKS: dict[Backbone, tuple[int, int, int, int]] = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and the identity, or a 1x1 projection where the shape changes."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` -> `(B, C', H/stride, W/stride)`."""
        identity = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + identity)


class ResNet(nn.Module):
    """The network without its classifier."""

    def __init__(self, backbone: Backbone, *, width: int = 64) -> None:
        """Make an untrained network (He initialisation).

        Args:
            backbone: Depth.
            width: Channels of the first stage; 64 is the published network.
        """
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels_in, stages = width, []
        for stage, blocks in enumerate(_BLOCKS[backbone]):
            channels, layers = width * 2**stage, []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(BasicBlock(channels_in, channels, stride))
                channels_in = channels
            stages.append(nn.Sequential(*layers))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.features = channels_in
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """`(B, 3, H, W)` -> `(B, features)`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return torch.flatten(self.avgpool(x), 1)
