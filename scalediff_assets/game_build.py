"""Builds the browser game with npm, once per state of its sources.

`GameBuildError` names what is missing and the mend. A build is skipped where `dist/.built` holds the
hash of everything that goes into it.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GAME = ROOT / "game"
WORLD_DATA = ROOT / "world" / "data"
MIN_NODE = (20, 19)
_MARK = ".built"


class GameBuildError(Exception):
    """The game cannot be built here; the message says why and what to do."""


def build_game(say: Callable[[str], None]) -> Path:
    """The folder of the built game; builds it if its sources have changed.

    Args:
        say: Is told what takes time.

    Raises:
        GameBuildError: Node is missing or too old, or npm failed.
    """
    dist, wanted = GAME / "dist", _sources_hash()
    mark = dist / _MARK
    if mark.is_file() and mark.read_text() == wanted:
        return dist
    npm = _npm()
    if not _installed_matches():
        say("installing the game's libraries (once)")
        # Not `npm ci`: its lock must name all platforms' binaries, which not every registry has.
        _run([npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"])
        _install_mark().write_text(_lock_hash())
    say("building the game")
    _run([npm, "run", "build"])
    mark.write_text(wanted)
    return dist


def _npm() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    wanted = ".".join(map(str, MIN_NODE))
    mend = (
        f"install Node {wanted} or later (https://nodejs.org, or your system's package `nodejs` with `npm`)"
    )
    if node is None or npm is None:
        raise GameBuildError(
            f"the game is built with npm, and {'node' if node is None else 'npm'} is missing; {mend}"
        )
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < MIN_NODE:
        raise GameBuildError(f"Node {version} is too old to build the game; {mend}")
    return npm


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=GAME, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise GameBuildError(f"`{' '.join(command[-3:])}` failed in {GAME}:\n{tail}")


def _sources_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (path for path in (GAME / "src").rglob("*") if path.is_file())
    yield from GAME.glob("*.html")
    yield from (GAME / name for name in ("package-lock.json", "vite.config.ts", "tsconfig.json"))
    yield from (path for path in WORLD_DATA.rglob("*.json"))


def _lock_hash() -> str:
    return hashlib.sha256((GAME / "package-lock.json").read_bytes()).hexdigest()


def _install_mark() -> Path:
    return GAME / "node_modules" / ".installed"


def _installed_matches() -> bool:
    mark = _install_mark()
    return mark.is_file() and mark.read_text() == _lock_hash()
