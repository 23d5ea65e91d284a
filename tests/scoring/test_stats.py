"""Bootstrap intervals and paired comparisons."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.stats import mean_interval, probability_of_gain

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=30)


@given(VALUES)
def test_the_interval_holds_the_mean_and_stays_within_the_values(values: list[float]) -> None:
    found = mean_interval(values, resamples=200)
    assert found.mean == pytest.approx(float(np.mean(values)))
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9


def test_the_interval_is_about_two_standard_errors_wide() -> None:
    values = np.random.default_rng(0).normal(50, 10, 400).tolist()
    found = mean_interval(values)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 10 / 20, rel=0.1)


@given(VALUES)
def test_a_gain_turned_around_has_the_other_probability(gains: list[float]) -> None:
    turned = [-gain for gain in gains]
    assert probability_of_gain(gains, resamples=300) == pytest.approx(
        1.0 - probability_of_gain(turned, resamples=300), abs=1e-9
    )


def test_certain_and_no_gains() -> None:
    assert probability_of_gain([1.0, 2.0, 0.5]) == 1.0
    assert probability_of_gain([0.0, 0.0]) == 0.5
    assert probability_of_gain([3.0, -3.0] * 20) == pytest.approx(0.5, abs=0.08)


def test_nothing_cannot_be_resampled() -> None:
    with pytest.raises(ValueError, match="no value"):
        mean_interval([])
