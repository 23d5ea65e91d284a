"""The first stage of a model's release: the quick tests of the code that is about to train.

They run in a process of their own, with torch, which the graph never loads. Where there is no checkout
(an image has no tests) the commit's own CI has run them, and the step says so.
"""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_TESTS = tuple(f"tests/gpu_services/generation/test_{name}.py" for name in ("diffusion", "network", "cut"))
_TIMEOUT_S = 300.0
_SHOWN_CHARS = 1_500


class UnitTestsFailedError(Exception):
    """A quick test failed; the message ends with what pytest said."""


def run_unit_tests(root: Path = _ROOT) -> str:
    """Run them; pytest's last line, or why nothing was run.

    Raises:
        UnitTestsFailedError: One failed.
    """
    tests = [path for path in _TESTS if (root / path).is_file()]
    if not tests:
        return "not run: this installation has no tests; the commit's CI ran them"
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter and tests
            command, cwd=root, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise UnitTestsFailedError(f"the unit tests took over {_TIMEOUT_S:.0f} s; run it again") from error
    said = done.stdout.strip().splitlines() or [done.stderr.strip()[-_SHOWN_CHARS:]]
    if done.returncode != 0:
        raise UnitTestsFailedError(
            "a unit test failed, so nothing is trained:\n" + done.stdout[-_SHOWN_CHARS:]
        )
    return said[-1]
