"""The benchmark of the game runs and reports; of what it measures only what no clock decides is asserted."""

import shutil

import pytest

from tests.benchmarks.conftest import QuickRun

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("npm") is None,
        reason="Chromium or Node is not installed (Debian: apt-get install chromium nodejs npm)",
    ),
]


def test_a_quick_run_reports_every_figure_and_the_city_takes_few_draw_calls(quick_run: QuickRun) -> None:
    figures = quick_run("game")
    assert figures["ours_fps"] > 0 and figures["reference_fps"] > 0
    assert figures["ours_draw_calls_most"] <= 150 < figures["reference_draw_calls_most"]
    assert figures["game_gzip_kb"] < 300 and figures["city_gzip_kb"] < 300
