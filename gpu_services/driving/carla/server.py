"""A CARLA server of one attempt: started on its own ports, and healthy before anything talks to it."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gpu_services.driving.carla.ports import PortBlock
from gpu_services.driving.carla.processes import process_group
from gpu_services.driving.carla.settings import RunnerSettings
from gpu_services.errors import CarlaError

_POLL_S = 0.2


class LaunchError(Exception):
    """The server did not come up; another launch may."""


@contextlib.contextmanager
def carla_server(
    root: Path, ports: PortBlock, settings: RunnerSettings, log: Path, stop: threading.Event
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that answers, ended with everything that it started.

    Args:
        root: CARLA_ROOT.
        ports: Where it listens.
        settings: Time limits and the kind of health check.
        log: File that takes its output.
        stop: When set, there is no more waiting.

    Raises:
        LaunchError: It ended, or did not answer in time.
        CarlaError: It is of another version than the client.
    """
    command = [
        str(root / "CarlaUE4.sh"),
        "-RenderOffScreen",
        "-nosound",
        f"-carla-rpc-port={ports.rpc}",
        f"-carla-streaming-port={ports.rpc + 1}",
        "-carla-primary-port=0",
        f"-graphicsadapter={settings.graphics_adapter}",
    ]
    with process_group(command, environment=os.environ, log=log, folder=root) as process:
        _wait_until_healthy(process, ports, settings, stop)
        yield process


def _wait_until_healthy(
    process: "subprocess.Popen[bytes]", ports: PortBlock, settings: RunnerSettings, stop: threading.Event
) -> None:
    deadline_s = time.monotonic() + settings.launch_timeout_s
    while time.monotonic() < deadline_s and not stop.is_set():
        if process.poll() is not None:
            raise LaunchError(f"the server ended with code {process.returncode}")
        if _listens(ports.rpc) and (settings.health == "tcp" or _answers_rpc(ports.rpc, settings)):
            return
        time.sleep(_POLL_S)
    raise LaunchError(f"the server did not answer within {settings.launch_timeout_s:g} s")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers_rpc(port: int, settings: RunnerSettings) -> bool:
    """Ask for the version and the world; a version that is not the client's is no accident."""
    import carla

    client = carla.Client("127.0.0.1", port)
    client.set_timeout(settings.rpc_timeout_s)
    try:
        server, own = client.get_server_version(), client.get_client_version()
        client.get_world()
    except RuntimeError:
        return False
    if server.split("-")[0] != own.split("-")[0]:
        mend = "install the wheel of the server's version, in a Python that has one"
        raise CarlaError("CARLA_ROOT", f"its server is {server}, the client {own}", mend)
    return True
