"""A session's track: where the car was and what was pressed, on an even grid; small enough to keep.

The rules that compare sessions read tracks, so that looking back over a month reads no frames. A minute of
driving is about 3 kB: positions four times a second, keys twenty times a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

STEP_S = 0.05
PLACE_EVERY = 5  # steps between two kept positions
GAP_S = 0.5  # a longer hole between frames tells nothing of what was in it
_KEYS = ("held_w", "held_a", "held_s", "held_d")
_BITS = np.array([1, 2, 4, 8], dtype=np.uint8)
_NEEDED = ("game_t_ms", "x_m", "y_m", "yaw_rad", "speed_mps", *_KEYS)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Steps = NDArray[np.int64]

FINE_COLUMNS = ("session_id", "frame_idx", "mouse_dx_px", "control_source", *_NEEDED)


@dataclass(frozen=True, kw_only=True)
class Track:
    """One session on a grid of `STEP_S`; all `(N,)`.

    Attributes:
        session_id: The session.
        known: Frames lie close enough around the step.
        x_m: World X.
        y_m: World Y.
        yaw_rad: Heading, clockwise, continuous.
        speed_mps: Speed.
        keys: Held W, A, S, D as bits 1, 2, 4, 8.
        mouse_dx_px: Mouse movement in the step.
        is_logged: The recording holds the true controls (version 2), so that the law of motion applies.
    """

    session_id: str
    known: Bools
    x_m: Floats
    y_m: Floats
    yaw_rad: Floats
    speed_mps: Floats
    keys: Bytes
    mouse_dx_px: Floats
    is_logged: bool

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def step_m(self) -> Floats:
        """(N,) metres driven in each step; 0 where not known."""
        moved = np.hypot(np.diff(self.x_m, prepend=self.x_m[:1]), np.diff(self.y_m, prepend=self.y_m[:1]))
        return np.where(self.known, moved, 0.0)

    @property
    def changes(self) -> tuple[Steps, Steps]:
        """Its `key_changes`."""
        return key_changes(self.keys)


def key_changes(keys: Bytes) -> tuple[Steps, Steps]:
    """Step and kind of every change of a key; the kind is 0 to 3 for W, A, S, D let go, 4 to 7 pressed."""
    held = (keys[:, None] & _BITS) != 0
    before = np.vstack([np.zeros(4, np.bool_), held[:-1]])
    step, key = np.nonzero(held != before)
    return step.astype(np.int64), (key + 4 * held[step, key]).astype(np.int64)


def tracks_of(frames: pl.DataFrame, session_ids: Sequence[str]) -> Iterator[Track]:
    """The tracks of sessions.

    Args:
        frames: FRAMES; frames without a known time, pose or keys are left out.
        session_ids: Those that are wanted; one with fewer than two such frames has no track.
    """
    wanted = (
        frames.lazy()
        .select(FINE_COLUMNS)
        .filter(pl.col("session_id").is_in(session_ids), *(pl.col(name).is_not_null() for name in _NEEDED))
        .sort("session_id", "game_t_ms", "frame_idx")
        .unique(["session_id", "game_t_ms"], keep="first", maintain_order=True)
        .collect()
    )
    for (session_id,), rows in wanted.group_by("session_id", maintain_order=True):
        if rows.height > 1:
            yield _track(str(session_id), rows)


def _track(session_id: str, rows: pl.DataFrame) -> Track:
    t_s = rows["game_t_ms"].to_numpy() / 1000.0
    # Half a step late, so that a frame lies safely before the step that shows it.
    grid_s = np.arange(t_s[0], t_s[-1] + STEP_S / 2, STEP_S)
    last = np.clip(np.searchsorted(t_s, grid_s + STEP_S / 2, side="right") - 1, 0, len(t_s) - 1)
    around_s = np.diff(t_s, append=t_s[-1] + STEP_S)[last]
    # A key changed somewhere between two frames: half of the way is the least wrong. A tie is the later
    # frame's, whose keys moved the car there.
    halfway_s = 0.5 * (t_s[1:] + t_s[:-1])
    pressed = np.searchsorted(halfway_s, grid_s - STEP_S / 2 + 1e-3, side="right")
    held = np.stack([rows[name].to_numpy() for name in _KEYS], axis=1)
    moved_px = np.cumsum(rows["mouse_dx_px"].fill_null(0.0).to_numpy())

    def at(name: str) -> Floats:
        found: Floats = np.interp(grid_s, t_s, rows[name].to_numpy())
        return found

    return Track(
        session_id=session_id,
        known=around_s <= GAP_S,
        x_m=at("x_m"),
        y_m=at("y_m"),
        yaw_rad=at("yaw_rad"),
        speed_mps=at("speed_mps"),
        keys=(held @ _BITS)[pressed].astype(np.uint8),
        mouse_dx_px=np.diff(moved_px[last], prepend=moved_px[last[:1]]),
        is_logged=bool((rows["control_source"] == "logged").all()),
    )
