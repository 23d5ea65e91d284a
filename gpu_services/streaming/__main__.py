"""`scalediff-stream`: the painting service as a command. `--help` lists the options."""

import signal
import socket
import sys

from gpu_services.streaming.backend import Backend
from gpu_services.streaming.choose import opened_backend, paint_along, serves
from gpu_services.streaming.service.arguments import Start, StartError, read


def main() -> None:
    """Command line; what is wrong is one line and exit status 2."""
    try:
        start = read(sys.argv[1:])
        if start.workers > 1 and start.worker is None:
            _supervise(start)
        elif serves():
            _serve(start)
        else:
            _paint_along(start)
    except StartError as error:
        sys.stderr.write(f"scalediff-stream: {error}\n")
        raise SystemExit(2) from None


def _supervise(start: Start) -> None:
    from gpu_services.streaming.service.logs import log_to_stderr
    from gpu_services.streaming.service.supervisor import Supervisor, worker_command

    log_to_stderr()
    supervisor = Supervisor(worker_command(sys.argv[1:]), start.workers)
    supervisor.run(on_ready=lambda: _say(f"{start.backend.name} ws://{start.host}:{start.port}/v1/stream"))


def _serve(start: Start) -> None:
    try:
        import aiortc  # noqa: F401 - asked for by name, so that its absence is one line
    except ModuleNotFoundError as error:
        raise StartError(f"{error.name} is not installed; install scalediff[stream]") from error
    from gpu_services.errors import JobError
    from gpu_services.streaming.service.logs import log_to_stderr
    from gpu_services.streaming.service.server import listening_socket

    log_to_stderr()
    try:
        bound = listening_socket(start.host, start.port, shared=start.worker is not None)
    except OSError as error:
        raise StartError(f"--host {start.host} --port {start.port}: {error.strerror}") from error
    try:
        with opened_backend(start.backend) as backend:
            _serve_on(bound, backend, start)
    except JobError as error:
        raise StartError(str(error)) from error


def _serve_on(bound: socket.socket, backend: Backend, start: Start) -> None:
    from gpu_services.streaming.service.server import serve
    from gpu_services.streaming.service.traces import send_spans

    if start.otlp_url is not None:
        send_spans(start.otlp_url, worker=start.settings.worker)
    line = f"{backend.name} ws://{start.host}:{bound.getsockname()[1]}/v1/stream"
    shared = start.worker is not None
    serve(backend, start.settings, bound, shares_port=shared, on_ready=lambda: _say(line))


def _paint_along(start: Start) -> None:
    """One of torchrun's other processes: it ends when the first says so, not with the signal that all get."""
    from gpu_services.errors import JobError

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    try:
        paint_along(start.backend)
    except JobError as error:
        raise StartError(str(error)) from error


def _say(line: str) -> None:
    """On standard output, for whoever started this and waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
