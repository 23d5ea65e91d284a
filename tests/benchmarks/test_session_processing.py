"""The benchmark of the decode pass runs and reports; what it measures is not asserted here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
def test_a_quick_run_reports_every_figure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.session_processing", "--quick", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    figures = json.loads(done.stdout)
    assert all(figures[name] > 0 for name in RATIOS)
    assert figures["machine"]
    assert figures["date"]
