"""The benchmark of the generation queue runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

FIGURES = (
    "sqlite_enqueues_per_s",
    "sqlite_claim_p99_ms",
    "baseline_inserts_per_s",
    "api_p99_ms",
    "api_baseline_p99_ms",
)


@pytest.mark.slow
def test_a_quick_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("queue")
    assert all(figures[name] > 0 for name in FIGURES)
    assert figures["api_requests_per_s"] == 200
