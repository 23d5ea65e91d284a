"""The benchmark of the gate runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun


@pytest.mark.slow
def test_a_quick_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("gate")
    names = ("ratio_flow_full_size_to_whole_gate", "small_64x64x8_ms", "large_1280x720x8_s")
    assert all(figures[name] > 0 for name in names)
