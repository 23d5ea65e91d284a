"""What the game knew at each frame: one table from frame times, camera log and input log.

Version 2 looks everything up by frame id and copies it; version 1 interpolates the pose, takes
throttle and brake from the keys, steering and command from the driven path. Which of the two is
decided by what the frame times carry, in two places only: `_keys` and `_pose_columns`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from scalediff_assets.aligned_sessions.controls import command_from_path, steer_from_path
from scalediff_assets.aligned_sessions.keys import (
    DRIVING_KEYS,
    FrameKeys,
    key_timeline,
    keys_at_frames,
    mouse_events,
    silences_after,
)
from scalediff_assets.aligned_sessions.packets import Bools, Floats, Packets
from scalediff_assets.aligned_sessions.pose import (
    FramePoses,
    PoseTrack,
    crossed_teleport,
    poses_at,
)
from scalediff_assets.aligned_sessions.times import FrameTimes
from scalediff_assets.raw_sessions.bundle import Bundle
from scalediff_assets.schemas import FRAMES

Columns = dict[str, pl.Series]


@dataclass(frozen=True, kw_only=True)
class _Masked:
    """Values that are known only where `known`; elsewhere the column is null."""

    values: Any
    known: Bools


def label_frames(bundle: Bundle, packets: Packets, times: FrameTimes) -> pl.DataFrame:
    """Label every frame.

    Args:
        bundle: The session's logs.
        packets: Its video, (N,).
        times: When each frame was drawn, (N,).

    Returns:
        N rows of `FRAMES`, in file order.
    """
    keys = _keys(bundle, times)
    columns = {**_time_columns(bundle, packets, times), **_key_columns(keys, times.timed)}
    columns |= _pose_columns(bundle, times, keys)
    return pl.DataFrame(columns).select(pl.col(c.name).cast(c.dtype) for c in FRAMES.columns)


def _series(columns: Mapping[str, Any]) -> Columns:
    made = {}
    for name, content in columns.items():
        if isinstance(content, _Masked):
            known = pl.Series(content.known)
            made[name] = pl.select(pl.when(known).then(pl.Series(content.values))).to_series()
        else:
            made[name] = pl.Series(content)
    return made


def _nulls(frames: int) -> _Masked:
    return _Masked(values=np.zeros(frames), known=np.zeros(frames, dtype=np.bool_))


def _time_columns(bundle: Bundle, packets: Packets, times: FrameTimes) -> Columns:
    frames = len(packets)
    unknown = _nulls(frames)
    by_id = times.sim_frame is not None
    return _series(
        {
            "session_id": [bundle.session_id] * frames,
            "frame_idx": np.arange(frames),
            "sim_frame": _Masked(values=times.sim_frame, known=times.timed) if by_id else unknown,
            "pts_ms": packets.pts_ms,
            "pts_valid": times.timed,
            "run_id": times.run_id,
            "game_t_ms": _Masked(values=times.game_t_ms, known=times.timed),
            "rtt_ms": unknown if times.rtt_ms is None else _Masked(values=times.rtt_ms, known=times.timed),
        }
    )


def _keys(bundle: Bundle, times: FrameTimes) -> FrameKeys:
    """Keys and mouse, ordered by frame id in version 2 and by page time in version 1."""
    inputs, camera, axis = bundle.inputs, bundle.camera, "t_ms"
    frame_at = times.game_t_ms
    silent = camera["t_ms"].to_numpy()
    if times.sim_frame is not None:
        axis, frame_at = "frame", times.sim_frame.astype(np.float64)
        inputs = inputs.sort("frame", maintain_order=True)
        silences = camera["frame"].to_numpy()[silences_after(silent)].astype(np.float64)
    else:
        log_t_ms = np.sort(np.concatenate((silent, inputs["t_ms"].to_numpy())))
        silences = log_t_ms[silences_after(log_t_ms)]
    at = inputs[axis].to_numpy().astype(np.float64)
    is_mouse, moves = mouse_events(inputs)
    timeline = key_timeline(inputs["kind"].to_list(), inputs["key"].to_list(), at, silences)
    return keys_at_frames(timeline, at[is_mouse], moves, frame_at, times.timed)


def _key_columns(keys: FrameKeys, timed: Bools) -> Columns:
    held = {
        f"held_{key}": _Masked(values=keys.driving[:, place], known=timed)
        for place, key in enumerate(DRIVING_KEYS)
    }
    rest = {
        "keys_other": keys.others,
        "keys_uncertain": keys.uncertain,
        "key_events": keys.key_events,
        "mouse_dx_px": keys.mouse_dx_px,
        "mouse_dy_px": keys.mouse_dy_px,
    }
    return _series({**held, **rest})


def _pose_columns(bundle: Bundle, times: FrameTimes, keys: FrameKeys) -> Columns:
    track = PoseTrack.from_camera(bundle.camera)
    poses = poses_at(track, times.game_t_ms, times.timed)
    if poses is None:
        return _without_poses(times, keys)
    if times.camera_row is not None:
        return _logged(bundle, track, poses, times)
    return _interpolated(bundle, track, poses, times, keys)


def _logged(bundle: Bundle, track: PoseTrack, poses: FramePoses, times: FrameTimes) -> Columns:
    """Version 2: the camera row of the frame's id, copied."""
    row = np.zeros_like(poses.interval) if times.camera_row is None else times.camera_row
    passed = np.concatenate(([0], np.cumsum(track.teleport)))[row]
    never = np.zeros(len(row), dtype=np.bool_)
    pose = {
        "xyz_m": track.xyz_m[row],
        "yaw_rad": track.yaw_rad[row],
        "speed_mps": poses.speed_mps,
        "pose_gap_ms": np.zeros(len(row)),
    }
    logged = bundle.camera.select("throttle", "brake", "steer", "command", "speed_game")[row]
    unknown = pl.lit(None)
    picked = logged.select(
        pl.when(pl.Series(times.timed)).then(pl.all()).otherwise(unknown),
    )
    return {
        **_pose_series(pose, times.timed, times.timed),
        **_series({"teleport": crossed_teleport(passed, never, times.timed)}),
        **{name: picked[name] for name in picked.columns},
        **_sources(picked["throttle"].is_not_null(), "logged", "control_source"),
        **_sources(picked["command"].is_not_null(), "route", "command_source"),
        **_series({"key_command": _nulls(len(row))}),
    }


def _interpolated(
    bundle: Bundle, track: PoseTrack, poses: FramePoses, times: FrameTimes, keys: FrameKeys
) -> Columns:
    """Version 1: the pose between two samples, controls from keys and path."""
    speed_game = bundle.camera["speed_game"].to_numpy()
    before, mix = poses.interval, poses.weight
    passed = np.concatenate(([0], np.cumsum(track.teleport)))[before]
    in_teleport = poses.inside & track.teleport[before]
    pose = {
        "xyz_m": poses.xyz_m,
        "yaw_rad": poses.yaw_rad,
        "speed_mps": poses.speed_mps,
        "pose_gap_ms": track.gap_ms[before],
    }
    steer, steerable = steer_from_path(poses.yaw_rate_rps, poses.speed_mps)
    command, commanded = command_from_path(track, poses)
    logged_command = bundle.camera["command"][before].scatter(np.flatnonzero(~poses.inside), None)
    return {
        **_pose_series(pose, poses.known, poses.inside),
        **_series(
            {
                "teleport": crossed_teleport(passed, in_teleport, poses.inside),
                "speed_game": _Masked(
                    values=speed_game[before] * (1 - mix) + speed_game[before + 1] * mix, known=poses.known
                ),
                "steer": _Masked(values=steer, known=poses.known & steerable),
                "command": _Masked(values=command, known=commanded),
            }
        ),
        **_key_controls(times, keys),
        **_sources(pl.Series(commanded), "path", "command_source"),
        "key_command": logged_command,
    }


def _without_poses(times: FrameTimes, keys: FrameKeys) -> Columns:
    """A camera log of fewer than two samples: keys only."""
    frames = len(times.timed)
    names = ("x_m", "y_m", "z_m", "yaw_rad", "pose_gap_ms", "speed_mps", "speed_game", "steer")
    never = np.zeros(frames, dtype=np.bool_)
    return {
        **_series({name: _nulls(frames) for name in (*names, "command", "key_command")}),
        **_series({"teleport": never}),
        **_key_controls(times, keys),
        **_sources(pl.Series(never), "path", "command_source"),
    }


def _pose_series(pose: Mapping[str, Floats], known: Bools, inside: Bools) -> Columns:
    masked: dict[str, _Masked] = {
        axis: _Masked(values=pose["xyz_m"][:, place], known=known)
        for place, axis in enumerate(("x_m", "y_m", "z_m"))
    }
    masked["yaw_rad"] = _Masked(values=pose["yaw_rad"], known=known)
    masked["speed_mps"] = _Masked(values=pose["speed_mps"], known=known & ~np.isnan(pose["speed_mps"]))
    masked["pose_gap_ms"] = _Masked(values=pose["pose_gap_ms"], known=inside)
    return _series(masked)


def _key_controls(times: FrameTimes, keys: FrameKeys) -> Columns:
    """Throttle is W and brake is S, as the legacy game has it."""
    w, _, s, _ = keys.driving.T
    controls = {
        "throttle": _Masked(values=w.astype(np.float64), known=times.timed),
        "brake": _Masked(values=s.astype(np.float64), known=times.timed),
    }
    return {**_series(controls), **_sources(pl.Series(times.timed), "derived", "control_source")}


def _sources(known: pl.Series, source: str, name: str) -> Columns:
    chosen = pl.when(known).then(pl.lit(source)).otherwise(pl.lit("none"))
    return {name: pl.select(chosen).to_series()}
