"""The benchmark of the game runs and reports; of what it measures only what no clock decides is asserted."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("npm") is None,
        reason="Chromium or Node is not installed (Debian: apt-get install chromium nodejs npm)",
    ),
]


def test_a_quick_run_reports_every_figure_and_the_city_takes_few_draw_calls() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.game", "--quick", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    figures = json.loads(done.stdout)
    assert figures["ours_fps"] > 0 and figures["reference_fps"] > 0
    assert figures["ours_draw_calls_most"] <= 150 < figures["reference_draw_calls_most"]
    assert figures["game_gzip_kb"] < 300 and figures["city_gzip_kb"] < 300
