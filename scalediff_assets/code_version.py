"""Which code decided: the commit where there is a checkout, else the installed version.

The generation code has a version of its own: what a video model's training depends on. In a checkout it is
the last commit that touched it, so that neither a commit to the game nor an edit that nobody committed
is new code; in an image it is the files' hash.
"""

import functools
import hashlib
import importlib.metadata
import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_GENERATION = (
    "gpu_services/generation/*.py",
    "gpu_services/runtime.py",
    "scalediff_contract/video_models.py",
)
_SHOWN = 12


@functools.cache
def code_version() -> str:
    """`git:1a2b3c4d5e6f`, or `release:0.1.0`."""
    commit = _git(_ROOT, "rev-parse", f"--short={_SHOWN}", "HEAD")
    if commit is not None:
        return f"git:{commit}"
    return f"release:{importlib.metadata.version('scalediff')}"


def generation_code_version(root: Path = _ROOT) -> str:
    """`git:1a2b3c4d5e6f`, or `files:1a2b3c4d5e6f`; read anew each time, for a checkout moves on."""
    paths = [f":(glob){pattern}" for pattern in _GENERATION]
    commit = _git(root, "log", "-1", f"--abbrev={_SHOWN}", "--format=%h", "--", *paths)
    if commit:
        return f"git:{commit}"
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _GENERATION for path in root.glob(pattern)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return f"files:{digest.hexdigest()[:_SHOWN]}"


def _git(root: Path, *words: str) -> str | None:
    """What git prints in a checkout; None where there is none."""
    if not (root / ".git").exists():
        return None
    done = subprocess.run(  # noqa: S603
        ["git", *words],  # noqa: S607 -- whichever git the person has
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.strip() if done.returncode == 0 else None
