"""The benchmark of the upload API runs and reports; what it measures is not asserted here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FIGURES = ("urls_per_s", "declaration_p50_ms", "declaration_p99_ms", "baseline_requests_per_s")


@pytest.mark.slow
def test_a_quick_run_reports_every_figure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.uploads", "--quick", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    figures = json.loads(done.stdout)
    assert all(figures[name] > 0 for name in FIGURES)
    assert figures["machine"] and figures["date"]
