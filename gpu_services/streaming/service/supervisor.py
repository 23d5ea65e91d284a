"""Several processes behind one port, and one of them restarted while the others paint on.

The kernel spreads new connections over the processes that listen (SO_REUSEPORT); a stream stays with the
process that took it. SIGHUP restarts the processes one after the other: a new one listens, then the old one
stops listening, lets its players finish and ends. A process that dies is replaced; after `_FAST_ENDS` deaths
the supervisor gives up. SIGTERM drains all.
"""

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType

from gpu_services.streaming.service.arguments import StartError

_LOG = logging.getLogger(__name__)
_FAST_ENDS = 5
_ROUND_S = 0.2


class Supervisor:
    """Keeps the processes.

    Args:
        command: Starts the worker of a number; the worker prints a line when it listens.
        workers: How many.
    """

    def __init__(self, command: Callable[[int], list[str]], workers: int) -> None:
        self._command, self._count = command, workers
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._leaving: list[subprocess.Popen[str]] = []
        self._restart, self._stop = threading.Event(), threading.Event()
        self._next = 0
        self._fast_ends = 0

    def run(self, *, on_ready: Callable[[], None]) -> None:
        """Until SIGTERM or SIGINT.

        Args:
            on_ready: Called when all workers listen.

        Raises:
            StartError: Workers do not start, or die as soon as they do.
        """
        signal.signal(signal.SIGHUP, lambda *_: self._restart.set())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        try:
            for _ in range(self._count):
                self._start()
            on_ready()
            while not self._stop.wait(_ROUND_S):
                self._look_after()
        finally:
            self._end_all()

    def _look_after(self) -> None:
        self._leaving = [process for process in self._leaving if process.poll() is None]
        for number, process in list(self._running.items()):
            if process.poll() is not None:
                _LOG.error("event=worker-died worker=%d code=%d", number, process.returncode)
                del self._running[number]
                self._fast_ends += 1
                if self._fast_ends > _FAST_ENDS:
                    raise StartError("workers die as soon as they start; see their messages above")
                self._start()
        if self._restart.is_set():
            self._restart.clear()
            self._roll()

    def _roll(self) -> None:
        for number, process in list(self._running.items()):
            self._start()
            _LOG.info("event=worker-leaves worker=%d", number)
            process.terminate()
            self._leaving.append(self._running.pop(number))

    def _start(self) -> None:
        number, self._next = self._next, self._next + 1
        process = subprocess.Popen(self._command(number), stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
        self._running[number] = process
        if process.stdout is None or not process.stdout.readline():
            raise StartError(f"worker {number} did not start; its message is above")
        _LOG.info("event=worker-started worker=%d pid=%d", number, process.pid)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _end_all(self) -> None:
        processes = [*self._running.values(), *self._leaving]
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def worker_command(arguments: list[str]) -> Callable[[int], list[str]]:
    """How a worker of this command line is started."""
    return lambda number: [
        sys.executable,
        "-m",
        "gpu_services.streaming",
        *arguments,
        "--worker",
        str(number),
    ]
