"""The UIs of a home folder, Dagster's and MLflow's, running on after the command that started them.

One of each per home: process id and port are in `{home}/{name}.json`, the log in `{home}/{name}.log`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.settings import Settings
from scalediff_assets.ports import free_port

_STOP_TIMEOUT_S = 10.0
_START_TIMEOUT_S = 180.0


class UiError(RuntimeError):
    """A UI could not be started; the message names its log."""


@dataclass(frozen=True, kw_only=True)
class Ui:
    """A web server that we can start.

    Attributes:
        name: Of its files in the home folder.
        title: For people.
        command: What is run, given the settings and the port.
        health: Path that answers 200 when it is ready.
        environment: Variables on top of ours.
    """

    name: str
    title: str
    command: Callable[[Settings, int], list[str]]
    health: str
    environment: dict[str, str]


def _dagster(settings: Settings, port: int) -> list[str]:  # noqa: ARG001 -- the home is in the environment
    return ["-m", "dagster", "dev", "-m", "scalediff_assets.definitions", "-h", "127.0.0.1", "-p", str(port)]


def _mlflow(settings: Settings, port: int) -> list[str]:
    return [
        "-m", "mlflow", "server", "--backend-store-uri", settings.tracking_uri,
        "--artifacts-destination", settings.artifacts_url, "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1",
    ]  # fmt: skip


DAGSTER = Ui(name="ui", title="Dagster UI", command=_dagster, health="/server_info", environment={})
# Without its job runner the server needs 2 processes and 545 MB in place of 10 and 2 GB.
MLFLOW = Ui(
    name="mlflow_ui",
    title="MLflow UI",
    command=_mlflow,
    health="/health",
    environment={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
)


@dataclass(frozen=True, kw_only=True)
class RunningUi:
    """A UI that answers."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where to look."""
        return f"http://127.0.0.1:{self.port}"


def start_ui(settings: Settings, *, port: int, ui: Ui = DAGSTER) -> RunningUi:
    """Start a UI in the background, or return the one that already runs.

    Raises:
        UiError: Where it does not answer in time.
    """
    running = running_ui(settings, ui)
    if running is not None:
        return running
    chosen = free_port(port)
    log = settings.home / f"{ui.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *ui.command(settings, chosen)],
            cwd=Path(__file__).parents[1],
            env=os.environ | ui.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = RunningUi(pid=process.pid, port=chosen)
    _wait(started, ui, process, log)
    _state_file(settings, ui).write_text(json.dumps(asdict(started)))
    return started


def running_ui(settings: Settings, ui: Ui = DAGSTER) -> RunningUi | None:
    """The UI of this home, if it answers."""
    try:
        running = RunningUi(**json.loads(_state_file(settings, ui).read_text()))
    except FileNotFoundError:
        return None
    return running if _answers(running, ui) else None


def stop_ui(settings: Settings, ui: Ui = DAGSTER) -> bool:
    """Stop the UI of this home; False where none runs."""
    running = running_ui(settings, ui)
    if running is None:
        return False
    _end_group(running.pid)
    _state_file(settings, ui).unlink()
    return True


def _end_group(leader: int) -> None:
    """End a UI's processes; what does not follow in time is killed.

    A UI that was started from a background shell inherits an ignored interrupt, which Dagster's parts use
    to end each other.
    """
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(leader, 0)
            time.sleep(0.2)
        os.killpg(leader, signal.SIGKILL)


def _state_file(settings: Settings, ui: Ui) -> Path:
    return settings.home / f"{ui.name}.json"


def _wait(running: RunningUi, ui: Ui, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while not _answers(running, ui):
        if process.poll() is not None or time.monotonic() > deadline:
            raise UiError(f"the {ui.title} did not start; its log is {log}")
        time.sleep(0.3)


def _answers(running: RunningUi, ui: Ui) -> bool:
    try:
        with urllib.request.urlopen(f"{running.url}{ui.health}", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
