"""The benchmark of payouts runs, pays everybody and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

FIGURES = ("rows_to_entries_s", "same_day_again_s", "paying_s", "verifying_s", "paying_ratio_to_bare_litesvm")


@pytest.mark.slow
def test_a_quick_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("payouts")
    assert all(figures[name] > 0 for name in FIGURES)
    assert figures["entries"] > 0
