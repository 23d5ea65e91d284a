"""The benchmark of training runs and reports; what it measures is not asserted here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FIGURES = (
    "memmap_over_reference_loader",
    "jpeg_shards_over_reference_loader",
    "reference_over_our_step",
    "end_to_end_over_step_alone",
    "samples_per_s",
)


@pytest.mark.slow
def test_a_quick_run_reports_every_figure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.driving", "--quick", "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=900,
    )
    figures = json.loads(done.stdout)
    assert all(figures[name] > 0 for name in FIGURES)
    assert 0 <= figures["data_wait_share"] <= 1
    assert figures["device"] and figures["machine"] and figures["date"]
