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
# Runs an hour and its day again and again, each time in a fork that dies, unwarned, before its k-th write to
# a store; ends with the first run that has fewer. Forks, because what they import takes longer than the hour.
RUNS = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from scalediff_assets.home import use_home
use_home(Path(sys.argv[1]))
from rich.console import Console
import scalediff_assets.definitions
from resources.object_store.directory import DirectoryStore
from scalediff_assets.home import instance
from scalediff_assets.runner import materialise
put = DirectoryStore.put
def run(die_at_write):
    os.setpgid(0, 0)
    left = die_at_write
    def dying_put(self, *arguments, **options):
        nonlocal left
        left -= 1
        if left == 0:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        return put(self, *arguments, **options)
    DirectoryStore.put = dying_put
    with instance(use_home(Path(sys.argv[1]))) as dagster_instance:
        report = materialise(dagster_instance, [sys.argv[2]], console=Console(file=sys.stderr))
    sys.exit(len(report.failures))
for die_at_write in map(int, sys.argv[3].split(",")):
    child = os.fork()
    if child == 0:
        run(die_at_write)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code != -signal.SIGKILL:
        break
"""


def run_hour(home: Path, hour: str, die_at_writes: list[int]) -> list[int]:
    """Exit status of each run."""
    done = subprocess.run(
        [sys.executable, "-c", RUNS, str(home), hour, ",".join(map(str, die_at_writes))],
        cwd=ROOT,
        env={**os.environ, "SCALEDIFF_WORKERS": "1"},
        stdout=subprocess.PIPE,
        start_new_session=True,
        timeout=600,
        check=True,
    )
    return [int(code) for code in done.stdout.split()]


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
    assert run_hour(undisturbed.home, undisturbed.hour, [0]) == [0]
    # Each run finds what earlier ones left, so it has fewer writes left to die at; each place is tried twice.
    *killed_runs, last = run_hour(killed.home, killed.hour, [1 + number // 2 for number in range(40)])
    assert (set(killed_runs), last) == ({-signal.SIGKILL}, 0)
    assert len(killed_runs) >= 5
    assert state(killed) == state(undisturbed)
