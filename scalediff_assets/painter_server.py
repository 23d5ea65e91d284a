"""The painting service as a process beside a command: started, waited for, and stopped with it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class PainterError(Exception):
    """The painting service cannot be started; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Painter:
    """A painting service.

    Attributes:
        backend: Who paints, by its own words.
        url: Its WebSocket.
    """

    backend: str
    url: str


@contextmanager
def painter_server(backend: str, *, secret_file: Path | None) -> Iterator[Painter]:
    """The service on any free port of this machine.

    Args:
        backend: Who paints: stylize, wan or passthrough.
        secret_file: The upload API's secret, so that its players' tokens are good here; None: it is in the
            environment.

    Raises:
        PainterError: It does not come up.
    """
    command = [
        sys.executable,
        "-m",
        "gpu_services.streaming",
        "--backend",
        backend,
        "--port",
        "0",
        "--drain-s",
        "2",
    ]
    if secret_file is not None:
        command += ["--secret-file", str(secret_file)]
    process = subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
        if not line:
            raise PainterError("the painting service ended at once; its message is above")
        name, _, url = line.strip().rpartition(" ")
        yield Painter(backend=name, url=url)
    finally:
        process.terminate()
        process.communicate()
