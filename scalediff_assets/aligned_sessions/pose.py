"""Where the car is at each video frame: axes, interpolation, teleports, speed, turning.

The page logs three.js coordinates (`[x, y up, z]`, yaw left positive); the world after alignment is
CARLA's: X = -pos_z, Y = pos_x, yaw = -yaw. (Exporting x and -z instead turns every heading by 90
degrees.) Speed is computed from displacement, because the game's own number depends on the frame
rate: real sessions drove 0.55 to 1.33 times what they logged.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl

from scalediff_assets.aligned_sessions.packets import Bools, Floats, Ints

MAX_POSE_GAP_MS = 1000.0
TELEPORT_MIN_M = 10.0
TELEPORT_MIN_MPS = 60.0


@dataclass(frozen=True, kw_only=True)
class PoseTrack:
    """The camera log as a track in world axes.

    Sample i and i + 1 bound interval i. An interval is usable when it is at most 1 s long and no
    teleport: between its ends the car really drove.

    Attributes:
        t_ms: (C,) times, ascending.
        xyz_m: (C, 3) positions, X forward, Y right, Z up.
        yaw_rad: (C,) heading, clockwise, unwrapped over the whole track.
        gap_ms: (C - 1,) lengths of the intervals.
        teleport: (C - 1,) bool.
        usable: (C - 1,) bool.
        speed_mps: (C - 1,) mean speed over each interval; 0 where not usable.
        yaw_rate_rps: (C - 1,) mean turning rate in rad/s, right positive; 0 where not usable.
    """

    t_ms: Floats
    xyz_m: Floats
    yaw_rad: Floats
    gap_ms: Floats
    teleport: Bools
    usable: Bools
    speed_mps: Floats
    yaw_rate_rps: Floats

    @classmethod
    def from_camera(cls, camera: pl.DataFrame) -> Self:
        """Build the track of a camera log in three.js axes, sorted by `t_ms`."""
        t_ms = camera["t_ms"].to_numpy().astype(np.float64)
        xyz_m = camera.select(-pl.col("pos_z"), pl.col("pos_x"), pl.col("pos_y")).to_numpy()
        yaw_rad = np.unwrap(-camera["yaw"].to_numpy().astype(np.float64))
        gap_ms = np.diff(t_ms)
        step_m = np.linalg.norm(np.diff(xyz_m[:, :2], axis=0), axis=1)
        teleport = is_teleport(step_m, gap_ms)
        usable = (gap_ms <= MAX_POSE_GAP_MS) & ~teleport
        per_s = np.where(usable & (gap_ms > 0), 1000.0 / np.maximum(gap_ms, 1e-9), 0.0)
        return cls(
            t_ms=t_ms,
            xyz_m=xyz_m,
            yaw_rad=yaw_rad,
            gap_ms=gap_ms,
            teleport=teleport,
            usable=usable,
            speed_mps=step_m * per_s,
            yaw_rate_rps=np.diff(yaw_rad) * per_s,
        )


def is_teleport(step_m: Floats, gap_ms: Floats) -> Bools:
    """Whether a step between two samples is no driving: over 10 m and faster than 60 m/s.

    The game's car makes at most 0.8 m per drawn frame and logs every tenth frame, so it never drives
    10 m between samples at a high frame rate, nor faster than 48 m/s at 60 frames per second.
    """
    return (step_m > TELEPORT_MIN_M) & (step_m * 1000.0 > TELEPORT_MIN_MPS * gap_ms)


@dataclass(frozen=True, kw_only=True)
class FramePoses:
    """The track at each frame, (N,) each; values mean nothing where not `known`.

    Attributes:
        known: Bool, the frame lies in a usable interval.
        interval: Int64, the interval it lies in, or the nearest one.
        weight: In [0, 1], how far into the interval.
        inside: Bool, the frame lies between the first and the last sample.
        xyz_m: (N, 3).
        yaw_rad: Unwrapped.
        speed_mps: From displacement; NaN between two breaks.
        yaw_rate_rps: Right positive, in rad/s; NaN between two breaks.
    """

    known: Bools
    interval: Ints
    weight: Floats
    inside: Bools
    xyz_m: Floats
    yaw_rad: Floats
    speed_mps: Floats
    yaw_rate_rps: Floats


def poses_at(track: PoseTrack, t_ms: Floats, timed: Bools) -> FramePoses | None:
    """Interpolate the track linearly; rates between the middles of neighbouring intervals.

    Args:
        track: The camera log.
        t_ms: (N,) game times of the frames; anything finite where not `timed`.
        timed: (N,) bool, the game time is known.

    Returns:
        The poses; None when the track has fewer than two samples.
    """
    if len(track.t_ms) < 2:
        return None
    interval = np.clip(np.searchsorted(track.t_ms, t_ms, side="right") - 1, 0, len(track.gap_ms) - 1)
    gap_ms = track.gap_ms[interval]
    weight = np.clip((t_ms - track.t_ms[interval]) / np.maximum(gap_ms, 1e-9), 0.0, 1.0)
    inside = timed & (t_ms >= track.t_ms[0]) & (t_ms <= track.t_ms[-1])
    mix = weight[:, None]
    return FramePoses(
        known=inside & track.usable[interval],
        interval=interval,
        weight=weight,
        inside=inside,
        xyz_m=track.xyz_m[interval] * (1 - mix) + track.xyz_m[interval + 1] * mix,
        yaw_rad=track.yaw_rad[interval] * (1 - weight) + track.yaw_rad[interval + 1] * weight,
        speed_mps=_between_middles(track, track.speed_mps, interval, weight),
        yaw_rate_rps=_between_middles(track, track.yaw_rate_rps, interval, weight),
    )


def _between_middles(track: PoseTrack, rate: Floats, interval: Ints, weight: Floats) -> Floats:
    """A mean rate per interval at the frames: linear between middles, flat next to a break.

    NaN where neither the frame's interval nor the nearer neighbour is usable.
    """
    neighbour = np.clip(interval + np.where(weight < 0.5, -1, 1), 0, len(rate) - 1)
    own_ms, other_ms = track.gap_ms[interval], track.gap_ms[neighbour]
    from_middle_ms = np.abs(weight - 0.5) * own_ms
    share = from_middle_ms / np.maximum((own_ms + other_ms) / 2, 1e-9)
    share = np.where(track.usable[neighbour], share, 0.0)
    share = np.where(track.usable[neighbour] & ~track.usable[interval], 1.0, share)
    mixed = rate[interval] * (1 - share) + rate[neighbour] * share
    found: Floats = np.where(track.usable[interval] | track.usable[neighbour], mixed, np.nan)
    return found


def crossed_teleport(passed: Ints, own: Bools, known: Bools) -> Bools:
    """Whether a frame lies in a teleport, or one happened since the last frame that is known.

    Args:
        passed: (N,) teleports that ended at or before the frame.
        own: (N,) bool, the frame lies inside a teleport's interval.
        known: (N,) bool, the other two mean something.
    """
    seen = np.where(known, passed + own, 0)
    before = np.concatenate(([0], np.maximum.accumulate(seen)[:-1]))
    first = np.cumsum(known) <= 1  # nothing before it to compare with
    flags: Bools = known & (own | ((passed > before) & ~first))
    return flags
