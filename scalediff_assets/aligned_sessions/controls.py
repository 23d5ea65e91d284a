"""Controls and navigation commands where the recording does not hold usable ones.

Version 1 logs a steering of at most 0.03 that knows nothing of the mouse, and a "command" that is a
copy of the pressed keys: trained on, it hands the model its own answer. Here steering is recovered
from the driven path and the command from the path that lies ahead.
"""

import numpy as np
import numpy.typing as npt

from scalediff_assets.aligned_sessions.packets import Bools, Floats
from scalediff_assets.aligned_sessions.pose import FramePoses, PoseTrack

WHEELBASE_M = 2.9  # CARLA's default car (Lincoln MKZ), as is its largest steering angle
MAX_STEER_RAD = np.deg2rad(70.0)
MIN_STEERING_SPEED_MPS = 0.5
LEFT, RIGHT, FOLLOW_LANE = 1, 2, 4
LOOK_AHEAD_M = 30.0
MIN_LOOK_AHEAD_M = 10.0
TURN_RAD = np.deg2rad(45.0)
_BREAK_M = 1000.0  # laid between stretches of the path, far over the look-ahead


def steer_from_path(yaw_rate_rps: Floats, speed_mps: Floats) -> tuple[Floats, Bools]:
    """The steering that drives this path, by the kinematic bicycle: atan(L * yaw_rate / v) / max.

    Args:
        yaw_rate_rps: (N,) rad/s, right positive.
        speed_mps: (N,).

    Returns:
        Steering (N,) in [-1, 1], right positive, and (N,) bool where the car is fast enough (0.5
        m/s) for a path to tell it.
    """
    moving = speed_mps >= MIN_STEERING_SPEED_MPS
    curvature = yaw_rate_rps / np.maximum(speed_mps, MIN_STEERING_SPEED_MPS)
    return np.clip(np.arctan(WHEELBASE_M * curvature) / MAX_STEER_RAD, -1.0, 1.0), moving


def command_from_path(track: PoseTrack, poses: FramePoses) -> tuple[npt.NDArray[np.int8], Bools]:
    """The navigation command of each frame from the heading change over the next 30 m of path.

    More than 45 degrees to a side is a turn; anything else is follow lane, for crossing a junction
    straight on looks the same without a map. The path ends at a teleport or a log gap of more than
    1 s: with less than 10 m of it left and no turn in it, the command is unknown.

    Args:
        track: The whole camera log.
        poses: The frames on it.

    Returns:
        Commands (N,) int8 and (N,) bool where they are known.
    """
    step_m = np.linalg.norm(np.diff(track.xyz_m[:, :2], axis=0), axis=1)
    along_m = np.concatenate(([0.0], np.cumsum(np.where(track.usable, step_m, _BREAK_M))))
    here_m = along_m[poses.interval] + poses.weight * np.where(
        track.usable[poses.interval], step_m[poses.interval], 0.0
    )
    ends = np.append(np.flatnonzero(~track.usable), len(along_m) - 1)
    end_m = along_m[ends[np.searchsorted(ends, poses.interval, side="left")]]
    there_m = np.minimum(here_m + LOOK_AHEAD_M, end_m)
    turn_rad = np.interp(there_m, along_m, track.yaw_rad) - poses.yaw_rad
    command = np.where(turn_rad > TURN_RAD, RIGHT, np.where(turn_rad < -TURN_RAD, LEFT, FOLLOW_LANE))
    known = poses.known & ((command != FOLLOW_LANE) | (there_m - here_m >= MIN_LOOK_AHEAD_M))
    return command.astype(np.int8), known
