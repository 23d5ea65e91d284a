"""The benchmark of training runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun

FIGURES = (
    "memmap_over_reference_loader",
    "jpeg_shards_over_reference_loader",
    "reference_over_our_step",
    "end_to_end_over_step_alone",
    "samples_per_s",
)


@pytest.mark.slow
def test_a_quick_run_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("driving")
    assert all(figures[name] > 0 for name in FIGURES)
    assert 0 <= figures["data_wait_share"] <= 1
    assert figures["device"]
