"""The benchmark of the decode pass runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

RATIOS = (
    "single_pass_10hz_over_decode",
    "single_pass_30hz_over_decode",
    "reference_over_single_pass",
    "reference_copy_over_single_pass",
    "two_workers_over_one",
    "worker_peak_mb",
    "rounds",
)


@pytest.mark.slow
def test_a_quick_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("session_processing")
    assert all(figures[name] > 0 for name in RATIOS)
