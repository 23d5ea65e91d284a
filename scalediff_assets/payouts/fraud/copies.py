"""Copies: the same drive, or the same keys, under another session.

Two tracks are laid over each other in time, `theirs = slope * mine + offset`, from the marks that they share,
and then measured: over which share of the way the positions agree, and how well the keys do, as Cohen's kappa
(1960), which is 0 for chance however often a key is held. The earliest upload is never the copy.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalediff_assets.payouts.fraud.marks import Marked
from scalediff_assets.payouts.fraud.tracks import STEP_S, Floats

_MOVING_MPS = 0.5
_SLOPES = (0.7, 1.4)
_ROUNDS, _REACH_M = 6, 6.0
_PLACES_MIN, _SPAN_MIN_S = 8, 4.0
_VOTE_S, _TRY_STEPS = 0.1, 6


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A track as it is kept: `(P,)` positions `place_s` apart, `(N,)` keys `STEP_S` apart."""

    x_m: Floats
    y_m: Floats
    keys: NDArray[np.uint8]
    place_s: float


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """How well one track lies on another.

    Attributes:
        way: Share of the later one's way that lies within the tolerance of the earlier one, in time too.
        keys: Kappa of the keys where both are there; None where there is too little.
    """

    way: float
    keys: float | None


def overlay(mine: Kept, theirs: Kept, marks: tuple[Marked, Marked], tolerance_m: float) -> Overlay:
    """Lay a later track on an earlier one by their place marks.

    Args:
        mine: The later.
        theirs: The earlier.
        marks: Their place marks.
        tolerance_m: Positions closer than this agree.
    """
    at_s: Floats = np.arange(len(mine.x_m), dtype=np.float64) * mine.place_s
    slope, offset = _first_guess(*marks)
    for round_number in range(_ROUNDS):
        inside, away_x, away_y = _away(mine, theirs, slope * at_s + offset)
        reach_m = max(tolerance_m, _REACH_M / (round_number + 1))
        slope, offset = _better(theirs, at_s, (slope, offset), inside, (away_x, away_y), reach_m)
    inside, away_x, away_y = _away(mine, theirs, slope * at_s + offset)
    step_m = np.hypot(np.diff(mine.x_m, append=mine.x_m[-1:]), np.diff(mine.y_m, append=mine.y_m[-1:]))
    moving = step_m > _MOVING_MPS * mine.place_s
    near = inside & (np.hypot(away_x, away_y) <= tolerance_m)
    way = float(step_m[moving & near].sum() / max(step_m[moving].sum(), 1e-9))
    return Overlay(way=way, keys=_kappa(mine.keys, theirs.keys, slope, offset, share_min=0.5))


def same_keys(mine: Kept, theirs: Kept, marks: tuple[Marked, Marked], share_min: float) -> float | None:
    """The best kappa of two sessions' keys over all shifts that their key marks speak for."""
    mine_at, theirs_at = _pairs(*marks)
    if not len(mine_at):
        return None
    votes, count = np.unique(np.round((theirs_at - mine_at) / _VOTE_S), return_counts=True)
    found = [
        _kappa(mine.keys, theirs.keys, 1.0, vote * _VOTE_S + tried * STEP_S, share_min=share_min)
        for vote in votes[np.argsort(-count, kind="stable")[:3]]
        for tried in range(-_TRY_STEPS // 2, _TRY_STEPS // 2 + 1)
    ]
    return max((kappa for kappa in found if kappa is not None), default=None)


def _pairs(mine: Marked, theirs: Marked) -> tuple[Floats, Floats]:
    """The times of every mark that both have."""
    mine_rows = pl.DataFrame({"mark": mine.marks, "mine": mine.at_s})
    pairs = mine_rows.join(pl.DataFrame({"mark": theirs.marks, "theirs": theirs.at_s}), on="mark")
    return pairs["mine"].to_numpy(), pairs["theirs"].to_numpy()


def _first_guess(mine: Marked, theirs: Marked) -> tuple[float, float]:
    """Slope and offset by the median of all pairs' slopes (Theil and Sen)."""
    mine_at, theirs_at = _pairs(mine, theirs)
    if not len(mine_at):
        return 1.0, 0.0
    first, second = np.triu_indices(len(mine_at), 1)
    apart = mine_at[second] - mine_at[first]
    far = np.abs(apart) > 2.0
    slopes = (theirs_at[second] - theirs_at[first])[far] / apart[far]
    slope = float(np.clip(np.median(slopes), *_SLOPES)) if len(slopes) else 1.0
    return slope, float(np.median(theirs_at - slope * mine_at))


def _away(mine: Kept, theirs: Kept, their_s: Floats) -> tuple[NDArray[np.bool_], Floats, Floats]:
    end_s = (len(theirs.x_m) - 1) * theirs.place_s
    known_s = np.arange(len(theirs.x_m)) * theirs.place_s
    inside = (their_s >= 0.0) & (their_s <= end_s)
    away_x = np.interp(their_s, known_s, theirs.x_m) - mine.x_m
    return inside, away_x, np.interp(their_s, known_s, theirs.y_m) - mine.y_m


def _better(
    theirs: Kept,
    at_s: Floats,
    now: tuple[float, float],
    inside: NDArray[np.bool_],
    away: tuple[Floats, Floats],
    reach_m: float,
) -> tuple[float, float]:
    """One step of least squares: what is left along the path is a matter of time."""
    known_s = np.arange(len(theirs.x_m)) * theirs.place_s
    speed_x = np.interp(now[0] * at_s + now[1], known_s, np.gradient(theirs.x_m, theirs.place_s))
    speed_y = np.interp(now[0] * at_s + now[1], known_s, np.gradient(theirs.y_m, theirs.place_s))
    speed2 = speed_x**2 + speed_y**2
    use = inside & (speed2 > 1.0) & (np.hypot(*away) <= reach_m)
    if int(use.sum()) < _PLACES_MIN:
        return now
    late_s = -(away[0] * speed_x + away[1] * speed_y)[use] / speed2[use]
    if float(np.ptp(at_s[use])) < _SPAN_MIN_S:
        return now[0], now[1] + float(late_s.mean())
    change = np.polyfit(at_s[use], late_s, 1, w=np.sqrt(speed2[use]))
    return float(np.clip(now[0] + change[0], *_SLOPES)), now[1] + float(change[1])


def _kappa(
    mine: NDArray[np.uint8], theirs: NDArray[np.uint8], slope: float, offset_s: float, *, share_min: float
) -> float | None:
    """Cohen's kappa of the held keys; None where less than a share of mine meets theirs."""
    place = np.round((slope * np.arange(len(mine)) * STEP_S + offset_s) / STEP_S).astype(np.int64)
    inside = (place >= 0) & (place < len(theirs))
    if int(inside.sum()) < max(1.0, share_min * len(mine)):
        return None
    first, second = mine[inside], theirs[place[inside]]
    share = [np.bincount(each, minlength=16) / len(each) for each in (first, second)]
    chance = float((share[0] * share[1]).sum())
    return 0.0 if chance > 1.0 - 1e-9 else (float((first == second).mean()) - chance) / (1.0 - chance)
