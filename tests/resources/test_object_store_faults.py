"""S3 that stalls, refuses, breaks off or asks to try again."""

import base64
import hashlib
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from resources.object_store import (
    ObjectExistsError,
    ObjectMissingError,
    ObjectStore,
    S3Store,
    StoreUnavailableError,
)

_HEAD = {"Content-Length": "0", "ETag": '"e"', "Last-Modified": "Fri, 20 Nov 2026 22:00:00 GMT"}


class ScriptedS3:
    """An HTTP server that gives the scripted answers in turn, then the last one, and keeps the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # answers `Expect: 100-continue`

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                script.requests.append((self.command, {k.lower(): v for k, v in self.headers.items()}))
                status, headers, body = script.answers[0]
                if len(script.answers) > 1:
                    script.answers.pop(0)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 - the names that http.server calls

            def log_message(self, format: str, *args: Any) -> None:
                """Keep the test output quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def store(self, max_attempts: int = 2) -> S3Store:
        return S3Store(
            "b", endpoint_url=self.url, region="us-east-1", read_timeout_s=2, max_attempts=max_attempts
        )


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    scripted = ScriptedS3()
    thread = threading.Thread(target=scripted.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield scripted
    scripted.server.shutdown()
    thread.join()
    scripted.server.server_close()


def _error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    return status, {}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


USES: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda store: store.put("a", b"1"),
    "get": lambda store: store.get("a"),
    "head": lambda store: store.head("a"),
    "list": lambda store: list(store.list()),
    "local_copy": lambda store: store.local_copy("a").__enter__(),
    "delete": lambda store: store.delete("a"),
}


@pytest.fixture(params=["stalls", "refuses"])
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """A store behind a socket that accepts and never answers, or behind no socket at all."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        if request.param == "stalls":
            listener.listen(16)
        yield S3Store(
            "b",
            endpoint_url=f"http://127.0.0.1:{port}",
            region="us-east-1",
            connect_timeout_s=0.2,
            read_timeout_s=0.2,
            max_attempts=1,
        )


@pytest.mark.parametrize("use", USES)
def test_a_silent_or_absent_store_is_reported_in_bounded_time(broken: S3Store, use: str) -> None:
    begin = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="check the endpoint") as caught:
        USES[use](broken)
    assert time.monotonic() - begin < 3
    assert caught.value.url == "s3://b"


@pytest.mark.parametrize("use", USES)
def test_a_refusal_names_the_mend(s3: ScriptedS3, use: str) -> None:
    s3.answers = [_error(403, "AccessDenied")]
    with pytest.raises(StoreUnavailableError, match="let the role") as caught:
        USES[use](s3.store())
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), StoreUnavailableError)


def test_no_credentials_are_reported(s3: ScriptedS3, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(StoreUnavailableError, match="credentials"):
        s3.store().get("a")


def test_a_body_that_breaks_off_is_asked_for_again(s3: ScriptedS3) -> None:
    whole = (200, {"ETag": '"e"'}, b"whole")
    broken_off = (200, {"ETag": '"e"', "Content-Length": "100"}, b"who")
    s3.answers = [broken_off, whole]
    assert s3.store().get("a") == b"whole"
    s3.answers = [broken_off]
    with pytest.raises(StoreUnavailableError):
        s3.store().get("a")


def test_a_busy_server_is_asked_again(s3: ScriptedS3) -> None:
    s3.answers = [_error(503, "SlowDown"), (200, {"ETag": '"e"'}, b"1")]
    assert s3.store().get("a") == b"1"
    s3.answers = [_error(503, "SlowDown")]
    with pytest.raises(StoreUnavailableError, match=r"SlowDown.*run again later"):
        s3.store(max_attempts=1).get("a")


@pytest.mark.parametrize("as_file", [False, True])
def test_a_conflict_of_creators_is_tried_again(s3: ScriptedS3, tmp_path: Path, as_file: bool) -> None:
    (tmp_path / "data").write_bytes(b"data")
    data = tmp_path / "data" if as_file else b"data"
    conflict = _error(409, "ConditionalRequestConflict")
    s3.answers = [conflict, (200, {"ETag": '"e"'}, b""), (200, _HEAD, b"")]
    assert s3.store().put("a", data, if_absent=True).etag == "e"
    assert [command for command, _ in s3.requests] == ["PUT", "PUT", "HEAD"]
    s3.answers = [conflict]
    with pytest.raises(StoreUnavailableError, match="ConditionalRequestConflict"):
        s3.store().put("a", data, if_absent=True)
    s3.answers = [conflict, _error(412, "PreconditionFailed")]
    with pytest.raises(ObjectExistsError):
        s3.store().put("a", data, if_absent=True)


@pytest.mark.parametrize("as_file", [False, True])
def test_content_is_sent_with_its_sha256(s3: ScriptedS3, tmp_path: Path, as_file: bool) -> None:
    (tmp_path / "data").write_bytes(b"data")
    s3.answers = [(200, _HEAD, b"")]
    s3.store().put("a", tmp_path / "data" if as_file else b"data")
    expected = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    assert s3.requests[0][1]["x-amz-checksum-sha256"] == expected
    assert "if-none-match" not in s3.requests[0][1]


def test_an_object_that_is_gone_after_its_put_is_reported(s3: ScriptedS3) -> None:
    s3.answers = [(200, _HEAD, b""), (404, {}, b""), (200, {}, b"")]
    with pytest.raises(ObjectMissingError, match="was put and is gone"):
        s3.store().put("a", b"")
