"""Starts, finds and stops the embedded chain's process of a home.

One process per folder, found by its state file and by what answers there. Callers that start it at once
queue at a lock; whoever comes second finds it running. It goes on after the command that started it
and ends when nobody has asked for an hour, or by `stop_chain`.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from resources.solana.embedded.places import LOCK_FILE, STATE_FILE, chain_folder, last_port
from resources.solana.errors import ChainServiceError

__all__ = ["RunningChain", "chain_folder", "running_chain", "start_chain", "stop_chain"]
PREFERRED_PORT = 8899
IDLE_S = 3_600.0
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_PAUSE_S = 0.02
_PACKAGE_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class RunningChain:
    """The embedded chain's process."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Its JSON-RPC endpoint."""
        return f"http://127.0.0.1:{self.port}"


def running_chain(folder: Path) -> RunningChain | None:
    """The process that serves this folder's chain, if it answers."""
    try:
        state = json.loads((folder / STATE_FILE).read_text())
        running = RunningChain(pid=state["pid"], port=state["port"])
        with urllib.request.urlopen(f"{running.url}/health", timeout=5) as answer:  # noqa: S310 - loopback
            found = json.load(answer)
    except (FileNotFoundError, urllib.error.URLError, TimeoutError, ConnectionError):
        return None
    # Another process may have the port of one that was killed.
    return running if found.get("pid") == running.pid else None


def start_chain(folder: Path, *, port: int = PREFERRED_PORT, idle_s: float = IDLE_S) -> RunningChain:
    """The chain's process, started unless it runs.

    Raises:
        ChainServiceError: With the way it ended, or the log to look at.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{LOCK_FILE}.start").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = running_chain(folder)
        return running or _start(folder, last_port(folder) or port, idle_s)


def stop_chain(folder: Path) -> bool:
    """Stop the chain's process and wait for its end; False where none runs.

    Raises:
        ChainServiceError: Where it does not end.
    """
    running = running_chain(folder)
    if running is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while _is_served(folder):
        if time.monotonic() > deadline:
            raise ChainServiceError(f"the embedded chain (process {running.pid}) does not end; end it")
        time.sleep(_PAUSE_S)
    return True


def _start(folder: Path, port: int, idle_s: float) -> RunningChain:
    log = folder / "service.log"
    module = "resources.solana.embedded.service"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module, str(folder), "--port", str(port), "--idle-s", str(idle_s)],
            cwd=_PACKAGE_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        running = running_chain(folder)
        if running is not None:
            # Nobody waits for it, so that Python does not warn about a child that outlives its handle.
            process.returncode = 0
            return running
        if process.poll() is not None or time.monotonic() > deadline:
            raise ChainServiceError(f"the embedded chain did not start; its log is {log}")
        time.sleep(_PAUSE_S)


def _is_served(folder: Path) -> bool:
    with (folder / LOCK_FILE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
