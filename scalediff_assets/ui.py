"""The Dagster UI of a home folder, running on after the command that started it.

One UI per home: its process id and port are in `{home}/ui.json`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.settings import Settings

_START_TIMEOUT_S = 120.0


class UiError(RuntimeError):
    """The UI could not be started; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class RunningUi:
    """A UI that answers."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where to look."""
        return f"http://127.0.0.1:{self.port}"


def start_ui(settings: Settings, *, port: int = 3000) -> RunningUi:
    """Start the UI in the background, or return the one that already runs.

    Raises:
        UiError: Where it does not answer in time.
    """
    running = running_ui(settings)
    if running is not None:
        return running
    chosen = _free_port(port)
    log = settings.home / "ui.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "dagster", "dev", "-m", "scalediff_assets.definitions",
             "-h", "127.0.0.1", "-p", str(chosen)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    ui = RunningUi(pid=process.pid, port=chosen)
    _wait(ui, process, log)
    _state_file(settings).write_text(json.dumps(asdict(ui)))
    return ui


def running_ui(settings: Settings) -> RunningUi | None:
    """The UI of this home, if it answers."""
    try:
        ui = RunningUi(**json.loads(_state_file(settings).read_text()))
    except FileNotFoundError:
        return None
    return ui if _answers(ui) else None


def stop_ui(settings: Settings) -> bool:
    """Stop the UI of this home; False where none runs."""
    ui = running_ui(settings)
    if ui is None:
        return False
    os.killpg(ui.pid, signal.SIGTERM)
    _state_file(settings).unlink()
    return True


def _state_file(settings: Settings) -> Path:
    return settings.home / "ui.json"


def _free_port(preferred: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(ui: RunningUi, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _answers(ui):
        if process.poll() is not None or time.monotonic() > deadline:
            raise UiError(f"the Dagster UI did not start; its log is {log}")
        time.sleep(0.3)


def _answers(ui: RunningUi) -> bool:
    try:
        with urllib.request.urlopen(f"{ui.url}/server_info", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
