"""`scalediff-stream`: the painting service as a command. `--help` lists the options."""

import sys

from gpu_services.streaming.service.arguments import Start, StartError, read


def main() -> None:
    """Command line; what is wrong is one line and exit status 2."""
    try:
        start = read(sys.argv[1:])
        if start.workers > 1 and start.worker is None:
            _supervise(start)
        else:
            _serve(start)
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
    from gpu_services.streaming.choose import open_backend
    from gpu_services.streaming.service.logs import log_to_stderr
    from gpu_services.streaming.service.server import listening_socket, serve
    from gpu_services.streaming.service.traces import send_spans

    log_to_stderr()
    shares_port = start.worker is not None
    try:
        bound = listening_socket(start.host, start.port, shared=shares_port)
        backend = open_backend(start.backend)
    except OSError as error:
        raise StartError(f"--host {start.host} --port {start.port}: {error.strerror}") from error
    except JobError as error:
        raise StartError(str(error)) from error
    if start.otlp_url is not None:
        send_spans(start.otlp_url, worker=start.settings.worker)
    line = f"{backend.name} ws://{start.host}:{bound.getsockname()[1]}/v1/stream"
    serve(backend, start.settings, bound, shares_port=shares_port, on_ready=lambda: _say(line))


def _say(line: str) -> None:
    """On standard output, for whoever started this and waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
