"""Intervals and paired comparisons by bootstrap: what a difference between two drivers is worth.

Closed-loop scores of identical runs differ by 1 to 7 points (facts/driving.md, section 4), so a score
has an interval and a promotion has a probability. Resampling is seeded: equal input, equal numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and its 95 % percentile interval.

    Attributes:
        mean: Of the values.
        low: 2.5 % quantile of the resampled means.
        high: 97.5 % quantile.
    """

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean of independent values and its bootstrap interval (Efron 1979, percentile method).

    Args:
        values: At least one.
        seed: Of the resampling.
        resamples: How many.

    Raises:
        ValueError: For no values.
    """
    means = _resampled_means(np.asarray(values, np.float64), seed, resamples)
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(mean=float(np.mean(values)), low=float(low), high=float(high))


def probability_of_gain(gains: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """P(mean gain > 0) over resampled pairs; a mean of exactly 0 counts half.

    Args:
        gains: Challenger minus champion on the same route and seed, at least one.
        seed: Of the resampling.
        resamples: How many.

    Raises:
        ValueError: For no gains.
    """
    means = _resampled_means(np.asarray(gains, np.float64), seed, resamples)
    return float(np.mean(means > 0) + 0.5 * np.mean(means == 0))


def _resampled_means(
    values: "np.ndarray[tuple[int], np.dtype[np.float64]]", seed: int, resamples: int
) -> np.ndarray:
    if values.size == 0:
        raise ValueError("there is nothing to resample: no value was given")
    rng = np.random.default_rng(seed)
    chosen = rng.integers(values.size, size=(resamples, values.size))
    means: np.ndarray = values[chosen].mean(axis=1)
    return means
