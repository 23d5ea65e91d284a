"""What a camera is told: where it is, and the traffic lights around."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPose:
    """A camera: world axes, height above the ground, yaw clockwise, pitch upwards."""

    x_m: float
    y_m: float
    yaw_rad: float
    z_m: float = 1.6
    pitch_rad: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LightView:
    """A traffic light over a stop line, facing the traffic that drives in `yaw_rad`."""

    x_m: float
    y_m: float
    yaw_rad: float
    state: Literal["red", "yellow", "green"]
