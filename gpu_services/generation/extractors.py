"""Features of clips for the Frechet distance and for finding copies; each extractor has its own name.

| name | what | needs |
|---|---|---|
| random3d-v1 | 3D convolutions with fixed random (Kaiming) weights | nothing |
| torchscript:ID=FILE | a TorchScript file, e.g. ID i3d-k400-400logits | its weights |
| videomae:FOLDER | transformers' VideoMAE, mean of its tokens | its weights |

random3d-v1 sees looks well and time badly, and only its ratios to noise and to real mean anything.
Distances of different extractors share no limit. Random weights with torch's defaults would let noise
pass under any limit (measured: 0.01 to 0.04); Kaiming's tell it by a factor of about 1,000.
"""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from gpu_services.errors import JobError
from gpu_services.generation.clips import Clips
from gpu_services.generation.codec import to_pixels
from gpu_services.generation.torchscript import load_torchscript

Features = npt.NDArray[np.float64]
RANDOM = "random3d-v1"
_SEED = 20_240_717
_BATCH = 16
_I3D_SIDE_PX = 224


class VideoFeatureExtractor(Protocol):
    """Makes one vector of each clip.

    Attributes:
        name: What a distance carries.
    """

    @property
    def name(self) -> str:
        """What a distance carries."""
        ...

    def __call__(self, clips: Clips) -> Features:
        """`(N, T, H, W, 3) uint8` to `(N, D)`."""
        ...


class Random3d:
    """Four 3D convolutions that never learnt anything; any clip size."""

    name = RANDOM

    def __init__(self, device: torch.device | None = None) -> None:
        self._device = device or torch.device("cpu")
        generator = torch.Generator().manual_seed(_SEED)
        layers: list[nn.Module] = []
        for inside, outside in ((3, 32), (32, 64), (64, 128), (128, 128)):
            layer = nn.Conv3d(inside, outside, 3, stride=(1, 2, 2), padding=1, bias=False)
            deviation = (2.0 / (inside * 27)) ** 0.5
            with torch.no_grad():
                layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * deviation)
            layers += [layer, nn.ReLU()]
        self._layers = nn.Sequential(*layers).to(self._device).requires_grad_(False)

    @torch.no_grad()
    def __call__(self, clips: Clips) -> Features:
        """`(N, 128)`: means over time and place."""

        def features(videos: Tensor) -> Tensor:
            return self._layers(videos.transpose(1, 2)).mean((2, 3, 4))  # type: ignore[no-any-return]

        return _batched(clips, features, self._device)


class TorchScriptExtractor:
    """A TorchScript file that takes `(N, 3, T, 224, 224)` in [-1, 1] and gives `(N, D)`."""

    def __init__(self, name: str, path: str, device: torch.device | None = None) -> None:
        self.name, self._device = name, device or torch.device("cpu")
        self._model = load_torchscript(path, self._device)

    @torch.no_grad()
    def __call__(self, clips: Clips) -> Features:
        """What the file says."""

        def features(videos: Tensor) -> Tensor:
            return self._model(_resized(videos, _I3D_SIDE_PX).transpose(1, 2)).flatten(1)  # type: ignore[no-any-return]

        return _batched(clips, features, self._device)


class VideoMaeExtractor:
    """Transformers' VideoMAE; clips are brought to its frames and size."""

    def __init__(self, folder: str, device: torch.device | None = None) -> None:
        from transformers import VideoMAEModel

        kind: Any = VideoMAEModel
        self._device = device or torch.device("cpu")
        self._model = kind.from_pretrained(folder).to(self._device).eval()
        config = self._model.config
        self._frames, self._side_px = int(config.num_frames), int(config.image_size)
        self.name = f"videomae-{config.hidden_size}x{config.num_hidden_layers}"

    @torch.no_grad()
    def __call__(self, clips: Clips) -> Features:
        """Means of the last layer's tokens."""
        chosen = np.linspace(0, clips.shape[1] - 1, self._frames).round().astype(int)

        def features(videos: Tensor) -> Tensor:
            mean, deviation = (videos.new_tensor(values)[:, None, None] for values in _IMAGENET)
            pixels = (_resized(videos[:, chosen], self._side_px) * 0.5 + 0.5 - mean) / deviation
            return self._model(pixel_values=pixels).last_hidden_state.mean(1)  # type: ignore[no-any-return]

        return _batched(clips, features, self._device)


_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def make_extractor(name: str, device: torch.device | None = None) -> VideoFeatureExtractor:
    """The extractor of a name.

    Raises:
        JobError: For an unknown name, or weights that are not there.
    """
    kind, _, rest = name.partition(":")
    try:
        if name == RANDOM:
            return Random3d(device)
        if kind == "torchscript" and "=" in rest:
            own_name, _, path = rest.partition("=")
            return TorchScriptExtractor(own_name, path, device)
        if kind == "videomae" and rest:
            return VideoMaeExtractor(rest, device)
    except (OSError, ValueError, RuntimeError) as error:
        raise JobError(f"extractor {name}", f"it cannot be loaded ({error})", "check its file") from error
    mend = f"choose {RANDOM}, torchscript:ID=FILE or videomae:FOLDER"
    raise JobError(f"extractor {name}", "there is none of this name", mend)


def _batched(clips: Clips, features: Any, device: torch.device) -> Features:
    said = [
        features(to_pixels(clips[first : first + _BATCH], device)).double().cpu()
        for first in range(0, len(clips), _BATCH)
    ]
    return torch.cat(said).numpy()


def _resized(videos: Tensor, side_px: int) -> Tensor:
    """`(N, T, 3, H, W)` to square pictures."""
    flat = functional.interpolate(
        videos.flatten(0, 1), size=(side_px, side_px), mode="bilinear", antialias=True, align_corners=False
    )
    return flat.reshape(*videos.shape[:3], side_px, side_px)
