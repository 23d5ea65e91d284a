"""The RPC client against servers that are busy, broken, gone or refuse."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from resources.solana.errors import RpcRefusedError, RpcUnavailableError
from resources.solana.rpc import SolanaRpc

Reply = Callable[[dict[str, Any]], tuple[int, bytes]]


@contextmanager
def answering(reply: Reply) -> Iterator[SolanaRpc]:
    """A client whose server answers as told; its URL holds a provider's key."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == "/v1/hidden-key?key=hidden-key"
            status, content = reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/v1/hidden-key?key=hidden-key"
    try:
        with SolanaRpc(url, pause_s=0.0) as rpc:
            yield rpc
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def result(request: dict[str, Any], value: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": value}).encode()


def test_a_busy_endpoint_is_asked_again() -> None:
    asked: list[str] = []

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        asked.append(request["method"])
        return (429, b"") if len(asked) < 3 else result(request, "G")

    with answering(reply) as rpc:
        assert rpc.genesis_hash() == "G"
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("status", "content"),
    [(503, b""), (200, b"<html>"), (500, b""), (200, b"[]"), (200, b'{"id": 99, "result": 1}'), (200, b"{}")],
)
def test_an_unusable_answer_names_method_and_host_and_nothing_of_the_url(status: int, content: bytes) -> None:
    with answering(lambda _request: (status, content)) as rpc:
        with pytest.raises(RpcUnavailableError, match=r"getGenesisHash at 127\.0\.0\.1:\d+: ") as refused:
            rpc.genesis_hash()
        assert "hidden-key" not in f"{refused.value} {refused.value!r} {rpc!r}"


def test_a_refusal_carries_code_and_data() -> None:
    error = {"code": -32005, "message": "Node is behind", "data": {"numSlotsBehind": 9}}

    def reply(request: dict[str, Any]) -> tuple[int, bytes]:
        return 200, json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode()

    with answering(reply) as rpc, pytest.raises(RpcRefusedError, match="Node is behind") as refused:
        rpc.head()
    assert (refused.value.code, refused.value.data) == (-32005, {"numSlotsBehind": 9})


def test_nobody_there_is_said_in_a_sentence() -> None:
    rpc = SolanaRpc("http://127.0.0.1:9", pause_s=0.0)
    with pytest.raises(RpcUnavailableError, match=r"no answer \(ConnectionRefusedError\)"):
        rpc.genesis_hash()


def test_fewer_statuses_than_asked_for_are_no_answer() -> None:
    value = {"context": {"slot": 5}, "value": [None]}
    with answering(lambda request: result(request, value)) as rpc:
        assert rpc.statuses(["a"]) == (5, [None])
        with pytest.raises(RpcUnavailableError, match="1 of 2 statuses"):
            rpc.statuses(["a", "b"])


def test_the_old_way_to_say_finalized_is_understood() -> None:
    old = {"slot": 4, "confirmations": None, "err": None}
    fresh = {"slot": 4, "confirmations": 3, "err": {"InstructionError": [0, {"Custom": 1}]}}
    value = {"context": {"slot": 5}, "value": [old, fresh]}
    with answering(lambda request: result(request, value)) as rpc:
        _, (first, second) = rpc.statuses(["a", "b"])
    assert first is not None
    assert second is not None
    assert (first.finalized, first.error) == (True, None)
    assert (second.finalized, second.error) == (False, '{"InstructionError": [0, {"Custom": 1}]}')


def test_one_connection_serves_many_calls() -> None:
    with answering(lambda request: result(request, "G")) as rpc:
        for _ in range(5):
            rpc.genesis_hash()
        assert len(rpc._idle) == 1
