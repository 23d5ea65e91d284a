"""Kill -9 in the middle of any asset, then run again: the same objects and rows as if undisturbed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from world.recorder import RecordedBundle

ROOT = Path(__file__).parents[2]
# Runs an hour and its day in this process and dies, unwarned, before the k-th write to a store.
CHILD = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from scalediff_assets.home import use_home
settings = use_home(Path(sys.argv[1]))
from rich.console import Console
from resources.object_store.directory import DirectoryStore
from scalediff_assets.home import instance
from scalediff_assets.runner import materialise
left, put = int(sys.argv[3]), DirectoryStore.put
def dying_put(self, *arguments, **options):
    global left
    left -= 1
    if left == 0:
        os.killpg(os.getpgrp(), signal.SIGKILL)
    return put(self, *arguments, **options)
DirectoryStore.put = dying_put
with instance(settings) as dagster_instance:
    report = materialise(dagster_instance, [sys.argv[2]], console=Console(file=sys.stderr))
sys.exit(len(report.failures))
"""


def run_hour(home: Path, hour: str, die_at_write: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(home), hour, str(die_at_write)],
        cwd=ROOT,
        env={**os.environ, "SCALEDIFF_WORKERS": "1"},
        capture_output=True,
        start_new_session=True,
        timeout=120,
        check=False,
    )
    return done.returncode


def state(platform: Any) -> tuple[Any, ...]:
    columns = ["session_id", "status", "reason", "frames", "segments", "segments_passed"]
    catalog = platform.connections.catalog()
    rows = catalog.sessions().select(columns).rows()
    prints = catalog.fingerprints("2026", "2999")
    return platform.files("lake"), platform.files("clean"), rows, prints


@pytest.mark.slow
def test_a_kill_at_any_write_leaves_no_trace_after_the_next_run(
    platforms: Callable[[str], Any], recorded: Callable[..., RecordedBundle]
) -> None:
    undisturbed, killed = platforms("undisturbed"), platforms("killed")
    for platform in (undisturbed, killed):
        platform.upload(recorded(1), recorded(2, layout="legacy", duration_s=12.0))
        platform.take_in()
    assert run_hour(undisturbed.home, undisturbed.hour, die_at_write=0) == 0
    kills = 0
    # Each run finds what earlier ones left, so it has fewer writes left to die at.
    while (code := run_hour(killed.home, killed.hour, die_at_write=1 + kills // 2)) != 0:
        assert code == -signal.SIGKILL
        kills += 1
        assert kills < 40
    assert kills >= 5
    assert state(killed) == state(undisturbed)
