"""The API as it really runs: uvicorn on a port of the loopback, real sockets, a real bundle."""

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources.catalog import Catalog
from resources.database import open_database
from resources.object_store import DirectoryStore
from resources.upload_queue import DirectoryFeed, logical_key_of
from scalediff_contract.sessions import REQUIRED_FILES, parse_object_key
from tests.upload_api.conftest import CONTENTS, SECRET, Player, assert_problem
from upload_api import base58
from upload_api.app import create_app
from upload_api.config import UploadConfig, UploadLimits

Serve = Callable[..., contextlib.AbstractContextManager[str]]


@pytest.fixture
def config(tmp_path: Path, sqlite_template: Path) -> Iterator[UploadConfig]:
    (tmp_path / "uploads.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{tmp_path / 'uploads.db'}"
    yield UploadConfig(raw_url=str(tmp_path / "raw"), database_url=url, secret=SECRET)
    open_database(url).dispose()


@contextlib.contextmanager
def served(config: UploadConfig) -> Iterator[str]:
    """The app on a free port; its base URL."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(config), port=0, log_level="critical", proxy_headers=False)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def base_url(config: UploadConfig) -> Iterator[str]:
    with served(config) as url:
        yield url


@pytest.fixture
def http(base_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base_url, timeout=20) as client:
        yield client


@contextlib.contextmanager
def half_a_put(target: dict[str, Any], content: bytes) -> Iterator[socket.socket]:
    """Begin an upload, and break the connection in its middle when the block ends."""
    parts = urlsplit(target["url"])
    headers = {**target["headers"], "Host": parts.netloc, "Content-Length": str(len(content))}
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20) as connection:
        connection.sendall(f"{head}\r\n".encode() + content[: len(content) // 2])
        yield connection


def answer_on(connection: socket.socket) -> bytes:
    """All that the server sends until it closes or has sent the document."""
    answer = b""
    while not answer.endswith(b"}") and (part := connection.recv(65536)):
        answer += part
    return answer


def test_a_recorded_drive_goes_through_the_api_to_the_event_feed(
    http: httpx.Client, config: UploadConfig
) -> None:
    from world.recorder import RecordingSpec, record_session

    key = Ed25519PrivateKey.generate()
    wallet = base58.encode(key.public_key().public_bytes_raw())
    bundle = record_session(RecordingSpec(seed=3, wallet=wallet, video=False, duration_s=3.0))
    player = Player(http, key=key).sign_in()
    session_id = player.session()
    contents = {file.label: content for file, content in bundle.files.items()}
    targets = player.targets(session_id, contents)
    for label, target in targets.items():
        answer = player.put(target, contents[label])
        assert answer.status_code == 200, answer.text
    store, catalog = DirectoryStore(Path(config.raw_url)), Catalog(config.database_url)
    keys = [parse_object_key(logical_key_of(info.key)) for info in store.list()]
    assert {(key.wallet, key.session_id) for key in keys} == {(wallet, session_id)}
    assert {key.file for key in keys} == set(REQUIRED_FILES)
    events = DirectoryFeed(store=store, positions=catalog, known=catalog.known_objects).receive(100, 10)
    assert {event.logical_key for event in events} == {str(key) for key in keys}
    by_label = {parse_object_key(e.logical_key).file.label: store.get(e.key) for e in events}
    assert by_label == contents


def test_a_broken_put_leaves_nothing_and_the_upload_goes_on(http: httpx.Client, config: UploadConfig) -> None:
    player = Player(http).sign_in()
    session_id = player.session()
    contents = {**CONTENTS, "video": b"v" * 3_000_000}
    targets = player.targets(session_id, contents)
    assert player.put(targets["inputs"], contents["inputs"]).status_code == 200
    with half_a_put(targets["video"], contents["video"]):
        pass
    assert player.stored(session_id) == {label: label == "inputs" for label in contents}
    for label, target in player.targets(session_id, contents).items():
        if not target["stored"]:
            assert player.put(target, contents[label]).status_code == 200
    stored = list(DirectoryStore(Path(config.raw_url)).list())
    assert sorted(info.size_bytes for info in stored) == sorted(map(len, contents.values()))


def test_an_address_has_so_many_files_under_way_and_gets_its_places_back(config: UploadConfig) -> None:
    limited = UploadConfig(**{**vars(config), "limits": UploadLimits(address_uploads_at_once=2)})
    with served(limited) as url, httpx.Client(base_url=url, timeout=20) as http:
        player = Player(http).sign_in()
        contents = {**CONTENTS, "video": b"v" * 1_000_000, "camera": b"c" * 1_000_000}
        targets = player.targets(player.session(), contents)
        with contextlib.ExitStack() as under_way:
            for label in ("video", "camera"):
                under_way.enter_context(half_a_put(targets[label], contents[label]))
            time.sleep(0.3)
            refused = player.put(targets["inputs"], contents["inputs"])
            assert_problem(refused, 429, "too-many-requests")
        statuses = [429]
        while statuses[-1] == 429:
            statuses.append(player.put(targets["inputs"], contents["inputs"]).status_code)
        assert statuses[-1] == 200


def test_a_body_that_never_ends_is_answered(config: UploadConfig) -> None:
    limited = UploadConfig(**{**vars(config), "limits": UploadLimits(url_s=1, body_s=0.2)})
    with served(limited) as url, httpx.Client(base_url=url, timeout=20) as http:
        player = Player(http).sign_in()
        target = player.targets(player.session(), CONTENTS)["video"]
        with half_a_put(target, CONTENTS["video"]) as connection:
            assert b"urn:scalediff:problem:request-timeout" in answer_on(connection)
        to_json = {"url": f"{url}/v1/sign-in", "headers": {"Content-Type": "application/json"}}
        with half_a_put(to_json, b"{}") as connection:
            assert b"urn:scalediff:problem:request-timeout" in answer_on(connection)
    assert list(DirectoryStore(Path(config.raw_url)).list()) == []


def test_of_many_who_put_the_same_file_at_once_one_stores_it(
    http: httpx.Client, config: UploadConfig
) -> None:
    player = Player(http).sign_in()
    contents = {**CONTENTS, "video": b"v" * 300_000}
    target = player.targets(player.session(), contents)["video"]
    statuses: list[int] = []

    def put() -> None:
        statuses.append(player.put(target, contents["video"]).status_code)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 7
    [info] = DirectoryStore(Path(config.raw_url)).list()
    found = DirectoryStore(Path(config.raw_url)).get(info.key)
    assert hashlib.sha256(found).digest() == hashlib.sha256(contents["video"]).digest()


def test_a_burst_from_one_address_is_refused_and_the_server_stays_well(config: UploadConfig) -> None:
    limited = UploadConfig(**{**vars(config), "limits": UploadLimits(requests_per_minute=100)})
    with served(limited) as url, httpx.Client(base_url=url) as flood:
        statuses = [flood.get("/v1/time").status_code for _ in range(400)]
        assert statuses[:100] == [200] * 100
        assert statuses.count(429) > 250
        answer = flood.get("/v1/time")
        assert int(answer.headers["retry-after"]) >= 1
        assert_problem(answer, 429, "too-many-requests")
        assert flood.get("/healthz").status_code == 200
        # Linux answers for all of 127.0.0.0/8: another peer address on the same machine.
        with httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address="127.0.0.2")) as other:
            assert other.get("/v1/time").status_code == 200


def test_a_forwarded_address_is_not_believed_from_a_local_peer(config: UploadConfig) -> None:
    limited = UploadConfig(**{**vars(config), "limits": UploadLimits(requests_per_minute=3)})
    with served(limited) as url, httpx.Client(base_url=url) as client:
        statuses = [
            client.get("/v1/time", headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
            for n in range(6)
        ]
    assert statuses == [200] * 3 + [429] * 3


def test_a_page_learns_the_servers_clock(http: httpx.Client) -> None:
    before_ms = time.time() * 1000
    server_ms = http.get("/v1/time").json()["serverMs"]
    assert before_ms - 1 <= server_ms <= time.time() * 1000 + 1
