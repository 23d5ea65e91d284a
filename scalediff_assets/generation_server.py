"""The generation service beside a command: API and worker as processes that end with it."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.generation import GenerationService
from resources.settings import Settings
from scalediff_assets.ports import free_port

_MODULE = ("-W", "ignore", "-m", "gpu_services.generation.service.cli")
_START_TIMEOUT_S, _STOP_TIMEOUT_S = 120.0, 30.0


class GenerationServerError(Exception):
    """The generation service cannot be started; the message names its log."""


@contextmanager
def generation_server(settings: Settings, *, url: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """API and one worker of the embedded service, with the settings of this process.

    Args:
        settings: The home; logs lie there.
        url: Where the API listens.

    Yields:
        Their processes.

    Raises:
        GenerationServerError: The API does not come up.
    """
    log = settings.home / "generation.log"
    port = url.rpartition(":")[2]
    roles = (("--role", "api", "--port", port), ("--role", "worker", "--device", "auto"))
    with log.open("ab") as output:
        processes = [
            subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                [sys.executable, *_MODULE, *arguments],
                cwd=Path(__file__).parents[1],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            for arguments in roles
        ]
    try:
        _wait(processes, url, log)
        yield processes
    finally:
        _end(processes)


def service_token(name: str) -> str:
    """An admin token of the embedded service, for the graph."""
    done = subprocess.run(  # noqa: S603 -- our own interpreter and module
        [sys.executable, *_MODULE, "token", name, "--scope", "admin"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise GenerationServerError(f"no token for the generation service: {done.stderr.strip()}")
    return done.stdout.strip()


def local_url(settings: Settings) -> str:
    """The service's URL on a free port of this machine, the settings' own where it is free."""
    wanted = int(settings.generation_url.rpartition(":")[2])
    return f"http://127.0.0.1:{free_port(wanted)}"


def await_model(generation: GenerationService, version: str, *, timeout_s: float = 60.0) -> None:
    """Wait until a worker holds a version.

    Raises:
        GenerationServerError: None does in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        workers = generation.state().workers
        if any(worker.model_version == version for worker in workers):
            return
        time.sleep(0.1)
    raise GenerationServerError(f"no worker held {version} within {timeout_s:.0f} s")


def _wait(processes: list["subprocess.Popen[bytes]"], url: str, log: Path) -> None:
    deadline_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if any(process.poll() is not None for process in processes):
            break
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 -- loopback
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise GenerationServerError(f"the generation service did not start; its log is {log}")


def _end(processes: list["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
