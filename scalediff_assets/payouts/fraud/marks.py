"""Marks: the words by which copied drives and copied inputs are found without comparing all with all.

A place mark is a crossing of a grid line: which line, which way, where along it, and where the car is two
seconds later, in cells. A key mark is four changes of keys in a row with the pauses between them, in bins.
Both keep when a track is shifted, cut, sampled at another rate or shaken a little; a track has dozens, and a
copy needs to share a few. Of the holders of a mark only the earliest count, so that a common mark costs
little and a copy made a thousand times still meets its original.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scalediff_assets.payouts.fraud.tracks import STEP_S, Bytes, Floats, key_changes

_LINE_M, _ALONG_M, _AHEAD_M = 8.0, 3.0, 3.0
_AHEAD_STEPS = round(2.0 / STEP_S)
_CHANGES, _PAUSE_BIN = 4, 3  # bins of three steps, 150 ms
HOLDERS, CANDIDATES, SHARED_MIN = 24, 12, 3
Marks = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Marked:
    """Marks `(M,)` with the time of each in seconds since the track's start, in order of time."""

    marks: Marks
    at_s: Floats


def place_marks(x_m: Floats, y_m: Floats, step_s: float) -> Marked:
    """The crossings of a path.

    Args:
        x_m: (N,) positions at even times.
        y_m: (N,).
        step_s: Between them.
    """
    ahead = round(_AHEAD_STEPS * STEP_S / step_s)
    if len(x_m) <= ahead + 1:
        return Marked(marks=np.zeros(0, np.int64), at_s=np.zeros(0))
    parts = [_crossings(x_m, y_m, ahead, 0), _crossings(y_m, x_m, ahead, 1)]
    marks, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(at, kind="stable")
    return Marked(marks=marks[order].astype(np.int64), at_s=at[order] * step_s)


def _crossings(across: Floats, along: Floats, ahead: int, axis: int) -> tuple[Marks, Floats]:
    """Marks, and the times in steps, of the lines of one axis that the path crosses."""
    line = np.floor(across / _LINE_M).astype(np.int64)
    before = np.flatnonzero(np.diff(line))
    before = before[before + ahead + 1 < len(across)]
    up = line[before + 1] > line[before]
    edge = np.where(up, line[before + 1], line[before])
    part = (edge * _LINE_M - across[before]) / (across[before + 1] - across[before])
    here = along[before] + part * (along[before + 1] - along[before])
    later = before + ahead
    far = [value[later] + part * (value[later + 1] - value[later]) for value in (across, along)]
    cells = [np.floor(here / _ALONG_M), np.floor((far[0] - edge * _LINE_M) / _AHEAD_M),
             np.floor((far[1] - here) / _AHEAD_M + 0.5)]  # fmt: skip
    return _word([np.full(len(before), 2 * axis) + up, edge, *(cell.astype(np.int64) for cell in cells)]), (
        before + part
    )


def key_marks(keys: Bytes) -> Marked:
    """Four changes of keys in a row."""
    step, kind = key_changes(keys)
    count = len(step) - _CHANGES + 1
    if count < 1:
        return Marked(marks=np.zeros(0, np.int64), at_s=np.zeros(0))
    parts = [kind[number : number + count] for number in range(_CHANGES)]
    parts += [
        (step[number + 1 : number + 1 + count] - step[number : number + count] + 1) // _PAUSE_BIN
        for number in range(_CHANGES - 1)
    ]
    return Marked(marks=_word([np.full(count, 9), *parts]), at_s=(step[:count] * STEP_S).astype(np.float64))


def _word(parts: list[NDArray[np.int64]]) -> Marks:
    """One number of several, by a multiplicative hash (FNV-1a's prime); wraps around."""
    word = np.full(len(parts[0]), -3750763034362895579, np.int64)
    for part in parts:
        word = (word ^ part) * np.int64(1099511628211)
    return word


def candidates(fresh: pl.DataFrame, earlier: pl.DataFrame, column: str, share_min: float) -> pl.DataFrame:
    """`mine, theirs`: rows that share enough marks, the likeliest first, at most `CANDIDATES` of each.

    Args:
        fresh: `row, mark lists` of the sessions to judge.
        earlier: The same of all that they may have been copied from, the fresh ones among them; rows are
            numbered in the order of arrival.
        column: The list of marks.
        share_min: A smaller share of its marks in common is chance, and so are fewer than `SHARED_MIN`.
    """
    holders = (
        earlier.select(theirs="row", mark=column).explode("mark").drop_nulls().unique()
        .sort("mark", "theirs").group_by("mark", maintain_order=True).head(HOLDERS)
        .with_columns(weight=1.0 / pl.len().over("mark"))
    )  # fmt: skip
    mine = (
        fresh.select(mine="row", mark=column).explode("mark").drop_nulls().unique()
        .with_columns(own=pl.len().over("mine"))
    )  # fmt: skip
    return (
        mine.join(holders, on="mark")
        .filter(pl.col("theirs") < pl.col("mine"))
        .group_by("mine", "theirs")
        .agg(pl.col("own").first(), shared=pl.len(), weight=pl.col("weight").sum())
        .filter((pl.col("shared") >= SHARED_MIN) & (pl.col("shared") >= share_min * pl.col("own")))
        .sort("mine", "weight", "theirs", descending=[False, True, False])
        .group_by("mine", maintain_order=True)
        .head(CANDIDATES)
        .select("mine", "theirs")
    )
