"""The upload API as a process beside a command: started, waited for, and stopped with it."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_TIMEOUT_S = 60.0


class UploadServerError(Exception):
    """The upload API cannot be started; the message says why and what to do."""


@contextmanager
def upload_server(
    *arguments: str, port: int | None = None
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The API on a port of this machine, with the settings of this process (`use_home` makes them).

    Args:
        arguments: More of its command line.
        port: Where it listens; None: any free port.

    Yields:
        Its base URL, and its process.

    Raises:
        UploadServerError: The port is in use, or the API does not come up.
    """
    port = _free_port(port)
    quiet = ("--log-level", "warning")
    command = [sys.executable, "-m", "upload_api", "--port", str(port), *quiet, *arguments]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])  # noqa: S603 - our own module
    try:
        _wait(process, port)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait()


def _free_port(port: int | None) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port or 0))
        except OSError as error:
            raise UploadServerError(f"port {port} is in use; choose another with --port") from error
        return int(probe.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UploadServerError("the upload API ended at once; its message is above")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise UploadServerError(f"the upload API did not answer within {_START_TIMEOUT_S:.0f} s")
