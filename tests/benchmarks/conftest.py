"""Runs a benchmark as a person would, quickly; what it measures is the machine's and is not asserted."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QuickRun = Callable[[str], dict[str, Any]]


@pytest.fixture
def quick_run() -> QuickRun:
    """`quick_run(name)`: the figures of `python -m benchmarks.{name} --quick --json`."""

    def run(name: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", "--quick", "--json"],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
            timeout=900,
        )
        figures: dict[str, Any] = json.loads(done.stdout)
        assert figures["machine"] and figures["date"]
        return figures

    return run
