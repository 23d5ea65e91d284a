"""The projection: a pinhole with square pixels; pitch shifts the picture (a view camera's rise).

Camera frame: f forward, r right, u up, metres. column = W/2 + F r/f, row = H/2 + F (tan(pitch) - u/f).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from world.camera.views import CameraPose

Floats = npt.NDArray[np.float64]
NEAR_M = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """A camera's inner geometry.

    Attributes:
        width_px: Width.
        height_px: Height.
        focal_px: Focal length.
    """

    width_px: int
    height_px: int
    focal_px: float

    @classmethod
    def of(
        cls, width_px: int, height_px: int, fov_deg: float, axis: Literal["vertical", "horizontal"]
    ) -> "Lens":
        """A lens with a field of view along one side of the picture."""
        side = height_px if axis == "vertical" else width_px
        focal = 0.5 * side / math.tan(math.radians(fov_deg) / 2)
        return cls(width_px=width_px, height_px=height_px, focal_px=focal)

    def horizon_px(self, pose: CameraPose) -> float:
        """Row of the horizon."""
        return 0.5 * self.height_px + self.focal_px * math.tan(pose.pitch_rad)

    def columns(self, forward: Floats, right: Floats) -> Floats:
        """Columns of points in front of the camera."""
        return 0.5 * self.width_px + self.focal_px * right / forward


def camera_frame(pose: CameraPose, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Forward and right distances of world points."""
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    dx, dy = x_m - pose.x_m, y_m - pose.y_m
    return dx * cos + dy * sin, dy * cos - dx * sin
