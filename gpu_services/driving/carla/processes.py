"""Processes in groups of their own, ended whole: nothing that an attempt started outlives it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_GRACE_S = 5.0


@contextlib.contextmanager
def process_group(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, folder: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command inside the block; at its end the whole group is ended, by its stored id.

    Args:
        command: What is run.
        environment: All of its variables.
        log: File that takes its output.
        folder: Working directory.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 -- installations that the operator named
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end_group(process)


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a group: asked first, then made to; also where its leader is gone already."""
    group = process.pid
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
        deadline_s = time.monotonic() + _GRACE_S
        while time.monotonic() < deadline_s:
            process.poll()
            if not group_lives(group):
                process.wait()
                return
            time.sleep(0.05)
    process.wait()


def group_lives(group: int) -> bool:
    """Whether any process of the group runs; ended ones that nobody waited for do not count."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False
