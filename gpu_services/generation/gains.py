"""What a difference between two trainings is worth: the unit is a training seed, never a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Values = npt.NDArray[np.float64]
_MOST_SEEDS = 1_000


@dataclass(frozen=True, kw_only=True)
class Gain:
    """A mean difference over seeds.

    Attributes:
        mean: With minus without.
        low: 95 % interval (Student's t on the pairs).
        high: 95 % interval.
        p_paired: Two-sided paired t-test.
        p_welch: Two-sided, unpaired, unequal variances.
        effect: Mean in standard deviations of the differences.
        spread: Pooled standard deviation of one arm.
    """

    mean: float
    low: float
    high: float
    p_paired: float
    p_welch: float
    effect: float
    spread: float


def gain_of(without: Sequence[float], with_: Sequence[float]) -> Gain:
    """Compare two arms, seed by seed.

    Raises:
        ValueError: For fewer than two pairs, or arms of different length.
    """
    one, other = np.asarray(without, np.float64), np.asarray(with_, np.float64)
    if len(one) != len(other) or len(one) < 2:
        raise ValueError(f"{len(one)} and {len(other)} seeds; both arms need the same two or more")
    differences = other - one
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    half = float(stats.t.ppf(0.975, len(one) - 1)) * deviation / len(one) ** 0.5
    equal = deviation == 0.0
    spread = float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2))
    return Gain(
        mean=mean,
        low=mean - half,
        high=mean + half,
        p_paired=float(mean == 0.0) if equal else float(stats.ttest_rel(other, one).pvalue),
        p_welch=float(mean == 0.0)
        if spread == 0.0
        else float(stats.ttest_ind(other, one, equal_var=False).pvalue),
        effect=0.0 if equal else mean / deviation,
        spread=spread,
    )


def _welch(one: Values, other: Values) -> float:
    return float(stats.ttest_ind(other, one, equal_var=False).pvalue)


def seeds_needed(difference: float, spread: float, *, power: float = 0.8, level: float = 0.05) -> int:
    """Seeds an arm for a two-sided t-test of two arms (noncentral t); a spread of 1 point needs 17."""
    for seeds in range(2, _MOST_SEEDS):
        freedom = 2 * seeds - 2
        shift = difference / (max(spread, 1e-12) * (2 / seeds) ** 0.5)
        critical = stats.t.ppf(1 - level / 2, freedom)
        reached = stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift)
        if not reached < power:  # far out the series gives no number: that is power 1
            return seeds
    return _MOST_SEEDS
