"""Do the keys explain the motion? The game's law, driven by the held keys, beside the recorded path.

Along the recorded speeds the law (`world.drivers.keyboard`, `world.physics.bicycle`) says how far the car
must turn and speed up in every quarter of a second. What it says is held against what was recorded:

    unexplained = sum |said - recorded| / sum (|said| + |recorded|)

0 is a perfect explanation, about 0.7 to 1 is what somebody else's keys give. Turning and speeding up are
measured apart. Each second begins with the wheels where the recorded path has them: without, a key change
that fell between two frames would be carried along for as long as the wheel is never let go. All sessions
are stepped at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalediff_assets.payouts.fraud.tracks import STEP_S, Floats, Track
from world.drivers.keyboard import mouse_steer_per_px
from world.physics import car_limits

WINDOW, _COMPARED = 20, 5  # steps: a second, a quarter
_STANDING_MPS = 0.5


@dataclass(frozen=True, kw_only=True)
class Unexplained:
    """How much of a session's motion its keys do not explain.

    Attributes:
        session_id: The session.
        turning: Share of the heading's changes; None where it turned too little to tell.
        pace: Share of the speed's changes; None likewise.
    """

    session_id: str
    turning: float | None
    pace: float | None


def unexplained_motion(
    tracks: Sequence[Track], *, turned_min_rad: float, paced_min_mps: float
) -> list[Unexplained]:
    """Measure sessions whose recordings hold the true controls; others are left out.

    Args:
        tracks: Sessions.
        turned_min_rad: Least sum of turns, said and recorded, that tells something.
        paced_min_mps: Likewise of changes of speed.
    """
    logged = [track for track in tracks if track.is_logged and len(track) > WINDOW]
    if not logged:
        return []
    said_turn, said_pace = _said(logged)
    found = []
    for row, track in enumerate(logged):
        turning = _unexplained(said_turn[row], track.yaw_rad, track, turned_min_rad)
        pace = _unexplained(said_pace[row], track.speed_mps, track, paced_min_mps)
        found.append(Unexplained(session_id=track.session_id, turning=turning, pace=pace))
    return found


def _unexplained(said: Floats, recorded: Floats, track: Track, least: float) -> float | None:
    """Compare changes over whole windows without a hole."""
    edges = np.arange(0, len(track), _COMPARED)
    told = np.diff(np.cumsum(said[: len(track)])[edges])
    seen = np.diff(recorded[edges])
    # A car that stands, perhaps against a wall, tells nothing of the keys.
    stands = np.maximum(track.speed_mps[edges[:-1]], track.speed_mps[edges[1:]]) < _STANDING_MPS
    holes = stands | (np.diff(np.cumsum(~track.known)[edges]) > 0)
    total = float((np.abs(told) + np.abs(seen))[~holes].sum())
    return None if total < least else float(np.abs(told - seen)[~holes].sum()) / total


def _said(tracks: Sequence[Track]) -> tuple[Floats, Floats]:
    """What the law says: `(S, N)` change of heading in rad and of speed in m/s of each step."""
    limits, dt_s = car_limits(), STEP_S
    held = _padded([track.keys for track in tracks]).astype(np.uint8)
    true_angle = _padded([_wheel_angle(track) for track in tracks])
    speed = _padded([track.speed_mps for track in tracks])
    mouse = _padded([track.mouse_dx_px for track in tracks]) * mouse_steer_per_px()
    wheel, angle, push = (np.zeros(len(tracks)) for _ in range(3))
    turn, pace = np.zeros_like(speed), np.zeros_like(speed)
    turn_max_rad = limits.steer_rate_radps * dt_s
    for step in range(1, speed.shape[1]):
        if step % WINDOW == 1:
            angle = true_angle[:, step - 1]
            wheel = np.clip(angle / limits.max_steer_rad, -1.0, 1.0)
        w, a, s, d = ((held[:, step] & bit).astype(np.bool_) for bit in (1, 2, 4, 8))
        v = 0.5 * (speed[:, step - 1] + speed[:, step])
        wanted = d.astype(np.float64) - a
        rate = np.where(wanted != 0, limits.keyboard_turn_per_s, limits.keyboard_return_per_s) * dt_s
        wheel = np.clip(wheel + np.clip(wanted - wheel, -rate, rate) + mouse[:, step], -1.0, 1.0)
        grip = limits.lateral_limit_mps2 * limits.wheelbase_m / np.maximum(v * v, 1e-6)
        aim = np.clip(wheel * limits.max_steer_rad, -grip, grip)
        next_angle = angle + np.clip(aim - angle, -turn_max_rad, turn_max_rad)
        # The wheels turn during the step: their mean angle counts.
        tangent = np.tan(0.5 * (angle + next_angle))
        angle = next_angle
        turn[:, step] = v * tangent / np.sqrt(4.0 + tangent**2) * 2.0 / limits.wheelbase_m * dt_s
        engine = w * limits.engine_mps2 * np.clip(1.0 - v / limits.max_speed_mps, 0.0, 1.0)
        push = push + (engine - limits.brake_mps2 * s - push) * (dt_s / (limits.pedal_lag_s + dt_s))
        slow = limits.rolling_mps2 + limits.drag_per_s * v
        pace[:, step] = np.maximum((push - slow * (v > 0.0)) * dt_s, -v)
    return turn, pace


def _wheel_angle(track: Track) -> Floats:
    """(N,) angle of the front wheels that drives the recorded path; 0 where the car stands."""
    limits = car_limits()
    moves = track.speed_mps > _STANDING_MPS
    rate = np.gradient(track.yaw_rad, STEP_S)
    curvature = np.where(moves, rate / np.maximum(track.speed_mps, _STANDING_MPS), 0.0)
    sin_slip = np.clip(0.5 * limits.wheelbase_m * curvature, -0.9, 0.9)
    tangent = 2.0 * np.tan(np.arcsin(sin_slip))
    angle: Floats = np.clip(np.arctan(tangent), -limits.max_steer_rad, limits.max_steer_rad)
    return angle


def _padded(rows: Sequence[np.ndarray[tuple[int], np.dtype[np.generic]]]) -> Floats:
    """`(S, N)`, the shorter ones followed by zeros."""
    found = np.zeros((len(rows), max(len(row) for row in rows)))
    for number, row in enumerate(rows):
        found[number, : len(row)] = row
    return found
