"""An app on the embedded store with a clock to turn, and players with real keys."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.testclient import TestClient

from resources.database import open_database
from resources.object_store import DirectoryStore
from upload_api import base58
from upload_api.app import create_app
from upload_api.config import UploadConfig, UploadLimits

START_MS = 1_769_936_404_000.0
SECRET = b"a secret of the tests, 32 bytes!"
CONTENTS = {
    "video": b"webm" * 100,
    "inputs": b"[1]",
    "camera": b"[2, 2]",
    "latency": b"{}",
    "meta": b'{"meta": 1}',
}
SUFFIXES = {
    "video": ".webm",
    "inputs": "_inputs.json",
    "camera": "_camera.json",
    "latency": "_latency.json",
    "meta": "_meta.json",
    "source_video": "_source.webm",
}


@dataclass
class Clock:
    """Wall and monotonic time that stand still until they are turned."""

    now_ms: float = START_MS

    def turn_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += seconds * 1000


@dataclass
class Player:
    """A wallet with its key, talking to an app."""

    http: httpx.Client
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def wallet(self) -> str:
        """The wallet's address."""
        return base58.encode(self.key.public_key().public_bytes_raw())

    def challenge(self) -> dict[str, Any]:
        """A new challenge for this wallet."""
        answer = self.http.post("/v1/sign-in/challenges", json={"wallet": self.wallet})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def signed(self, challenge: dict[str, Any]) -> dict[str, str]:
        """The body of a sign-in with this wallet's signature."""
        signature = base58.encode(self.key.sign(challenge["message"].encode()))
        return {"wallet": self.wallet, "nonce": challenge["nonce"], "signature": signature}

    def sign_in(self) -> "Player":
        """Sign in, so that what follows carries the token."""
        answer = self.http.post("/v1/sign-in", json=self.signed(self.challenge()))
        assert answer.status_code == 200, answer.text
        self.headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        return self

    def session(self) -> str:
        """A new session id."""
        answer = self.http.post("/v1/sessions", headers=self.headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sessionId"])

    def declare(self, session_id: str, contents: dict[str, bytes]) -> httpx.Response:
        """Declare files by their content."""
        body = {"files": declaration(contents)}
        return self.http.put(f"/v1/sessions/{session_id}/files", json=body, headers=self.headers)

    def targets(self, session_id: str, contents: dict[str, bytes]) -> dict[str, Any]:
        """Declare files; the upload's URLs by label."""
        answer = self.declare(session_id, contents)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["files"])

    def put(self, target: dict[str, Any], content: bytes, **headers: str) -> httpx.Response:
        """Upload one file as its target says; no bearer token goes along."""
        return self.http.put(target["url"], content=content, headers={**target["headers"], **headers})

    def stored(self, session_id: str) -> dict[str, bool]:
        """What has arrived."""
        answer = self.http.get(f"/v1/sessions/{session_id}/files", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return {label: file["stored"] for label, file in answer.json()["files"].items()}


def declaration(contents: dict[str, bytes]) -> dict[str, Any]:
    """Size and hash by label."""
    return {
        label: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for label, content in contents.items()
    }


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """Check that an answer is this problem document; returns it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"urn:scalediff:problem:{slug}"), document
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


@dataclass
class Place:
    """An app, its store and its clock."""

    http: TestClient
    store: DirectoryStore
    clock: Clock
    config: UploadConfig

    def player(self) -> Player:
        """A new, signed-in player."""
        return Player(self.http).sign_in()

    def stored_keys(self) -> list[str]:
        """Everything in the store."""
        return [info.key for info in self.store.list()]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_place(tmp_path: Path, sqlite_template: Path, clock: Clock) -> Iterator[Callable[..., Place]]:
    """Makes the app on a new SQLite file; keywords go into its configuration."""
    url = f"sqlite:///{tmp_path / 'uploads.db'}"
    (tmp_path / "uploads.db").write_bytes(sqlite_template.read_bytes())

    def make(**changes: Any) -> Place:
        defaults = {
            "raw_url": str(tmp_path / "raw"),
            "database_url": url,
            "secret": SECRET,
            "now_ms": lambda: clock.now_ms,
            "monotonic_s": lambda: clock.now_ms / 1000,
            "limits": UploadLimits(),
        }
        config = UploadConfig(**{**defaults, **changes})
        http = TestClient(create_app(config), raise_server_exceptions=False)
        return Place(http=http, store=DirectoryStore(tmp_path / "raw"), clock=clock, config=config)

    yield make
    open_database(url).dispose()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place()
