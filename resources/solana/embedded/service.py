"""The embedded chain's process: an HTTP server on the loopback.

    python -m resources.solana.embedded.service FOLDER [--port N] [--idle-s S]

`POST /` is JSON-RPC, `GET /health` says who answers, `GET /tx/{signature}` shows a transaction. The
log is `FOLDER/chain.log`; a lock on `FOLDER/chain.lock` keeps a second process off it. It ends by
SIGTERM, or after S seconds without a request.
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from resources.solana.embedded.chain import EmbeddedChain
from resources.solana.embedded.facade import Facade
from resources.solana.embedded.page import transaction_page
from resources.solana.embedded.places import LOCK_FILE, LOG_FILE, PORT_FILE, STATE_FILE
from resources.solana.errors import ChainLogError

_BODY_BYTES_MAX = 1_000_000
ALREADY_SERVED = 3
BROKEN_LOG = 4


class ChainServer(ThreadingHTTPServer):
    """Serves one chain; counts idle time."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, chain: EmbeddedChain, port: int) -> None:
        self.chain = chain
        self.facade = Facade(chain)
        self.last_request_s = time.monotonic()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: ChainServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= _BODY_BYTES_MAX:
            self.close_connection = True
            self._send(413, b"{}", "application/json")
            return
        self._send(200, self.server.facade.answer(self.rfile.read(length)), "application/json")

    def do_GET(self) -> None:
        if self.path == "/health":
            found = {"pid": os.getpid(), "genesis": self.server.chain.genesis_hash}
            self._send(200, json.dumps(found).encode(), "application/json")
            return
        executed = self.server.chain.transaction(self.path.removeprefix("/tx/"))
        if executed is None:
            self._send(404, b"no such transaction", "text/plain")
        else:
            self._send(200, transaction_page(executed).encode(), "text/html; charset=utf-8")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.server.last_request_s = time.monotonic()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing: requests are not logged."""


def serve(folder: Path, *, port: int, idle_s: float) -> int:
    """Serve the chain in a folder until told to end or idle; the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"{folder}: another process serves this chain\n")
            return ALREADY_SERVED
        try:
            chain = EmbeddedChain(folder / LOG_FILE)
        except ChainLogError as error:
            sys.stderr.write(f"{error}\n")
            return BROKEN_LOG
        server = _listen(chain, port)
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        threading.Thread(target=_end_when_idle, args=(server, idle_s), daemon=True).start()
        _publish(folder, server.port)
        server.serve_forever(poll_interval=0.05)
        server.server_close()
        chain.close()
        (folder / STATE_FILE).unlink(missing_ok=True)
    return 0


def _listen(chain: EmbeddedChain, port: int) -> ChainServer:
    """On the wanted port, so that links from before stay good; on another where it is taken."""
    try:
        return ChainServer(chain, port)
    except OSError:
        return ChainServer(chain, 0)


def _publish(folder: Path, port: int) -> None:
    temporary = folder / f".{STATE_FILE}.{os.getpid()}"
    temporary.write_text(json.dumps({"pid": os.getpid(), "port": port}))
    temporary.replace(folder / STATE_FILE)
    (folder / PORT_FILE).write_text(str(port))


def _end_when_idle(server: ChainServer, idle_s: float) -> None:
    while time.monotonic() - server.last_request_s < idle_s:
        time.sleep(min(1.0, idle_s / 4))
    server.shutdown()


def main() -> int:
    """The command line of the process."""
    parser = argparse.ArgumentParser(description="The embedded chain.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--idle-s", type=float, default=3_600.0)
    given = parser.parse_args()
    return serve(given.folder, port=given.port, idle_s=given.idle_s)


if __name__ == "__main__":
    sys.exit(main())
