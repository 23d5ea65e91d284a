"""Which code decided: the commit where there is a checkout, else the installed version."""

import functools
import importlib.metadata
import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[1]


@functools.cache
def code_version() -> str:
    """`git:1a2b3c4d5e6f`, or `release:0.1.0`."""
    if (_ROOT / ".git").exists():
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 -- whichever git the person has
            cwd=_ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return f"git:{done.stdout.strip()}"
    return f"release:{importlib.metadata.version('scalediff')}"
