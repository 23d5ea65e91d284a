"""The benchmark of orchestration runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

TIMES = (
    "work_ms_per_session_1",
    "work_ms_per_session_20",
    "work_cpu_ms_per_session_20",
    "sensor_s_500_objects",
    "sensor_ticks",
    "load_s",
    "load_mb",
)
# Differences of two runs: on a busy machine they may come out below zero.
DIFFERENCES = ("dagster_ms_per_session_20", "dagster_cpu_ms_per_session_20")


@pytest.mark.slow
def test_a_quick_run_reports_every_figure_and_loads_nothing_heavy(quick_run: QuickRun) -> None:
    figures = quick_run("orchestration")
    assert all(figures[name] > 0 for name in TIMES)
    assert all(isinstance(figures[name], float) for name in DIFFERENCES)
    assert figures["heavy_modules"] == []
