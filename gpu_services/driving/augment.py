"""From uint8 pictures to the network's input, on the device: warp, colour, normalise.

The warp shows what the camera would have seen had the car stood turned or shifted, and the label
says how to drive back: what TF++ and LEAD record with a second camera comes from the first one here.
A rotation is exact for a pinhole; a shift is exact for the ground (its depth is known from the row)
and leaves what stands above the horizon where it is.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from scalediff_contract.driving import FRAME_PX, Architecture, Camera, Recipe
from world.physics import car_limits

# ImageNet's, as the published networks were trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
_AIM_MIN_M2 = 4.0
_SHARE = 0.7


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One step's tensors on the device.

    Attributes:
        picture: `(B, 3, H, W)` normalised.
        speed: `(B,)` divided by the architecture's scale.
        command: `(B,) int64`, 0 to 3.
        controls: `(B, 3)`; NaN where not known.
        target: `(B,)` speed to come, divided by the scale; NaN where not known.
    """

    picture: Tensor
    speed: Tensor
    command: Tensor
    controls: Tensor
    target: Tensor


class Warp:
    """Rotations and shifts of one camera."""

    def __init__(self, architecture: Architecture, camera: Camera, device: torch.device) -> None:
        height, width = architecture.picture_px
        first, end = architecture.rows
        self._size = (height, width)
        half_v = math.tan(math.radians(camera.fov_vertical_deg) / 2)
        # Focal lengths in units of half the picture; the frame is squashed, so the sides differ.
        self._fx = camera.height_px / (half_v * camera.width_px)
        fy = FRAME_PX / (half_v * (end - first))
        horizon = (FRAME_PX / 2 - first) / (end - first) * 2 - 1
        self._v = _centres(height, device)[None, :, None]
        self._u = _centres(width, device)[None, None, :]
        below = (self._v - horizon).clamp(min=0.0)
        # How far the ground in a row moves per metre that the camera is shifted.
        self._per_m = self._fx * below / (fy * camera.height_m)

    def __call__(self, picture: Tensor, yaw_rad: Tensor, shift_m: Tensor) -> Tensor:
        """Turn the camera right by `yaw_rad` and shift it right by `shift_m`, each `(B,)`."""
        height, width = self._size
        turned = torch.atan(self._u / self._fx) + yaw_rad[:, None, None]
        source = torch.tan(turned.clamp(-1.5, 1.5)) * self._fx + shift_m[:, None, None] * self._per_m
        size = (len(picture), height, width)
        grid = torch.stack([source.expand(size), self._v.expand(size)], -1)
        return functional.grid_sample(
            picture, grid.to(picture.dtype), padding_mode="border", align_corners=False
        )


def _centres(count: int, device: torch.device) -> Tensor:
    return (torch.arange(count, device=device, dtype=torch.float32) + 0.5) * (2.0 / count) - 1.0


def normalise(picture: Tensor) -> Tensor:
    """`(B, H, W, 3) uint8` -> `(B, 3, H, W) float32` in channels_last, with ImageNet's statistics."""
    mean = torch.tensor(MEAN, device=picture.device).view(1, 3, 1, 1) * 255.0
    scale = 1.0 / (torch.tensor(STD, device=picture.device).view(1, 3, 1, 1) * 255.0)
    # A permuted view of (B, H, W, 3) is channels_last memory already: nothing is copied.
    return (picture.permute(0, 3, 1, 2).float() - mean) * scale


class Augment:
    """Warp and colour of training batches; a function of (seed, step), as the sampler is."""

    def __init__(
        self, architecture: Architecture, recipe: Recipe, camera: Camera, device: torch.device
    ) -> None:
        self._recipe = recipe
        self._warp = Warp(architecture, camera, device)
        self._limits = car_limits()

    def __call__(self, picture: Tensor, steer: Tensor, aim_m: Tensor) -> tuple[Tensor, Tensor]:
        """Augment a normalised batch.

        Args:
            picture: `(B, 3, H, W)`.
            steer: `(B,)` labels.
            aim_m: `(B, 2)` point that was driven to: ahead, right; NaN where not known.

        Returns:
            The batch's pictures and their steering.
        """
        r = self._recipe
        count, device = len(picture), picture.device
        if r.yaw_rad > 0.0 or r.shift_m > 0.0:
            moved = (torch.rand(2, count, device=device) < _SHARE).float()
            yaw = torch.randn(count, device=device) * r.yaw_rad * moved[0]
            shift = torch.randn(count, device=device) * r.shift_m * moved[1]
            known = ~aim_m.isnan().any(1)
            # A label that cannot be corrected keeps its picture.
            yaw, shift = yaw * known, shift * known
            picture = self._warp(picture, yaw, shift)
            steer = torch.where(known, self._steer(aim_m, yaw, shift), steer)
        if r.colour > 0.0:
            picture = self._colour(picture)
        return picture, steer

    def _steer(self, aim_m: Tensor, yaw: Tensor, shift: Tensor) -> Tensor:
        """Pure pursuit of the same point from where the camera pretends to be."""
        x, y = aim_m[:, 0], aim_m[:, 1] - shift
        cos, sin = torch.cos(yaw), torch.sin(yaw)
        ahead, right = cos * x + sin * y, cos * y - sin * x
        curvature = 2.0 * right / (ahead * ahead + right * right).clamp(min=_AIM_MIN_M2)
        wheel = torch.atan(self._limits.wheelbase_m * curvature) / self._limits.max_steer_rad
        return wheel.clamp(-1.0, 1.0)

    def _colour(self, picture: Tensor) -> Tensor:
        """Contrast, tint and brightness; in normalised units, where 1 is about a quarter of the range."""
        count, device = len(picture), picture.device
        contrast = 1.0 + self._recipe.colour * (torch.rand(count, 1, 1, 1, device=device) - 0.5)
        tint = 1.0 + 0.7 * self._recipe.colour * (torch.rand(count, 3, 1, 1, device=device) - 0.5)
        bright = 3.0 * self._recipe.colour * (torch.rand(count, 1, 1, 1, device=device) - 0.5)
        return picture * (contrast * tint) + bright
