"""What traffic knows of the player's car."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class EgoView:
    """The player's car now; `lane_id` is the lane or connector under it."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float
    length_m: float
    width_m: float
    lane_id: int
