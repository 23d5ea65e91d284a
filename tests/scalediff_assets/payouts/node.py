"""A real chain behind a real HTTP server in this process, and a server before it that misbehaves."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from resources.solana.embedded.chain import EmbeddedChain
from resources.solana.embedded.facade import Facade

# lose_request: nobody hears it. lose_answer: it takes effect, nobody hears of it. twice: it arrives twice.
# swallow: answered, never forwarded. hold: answered, forwarded when released. busy, garbage: no answer.
# lag: the node knows of nothing since the chain began. unfinalized: it has landed, a fork may take it back.
# forgetful: the node has forgotten everything.
Fault = Literal[
    "none", "lose_request", "lose_answer", "twice", "swallow", "hold", "busy", "garbage", "lag",
    "unfinalized", "forgetful",
]  # fmt: skip
Choose = Callable[[str], Fault]


@dataclass
class FaultyNode:
    """A fake node: the genuine facade's answers over HTTP, with faults chosen per request.

    Attributes:
        chain: The chain; a restart replaces it.
        choose: Names the fault of a request, by its method; it may raise to stop the payer.
        calls: Methods asked for.
    """

    chain: EmbeddedChain
    choose: Choose = lambda _method: "none"
    calls: list[str] = field(default_factory=list)
    held: list[bytes] = field(default_factory=list)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def release(self) -> None:
        """Forward what was held: transactions that come late, out of order."""
        for body in self.held[::-1]:
            Facade(self.chain).answer(body)
        self.held.clear()

    def reply(self, body: bytes) -> bytes | int | None:
        """The answer's body, an HTTP status without one, or None for a dropped connection."""
        request = json.loads(body)
        with self._lock:
            self.calls.append(request["method"])
            fault = self.choose(request["method"])
        if fault in ("lose_request", "busy"):
            return None if fault == "lose_request" else 503
        if fault in ("swallow", "hold") and request["method"] == "sendTransaction":
            if fault == "hold":
                self.held.append(body)
            return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "1" * 88}).encode()
        answer = Facade(self.chain).answer(body)
        if fault == "twice":
            Facade(self.chain).answer(body)
        if fault == "lose_answer":
            return None
        return b"<html>" if fault == "garbage" else _bent(answer, request["method"], fault)


def _bent(answer: bytes, method: str, fault: Fault) -> bytes:
    """The answer of a node that lags behind, whose fork is not final, or that has pruned its history."""
    content = json.loads(answer)
    if method == "getSignatureStatuses" and fault in ("lag", "unfinalized", "forgetful"):
        statuses = content["result"]["value"]
        if fault == "unfinalized":
            change = {"confirmationStatus": "processed", "confirmations": 0}
            content["result"]["value"] = [each and each | change for each in statuses]
        else:
            content["result"]["value"] = [None] * len(statuses)
            content["result"]["context"]["slot"] -= 1_000 if fault == "lag" else 0
    if method == "getFirstAvailableBlock" and fault == "forgetful":
        content["result"] = 10**9
    return json.dumps(content).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    node: FaultyNode


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        reply = self.server.node.reply(self.rfile.read(int(self.headers["Content-Length"])))
        if reply is None:
            self.close_connection = True
            return
        content = b"" if isinstance(reply, int) else reply
        self.send_response(reply if isinstance(reply, int) else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def serving(chain: EmbeddedChain) -> Iterator[FaultyNode]:
    """A node on a port of its own."""
    node = FaultyNode(chain)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.node = node
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def new_node(folder: Path) -> Iterator[FaultyNode]:
    """A node with a new chain whose blocks pass only when told."""
    chain = EmbeddedChain(folder / "chain.log", clock_s=lambda: 0.0)
    with serving(chain) as node:
        yield node
    node.chain.close()
