"""Pictures to latents and back: what the network works in.

| codec | a 64x64 picture | for |
|---|---|---|
| identity | 64x64x3 | the prototype |
| patch | 8x8x20 | two CPU cores: principal components of 8x8 patches, 64 times fewer positions |
| autoencoder_kl | 8x8x4 | 1280x720: diffusers' AutoencoderKL, picture by picture, for memory |

The patch codec is fitted to the training clips in closed form and lies in the checkpoint. Pixels are
in [-1, 1].
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from gpu_services.errors import CheckpointError
from scalediff_contract.video_models import ClipSpec, VideoArchitecture

Clips = npt.NDArray[np.uint8]
_FIT_PATCHES = 200_000
_RANGE_DEVIATIONS = 6.0
_SD_SCALE = 0.18215


class LatentCodec(Protocol):
    """Makes latents of pictures and pictures of latents.

    Attributes:
        clip_range: Latents lie within this of zero.
    """

    @property
    def clip_range(self) -> float:
        """Latents lie within this of zero."""
        ...

    def encode(self, pixels: Tensor) -> Tensor:
        """`(N, 3, H, W)` in [-1, 1] to `(N, C, h, w)`."""
        ...

    def decode(self, latents: Tensor) -> Tensor:
        """`(N, C, h, w)` to `(N, 3, H, W)`, about [-1, 1]."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep of it."""
        ...


class IdentityCodec:
    """Latents are pixels."""

    clip_range = 1.0

    def encode(self, pixels: Tensor) -> Tensor:
        """The same."""
        return pixels

    def decode(self, latents: Tensor) -> Tensor:
        """The same."""
        return latents

    def state(self) -> dict[str, Tensor]:
        """Nothing."""
        return {}


class PatchCodec:
    """Principal components of patches, each at unit variance."""

    def __init__(self, basis: Tensor, mean: Tensor, scale: Tensor, patch_px: int) -> None:
        """Take what `fit` found.

        Args:
            basis: `(C, 3 p p)` orthonormal rows.
            mean: `(3 p p,)`.
            scale: `(C,)`: latents are components divided by it.
            patch_px: Side p of a patch.
        """
        self._basis, self._mean, self._scale, self._patch_px = basis, mean, scale, patch_px
        self.clip_range = _RANGE_DEVIATIONS

    @classmethod
    def fit(cls, pixels: Tensor, patch_px: int, channels: int) -> "PatchCodec":
        """The components of `(N, 3, H, W)` pixels.

        Raises:
            CheckpointError: For more channels than a patch has numbers.
        """
        size = 3 * patch_px * patch_px
        if channels > size:
            problem = f"{channels} channels from patches of {size} numbers"
            raise CheckpointError("codec patch", problem, f"ask for at most {size} latent_channels")
        patches = functional.pixel_unshuffle(pixels, patch_px).permute(0, 2, 3, 1).reshape(-1, size).double()
        patches = patches[:: max(1, len(patches) // _FIT_PATCHES)]
        mean = patches.mean(0)
        centred = patches - mean
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(patches))
        basis = vectors.T.flip(0)[:channels]
        # A fixed sign: eigenvectors are free in it.
        basis = basis * basis.gather(1, basis.abs().argmax(1, keepdim=True)).sign()
        deviation = values.flip(0)[:channels].clamp(min=1e-8).sqrt()
        # Each component at unit variance: an error of the network then weighs in the picture as much as
        # the component does, and fine texture is not covered with noise.
        return cls(basis.float(), mean.float(), deviation.float(), patch_px)

    def encode(self, pixels: Tensor) -> Tensor:
        """Components of each patch."""
        patches = functional.pixel_unshuffle(pixels, self._patch_px).movedim(1, -1)  # (N, h, w, 3 p p)
        found = (patches - self._mean.to(pixels)) @ self._basis.T.to(pixels)
        return (found / self._scale.to(pixels)).movedim(-1, 1)

    def decode(self, latents: Tensor) -> Tensor:
        """The pictures of these components."""
        found = latents.movedim(1, -1) * self._scale.to(latents)
        patches = found @ self._basis.to(latents) + self._mean.to(latents)
        return functional.pixel_shuffle(patches.movedim(-1, 1), self._patch_px)

    def state(self) -> dict[str, Tensor]:
        """Basis, mean and scale."""
        return {"basis": self._basis, "mean": self._mean, "scale": self._scale}


class AutoencoderCodec:
    """Diffusers' AutoencoderKL; latents are its means, scaled to about unit variance."""

    clip_range = 6.0

    def __init__(self, autoencoder: nn.Module, scale: float = _SD_SCALE) -> None:
        self._autoencoder, self._scale = autoencoder.eval().requires_grad_(False), scale

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        """Picture by picture."""
        means = [self._autoencoder.encode(picture[None]).latent_dist.mean for picture in pixels]  # type: ignore[operator]
        return torch.cat(means) * self._scale

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Picture by picture: 40 at once would need 40 times the memory."""
        return torch.cat([self._autoencoder.decode(latent[None] / self._scale).sample for latent in latents])  # type: ignore[operator]

    def state(self) -> dict[str, Tensor]:
        """Nothing: its weights lie at `autoencoder_url`."""
        return {}


def make_codec(
    architecture: VideoArchitecture,
    *,
    clips: Clips | None = None,
    state: Mapping[str, Tensor] | None = None,
    device: torch.device | None = None,
) -> LatentCodec:
    """The codec of an architecture, fitted to clips or taken from a checkpoint's state.

    Raises:
        CheckpointError: For a patch codec with neither.
    """
    if architecture.codec == "identity":
        return IdentityCodec()
    if architecture.codec == "autoencoder_kl":
        return AutoencoderCodec(_autoencoder(architecture).to(device or torch.device("cpu")))
    if state is not None and {"basis", "mean", "scale"} <= state.keys():
        return PatchCodec(state["basis"], state["mean"], state["scale"], architecture.patch_px)
    if clips is None:
        raise CheckpointError("codec patch", "the checkpoint has no basis", "train it again")
    return PatchCodec.fit(to_pixels(_some(clips)), architecture.patch_px, architecture.latent_channels)


def _autoencoder(architecture: VideoArchitecture) -> nn.Module:
    import diffusers

    kind: Any = diffusers.AutoencoderKL

    if architecture.autoencoder_url is not None:
        return kind.from_pretrained(architecture.autoencoder_url)  # type: ignore[no-any-return]
    levels = round(math.log2(architecture.patch_px)) + 1
    # The size of Stable Diffusion's for a factor of 8; smaller ones only shrink pictures less.
    widths = (128, 256, 512, 512)[:levels] if levels > 3 else (8,) * levels
    return kind(  # type: ignore[no-any-return]
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=widths,
        layers_per_block=2 if levels > 3 else 1,
        latent_channels=architecture.latent_channels,
        norm_num_groups=32 if levels > 3 else 4,
    )


def _some(clips: Clips) -> Clips:
    """A few hundred pictures, spread over all clips."""
    pictures = clips.reshape(-1, *clips.shape[2:])
    return pictures[:: max(1, len(pictures) // 512)]


def to_pixels(pictures: Clips, device: torch.device | None = None) -> Tensor:
    """`(..., H, W, 3) uint8` to `(..., 3, H, W)` float in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).to(device).movedim(-1, -3).float() / 127.5 - 1.0


def to_pictures(pixels: Tensor) -> Clips:
    """`(..., 3, H, W)` float to `(..., H, W, 3) uint8`."""
    scaled = ((pixels.float().clamp(-1, 1) + 1.0) * 127.5).round().to(torch.uint8)
    return np.ascontiguousarray(scaled.movedim(-3, -1).cpu().numpy())


def encode_clips(codec: LatentCodec, clips: Clips, device: torch.device | None = None) -> Tensor:
    """`(N, T, H, W, 3) uint8` to latents `(N, T, C, h, w)`, clip by clip."""
    return torch.stack([codec.encode(to_pixels(clip, device)) for clip in clips])


def decode_clips(codec: LatentCodec, latents: Tensor) -> list[Clips]:
    """Latents `(N, T, C, h, w)` to N clips `(T, H, W, 3) uint8`."""
    return [to_pictures(codec.decode(latent)) for latent in latents]


def latent_shape(spec: ClipSpec, architecture: VideoArchitecture) -> tuple[int, int, int, int]:
    """`(T, C, h, w)` of a clip's latents.

    Raises:
        CheckpointError: For a picture that is no whole number of patches.
    """
    patch = architecture.patch_px
    if spec.height_px % patch or spec.width_px % patch:
        problem = f"{spec.height_px}x{spec.width_px} pictures are no whole number of {patch} px patches"
        raise CheckpointError("clip size", problem, "change the clip size or patch_px")
    return spec.frames, architecture.latent_channels, spec.height_px // patch, spec.width_px // patch
