"""Callbacks: signed, tried again, given up; and never sent where they may not go."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gpu_services.generation.service.access import key_for
from gpu_services.generation.service.addresses import CallbackRules, ForbiddenAddressError
from gpu_services.generation.service.callbacks import (
    ATTEMPTS,
    SIGNATURE,
    Deliveries,
    Post,
    is_signed,
    signature,
)
from gpu_services.generation.service.schema import callbacks as table
from gpu_services.generation.service.service import make_deliveries
from gpu_services.generation.service.worker import Worker
from tests.gpu_services.generation_service.conftest import SECRET, Api, Clock

URL = "https://hooks.example.org/done?from=us"
KEY = key_for(SECRET, "callbacks")


class Receiver:
    """A real HTTP server that notes what it gets and answers what it was told to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


Deliver = Callable[..., tuple[Api, Deliveries]]


@pytest.fixture
def deliver(make_api: Callable[..., Api], clock: Clock) -> Iterator[Deliver]:
    """Makes an app whose callbacks go by a given post, and its deliveries."""
    opened: list[Deliveries] = []

    def make(post: Any = None, **changes: Any) -> tuple[Api, Deliveries]:
        api = make_api(now_ms=clock, **changes)
        deliveries = make_deliveries(api.http.app.state.service, post)  # type: ignore[attr-defined]
        opened.append(deliveries)
        return api, deliveries

    yield make
    for deliveries in opened:
        deliveries.stop()


def finish(api: Api, make_test_worker: Callable[..., Worker], url: str = URL) -> str:
    job_id = str(api.order(callback_url=url)["job_id"])
    make_test_worker(config=api.config).run(until_empty=True)
    return job_id


def row(api: Api, job_id: str) -> Any:
    database = api.http.app.state.service.database  # type: ignore[attr-defined]
    with database.reading() as connection:
        return connection.execute(sa.select(table).where(table.c.job_id == job_id)).mappings().one()


def test_a_finished_job_is_told_signed_to_a_real_receiver(
    receiver: Receiver, deliver: Deliver, make_test_worker: Callable[..., Worker], clock: Clock
) -> None:
    api, deliveries = deliver(callback_networks=("127.0.0.0/8",), callback_hosts=("localhost",))
    job_id = finish(api, make_test_worker, f"http://localhost:{receiver.port}/done?from=us")
    assert deliveries.deliver_due() == 1
    ((path, headers, body),) = receiver.got
    assert path == "/done?from=us"
    document = json.loads(body)
    assert (document["job_id"], document["status"]) == (job_id, "completed")
    assert is_signed(KEY, body, headers[SIGNATURE], now_s=clock() // 1000)
    assert not is_signed(KEY, body + b" ", headers[SIGNATURE], now_s=clock() // 1000)
    assert not is_signed(KEY, body, headers[SIGNATURE], now_s=clock() // 1000 + 301)
    assert not is_signed(key_for(SECRET, "media"), body, headers[SIGNATURE], now_s=clock() // 1000)
    assert row(api, job_id)["status"] == "delivered"
    assert deliveries.deliver_due() == 0


@pytest.mark.parametrize(
    ("answers", "status", "tried"),
    [
        ([503, 429, 204], "delivered", 3),
        ([404], "given up", 1),
        ([302], "given up", 1),  # redirects are not followed
        ([500] * ATTEMPTS, "given up", ATTEMPTS),
    ],
)
def test_what_a_receiver_answers_decides(
    answers: list[int], status: str, tried: int, receiver: Receiver, deliver: Deliver, clock: Clock
) -> None:
    receiver.answers = list(answers)
    api, deliveries = deliver(callback_networks=("127.0.0.0/8",), callback_hosts=("localhost",))
    job_id = str(api.order(callback_url=f"http://localhost:{receiver.port}/")["job_id"])
    api.post(f"jobs/{job_id}/cancel", None)
    for _ in range(ATTEMPTS + 2):
        deliveries.deliver_due()
        clock.turn_s(86_400)
    assert (row(api, job_id)["status"], row(api, job_id)["attempts"]) == (status, tried)
    assert len(receiver.got) == tried


def test_waits_between_attempts_double(deliver: Deliver, clock: Clock) -> None:
    def dead(_url: str, _body: bytes, _headers: dict[str, str]) -> int:
        raise ConnectionRefusedError("nobody there")

    api, deliveries = deliver(dead)
    job_id = str(api.order(callback_url=URL)["job_id"])
    api.post(f"jobs/{job_id}/cancel", None)
    waits = []
    for _ in range(4):
        assert deliveries.deliver_due() == 1
        waits.append((row(api, job_id)["due_ms"] - clock()) / 1000)
        assert deliveries.deliver_due() == 0
        clock.turn_s(waits[-1])
    assert waits == [5, 10, 20, 40]
    assert "nobody there" in row(api, job_id)["problem"]


def test_a_dead_host_holds_up_nobody_else(deliver: Deliver) -> None:
    release, told = threading.Event(), []

    def post(url: str, _body: bytes, _headers: dict[str, str]) -> int:
        if "dead" in url:
            release.wait(30)
            raise TimeoutError("no answer")
        told.append(url)
        return 204

    api, deliveries = deliver(post, callback_hosts=("*.example.org",))
    for host in (*["dead"] * 20, "alive"):
        job = api.order(callback_url=f"https://{host}.example.org/")
        api.post(f"jobs/{job['job_id']}/cancel", None)
    deliveries.start()
    try:
        for _ in range(1_000):
            if told:
                break
            time.sleep(0.01)
        assert told == ["https://alive.example.org/"]
    finally:
        release.set()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
     "::1", "fe80::1%eth0", "fd00::1", "::ffff:169.254.169.254", "2002:7f00:1::"],
)  # fmt: skip
def test_a_name_that_points_inside_is_never_connected_to(address: str, deliver: Deliver) -> None:
    connected: list[object] = []

    class NoNetwork(Post):
        """Fails the test where it would connect."""

    rules = CallbackRules(hosts=("hooks.example.org",))
    post = NoNetwork(rules=rules, resolve=lambda _host, _port: ["93.184.216.34", address])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", lambda *args, **_: connected.append(args))
        with pytest.raises(ForbiddenAddressError, match="is not a public address"):
            post(URL, b"{}", {})
    assert connected == []


def test_the_connection_goes_to_the_address_that_was_looked_at(receiver: Receiver) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])  # a name that changes after the look
    rules = CallbackRules(hosts=("rebind.example.org",), networks=("127.0.0.0/8",))
    post = Post(rules=rules, resolve=lambda _host, _port: next(answers))
    assert post(f"http://rebind.example.org:{receiver.port}/x", b"{}", {}) == 204
    assert receiver.got[0][1]["Host"] == f"rebind.example.org:{receiver.port}"


def test_a_forbidden_target_is_given_up_with_its_reason(deliver: Deliver) -> None:
    rules = CallbackRules(hosts=("hooks.example.org",))
    api, deliveries = deliver(Post(rules=rules, resolve=lambda _host, _port: ["10.0.0.7"]))
    job_id = str(api.order(callback_url=URL)["job_id"])
    api.post(f"jobs/{job_id}/cancel", None)
    deliveries.deliver_due()
    found = row(api, job_id)
    assert found["status"] == "given up"
    assert "10.0.0.7 is not a public address" in found["problem"]


@given(st.text(max_size=80))
def test_no_text_gets_past_the_rules_without_an_allowed_host(text: str) -> None:
    for url in (text, f"https://{text}", f"https://{text}@hooks.example.org/"):
        try:
            parts = CallbackRules(hosts=("hooks.example.org",)).check(url)
        except ForbiddenAddressError:
            continue
        assert (parts.scheme, (parts.hostname or "").rstrip(".")) == ("https", "hooks.example.org")
        assert parts.username is None


@given(st.binary(max_size=200), st.integers(0, 2**40))
def test_a_signature_fits_its_body_and_no_other(body: bytes, at_s: int) -> None:
    header = signature(KEY, body, at_s)
    assert is_signed(KEY, body, header, now_s=at_s)
    assert not is_signed(KEY, body + b"x", header, now_s=at_s)
    assert not is_signed(KEY, body, header.replace("v1=", "v2="), now_s=at_s)
