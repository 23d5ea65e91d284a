"""The benchmark of the structure signals runs and reports; what it measures is not asserted here."""

import pytest

from tests.benchmarks.conftest import QuickRun


@pytest.mark.slow
def test_a_quick_run_reports_separation_and_what_the_policy_refuses(quick_run: QuickRun) -> None:
    figures = quick_run("structure")
    assert figures["pairs"] > 500
    assert 0.5 < figures["auc_layout_moved"] <= 1
    assert 0 <= figures["refused_honest"] < figures["refused_shifted"] <= 1
