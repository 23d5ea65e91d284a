"""The benchmark of the upload API runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

FIGURES = ("urls_per_s", "declaration_p50_ms", "declaration_p99_ms", "baseline_requests_per_s")


@pytest.mark.slow
def test_a_quick_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("uploads")
    assert all(figures[name] > 0 for name in FIGURES)
