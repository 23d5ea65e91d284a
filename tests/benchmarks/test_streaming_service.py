"""The benchmarks of the painting service run and report; what they measure is not asserted here, ids are."""

import pytest

from tests.benchmarks.conftest import QuickRun


@pytest.mark.slow
def test_a_quick_loopback_reports_every_figure(quick_run: QuickRun) -> None:
    figures = quick_run("loopback")
    assert all(figures[f"{variant}_median_ms"] > 0 for variant in ("ours", "stock"))
    assert figures["stock_to_ours"] > 0


@pytest.mark.slow
def test_a_quick_soak_agrees_on_every_picture(quick_run: QuickRun) -> None:
    figures = quick_run("soak")
    assert figures["received"] > 0 and figures["packets_lost"] > 0
    assert (figures["disagreeing"], figures["agreement"]) == (0, 1.0)
