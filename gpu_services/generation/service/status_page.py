"""A worker's own small server: `/metrics`, `/healthz`, `/readyz`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gpu_services.generation.service.metrics import gpu_utilisation
from gpu_services.generation.service.worker import Worker


@contextmanager
def serve_status(worker: Worker, port: int | None, host: str = "0.0.0.0") -> Iterator[int | None]:  # noqa: S104 -- for the cluster's probes
    """Serve while the block runs; gives the port. Nothing is served without one.

    Args:
        worker: Whose status.
        port: Where; 0 for a free one.
        host: Address to listen on.
    """
    if port is None:
        yield None
        return
    server = ThreadingHTTPServer((host, port), _handler(worker))
    thread = threading.Thread(target=server.serve_forever, name="status", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(worker: Worker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = _answer(worker, self.path)
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Probes are no news."""

    return Handler


def _answer(worker: Worker, path: str) -> tuple[int, bytes]:
    if path == "/healthz":
        return 200, b"ok\n"
    if path == "/readyz":
        return (200, b"ready\n") if worker.ready else (503, b"no model, or draining\n")
    if path == "/metrics":
        share = gpu_utilisation()
        if share is not None:
            worker.metrics.gauge("gpu_utilisation", "Share of the GPU's time", {(): share})
        return 200, worker.metrics.exposition()
    return 404, b"not found\n"
