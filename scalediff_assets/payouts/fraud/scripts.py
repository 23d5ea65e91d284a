"""Scripted input: timing that no hand has.

Three measures of the changes of keys, each of a whole session. What is not used: silence of the mouse (most
honest players of version 2 never touch it) and taps of equal length (an honest hand taps, too).

- `beat`: how well the presses of A and D keep one beat. The mean of the presses' directions on a circle of
  one period (Rayleigh); 1 is a machine's pulse, the best of all periods is taken. A few presses of a hand
  may fall into step by chance: of few, only a beat that no hand keeps counts.
- `repeat`: by how much the share of key changes that come back one lag later, within a step, is larger at the
  best lag than at the median one: a macro in a loop. Dense tapping comes back at every lag.
- `metres_per_change`: road per change of a key: a key held down by a script, or by a stone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalediff_assets.payouts.fraud.limits import ScriptedInput
from scalediff_assets.payouts.fraud.tracks import STEP_S, Track

_PERIODS_S = np.arange(0.175, 1.0, 0.0025)
_LAGS = np.arange(20, 201)  # steps: 1 to 10 s
_NEAR = 1  # steps
_LOOPS_MIN = 2.0


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How a session's keys were timed; None where there are too few changes to tell.

    Attributes:
        session_id: The session.
        beat: 0 to 1.
        repeat: 0 to 1.
        metres_per_change: Road per change of a key.
    """

    session_id: str
    beat: float | None
    repeat: float | None
    metres_per_change: float | None


def timing_of(track: Track, rule: ScriptedInput) -> Timing:
    """Measure one session.

    Args:
        track: The session.
        rule: How many presses, changes and metres tell something.
    """
    step, kind = track.changes
    presses = step[np.isin(kind, (5, 7))]
    path_m = float(track.step_m.sum())
    return Timing(
        session_id=track.session_id,
        beat=_told_beat(presses, rule),
        repeat=_repeat(step, kind, len(track)) if _plays_on_two_keys(kind, rule.changes_min) else None,
        metres_per_change=path_m / max(1, len(step)) if path_m >= rule.path_min_m else None,
    )


def _plays_on_two_keys(kind: NDArray[np.int64], changes_min: int) -> bool:
    """One key alone may keep time by itself: a foot that holds a speed."""
    second = np.sort(np.bincount(kind % 4, minlength=4))[-2]
    return len(kind) >= changes_min and int(second) * 4 >= changes_min


def _told_beat(presses: NDArray[np.int64], rule: ScriptedInput) -> float | None:
    if len(presses) < rule.few_presses_min:
        return None
    beat = _beat(presses)
    return beat if len(presses) >= rule.presses_min or beat >= rule.few_presses_beat_min else None


def _beat(presses: NDArray[np.int64]) -> float:
    angle = 2.0 * np.pi * (presses * STEP_S)[None, :] / _PERIODS_S[:, None]
    return float(np.abs(np.exp(1j * angle).mean(axis=1)).max())


def _repeat(step: NDArray[np.int64], kind: NDArray[np.int64], steps: int) -> float:
    """Over the lags, the best less the median share of changes with a partner a lag away."""
    is_change = np.zeros((8, steps), np.bool_)
    is_change[kind, step] = True
    near = is_change.copy()
    for away in range(1, _NEAR + 1):
        near[:, away:] |= is_change[:, :-away]
        near[:, :-away] |= is_change[:, away:]
    shares = []
    for lag in _LAGS[steps >= _LAGS * _LOOPS_MIN].tolist():
        both = int((is_change[:, :-lag] & near[:, lag:]).sum() + (is_change[:, lag:] & near[:, :-lag]).sum())
        total = int(is_change[:, :-lag].sum() + is_change[:, lag:].sum())
        if total >= len(step):
            shares.append(both / total)
    return max(shares) - float(np.median(shares)) if shares else 0.0
