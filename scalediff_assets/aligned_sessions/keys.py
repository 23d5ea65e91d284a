"""Which keys are held, and what the mouse did, at each video frame.

Works on any axis that orders events and frames alike: page time in ms for legacy recordings, frame
ids for version 2. The log is walked once, event by event; frames are then looked up by binary
search, so cost grows with events plus frames and never with their product.

Rules: the last transition at or before a frame counts, and the log starts before the video, so the
state is carried in. A key released without having been pressed changes nothing. A key never released
is held to the end. `blur` releases everything, as the browser delivers no further key-up.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from scalediff_assets.aligned_sessions.packets import Bools, Floats, Ints

DRIVING_KEYS = ("w", "a", "s", "d")
SILENCE_MS = 1000.0
_COMMA_NAME = "comma"


@dataclass(frozen=True, kw_only=True)
class KeyTimeline:
    """The state of the keyboard after each change.

    Attributes:
        at: (K,) position of each change on the axis, ascending.
        driving: (K + 1, 4) bool, W A S D held; row 0 before the first change.
        others: K + 1 strings: other held keys, sorted, comma separated.
        uncertain_from: (U,) ascending positions from which a held key may have been lost.
        uncertain_to: (U,) ascending positions at which such a key's state is known again.
    """

    at: Floats
    driving: Bools
    others: tuple[str, ...]
    uncertain_from: Floats
    uncertain_to: Floats


@dataclass(frozen=True, kw_only=True)
class FrameKeys:
    """Keyboard and mouse per frame, (N,) each; `driving` is (N, 4) bool in the order W A S D."""

    driving: Bools
    others: list[str]
    uncertain: Bools
    key_events: npt.NDArray[np.int32]
    mouse_dx_px: Floats
    mouse_dy_px: Floats


def key_timeline(kinds: list[str], keys: list[str | None], at: Floats, silences: Floats) -> KeyTimeline:
    """Walk a log once.

    Args:
        kinds: `keydown`, `keyup`, `mouse` or `blur`, one per event.
        keys: The key of each event, lower case; None for mouse and blur.
        at: (E,) ascending positions of the events.
        silences: (S,) ascending positions after which the log said nothing for more than 1 s.

    Returns:
        The changes. A press of a held key and a release of a free one are none.
    """
    held: dict[str, float] = {}
    changes: list[float] = []
    states: list[tuple[str, ...]] = [()]
    doubts: list[tuple[float, float]] = []
    for kind, key, position in zip(kinds, keys, at.tolist(), strict=True):
        if kind == "keydown" and key is not None and key not in held:
            held[key] = position
        elif kind == "keyup" and key in held:
            doubts += _doubts(silences, {held.pop(key)}, position)
        elif kind == "blur" and held:
            doubts += _doubts(silences, set(held.values()), position)
            held.clear()
        else:
            continue
        changes.append(position)
        states.append(tuple(held))
    doubts += _doubts(silences, set(held.values()), float("inf"))
    return KeyTimeline(
        at=np.array(changes, dtype=np.float64),
        driving=np.array([[key in state for key in DRIVING_KEYS] for state in states], dtype=np.bool_),
        others=tuple(_other_keys(state) for state in states),
        uncertain_from=np.sort(np.array([begin for begin, _ in doubts], dtype=np.float64)),
        uncertain_to=np.sort(np.array([end for _, end in doubts], dtype=np.float64)),
    )


def _doubts(silences: Floats, pressed: set[float], released: float) -> list[tuple[float, float]]:
    """Spans [first silence after the press, release) of holds that outlast a silence."""
    found = []
    for press in pressed:
        first = int(np.searchsorted(silences, press, side="left"))
        if first < len(silences) and silences[first] < released:
            found.append((float(silences[first]), released))
    return found


def _other_keys(state: tuple[str, ...]) -> str:
    others = sorted(_COMMA_NAME if key == "," else key for key in state if key not in DRIVING_KEYS)
    return ",".join(others)


def keys_at_frames(
    timeline: KeyTimeline, mouse_at: Floats, mouse_px: Floats, frame_at: Floats, known: Bools
) -> FrameKeys:
    """Look the frames up.

    Events of a frame lie in (previous known frame, this frame]; the first known frame has no
    previous one and gets none, and a frame out of order gets none twice.

    Args:
        timeline: The keyboard.
        mouse_at: (M,) ascending positions of the mouse events.
        mouse_px: (M, 2) their dx and dy.
        frame_at: (N,) positions of the frames; anything where not known.
        known: (N,) bool, the frame's position is known.

    Returns:
        Per frame values; a frame of unknown position holds no key and has no events.
    """
    reached = _reached(frame_at, known)
    index = np.where(known, np.searchsorted(timeline.at, frame_at, side="right"), 0)
    moved = np.concatenate((np.zeros((1, 2)), np.cumsum(mouse_px, axis=0)))
    moved = np.diff(moved[np.searchsorted(mouse_at, reached, side="right")], axis=0)
    begun = np.searchsorted(timeline.uncertain_from, frame_at, side="right")
    ended = np.searchsorted(timeline.uncertain_to, frame_at, side="right")
    return FrameKeys(
        driving=timeline.driving[index],
        others=[timeline.others[place] for place in index.tolist()],
        uncertain=known & (begun > ended),
        key_events=np.diff(np.searchsorted(timeline.at, reached, side="right")).astype(np.int32),
        mouse_dx_px=moved[:, 0],
        mouse_dy_px=moved[:, 1],
    )


def _reached(frame_at: Floats, known: Bools) -> Floats:
    """(N + 1,) furthest known position up to each frame, led by that of the first known frame."""
    if not known.any():
        return np.zeros(len(frame_at) + 1)
    first = frame_at[int(np.argmax(known))]
    return np.maximum.accumulate(np.concatenate(([first], np.where(known, frame_at, first))))


def silences_after(log_t_ms: Floats) -> Ints:
    """Indexes of the log entries after which nothing was logged for more than 1 s."""
    return np.flatnonzero(np.diff(log_t_ms) > SILENCE_MS)


def mouse_events(inputs: pl.DataFrame) -> tuple[Bools, Floats]:
    """Which rows of `inputs` are mouse movements, and their (M, 2) dx, dy in px."""
    is_mouse = (inputs["kind"] == "mouse").to_numpy()
    moves = inputs.filter(pl.col("kind") == "mouse").select(pl.col("dx_px", "dy_px").fill_null(0.0))
    return is_mouse, moves.to_numpy().astype(np.float64).reshape(-1, 2)
