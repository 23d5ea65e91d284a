"""Simulated players at the upload API: they sign in, get their session ids and upload, as the game does.

Each has a wallet of its own, an Ed25519 key made from its name: a throw-away key that owns nothing.
What the API issued is kept in the home, so that the same demo again offers the same sessions, and
what is stored already is not sent again.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import httpx
from solders.keypair import Keypair

from scalediff_contract.sessions import BundleFile
from scalediff_contract.uploads import Challenge, IssuedSession, SignedIn, UploadTargets

ISSUED = "simulated_sessions.json"
_TRIES = 8
_TIMEOUT_S = 60.0


class UploadError(Exception):
    """The upload API refused what a simulated player did; the message is its problem document's."""


def keypair_of(name: str) -> Keypair:
    """The wallet of a simulated player."""
    return Keypair.from_seed(hashlib.sha256(f"simulated player {name}".encode()).digest())


def wallet_of(name: str) -> str:
    """Its address."""
    return str(keypair_of(name).pubkey())


class SimulatedPlayers:
    """The simulated players of one home, at one upload API."""

    def __init__(self, base_url: str, home: Path) -> None:
        """Connect to an API.

        Args:
            base_url: Where it listens.
            home: Folder in which the issued session ids are kept.
        """
        self._http = httpx.Client(base_url=base_url, timeout=_TIMEOUT_S)
        self._tokens: dict[str, str] = {}
        self._kept = home / ISSUED
        self._issued: dict[str, str] = json.loads(self._kept.read_text()) if self._kept.exists() else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def session_ids(self, wanted: Iterable[tuple[str, str]]) -> dict[str, str]:
        """A session id for each drive: drive -> id.

        Args:
            wanted: (drive's name, player's name).

        Raises:
            UploadError: Where the API refuses.
        """
        found = {}
        for drive, player in wanted:
            if drive not in self._issued:
                answer = self._call("POST", "/v1/sessions", player)
                self._issued[drive] = IssuedSession.model_validate_json(answer.content).session_id
            found[drive] = self._issued[drive]
        self._kept.write_text(json.dumps(self._issued, indent=1, sort_keys=True))
        return found

    def upload(self, player: str, session_id: str, files: dict[BundleFile, bytes]) -> None:
        """Declare a bundle's files and send those that are not there, the meta last.

        Raises:
            UploadError: Where the API refuses.
        """
        declared = {
            file.label: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for file, content in files.items()
        }
        path = f"/v1/sessions/{session_id}/files"
        answer = self._call("PUT", path, player, json={"files": declared})
        targets = UploadTargets.model_validate_json(answer.content).files
        for file in sorted(files, key=lambda file: file is BundleFile.META):
            target = targets[file.label]  # type: ignore[index]
            if not target.stored:
                self._send(target.method, target.url, headers=target.headers, content=files[file])

    def _call(self, method: str, path: str, player: str, **more: Any) -> httpx.Response:
        if player not in self._tokens:
            self._tokens[player] = self._sign_in(keypair_of(player))
        headers = {"Authorization": f"Bearer {self._tokens[player]}"}
        return self._send(method, path, headers=headers, **more)

    def _sign_in(self, key: Keypair) -> str:
        wallet = str(key.pubkey())
        answer = self._send("POST", "/v1/sign-in/challenges", json={"wallet": wallet})
        challenge = Challenge.model_validate_json(answer.content)
        signature = str(key.sign_message(challenge.message.encode()))
        body = {"wallet": wallet, "nonce": challenge.nonce, "signature": signature}
        return SignedIn.model_validate_json(self._send("POST", "/v1/sign-in", json=body).content).token

    def _send(self, method: str, url: str, **more: Any) -> httpx.Response:
        """A request; where the API asks for patience, it gets it."""
        for _ in range(_TRIES):
            answer = self._http.request(method, url, **more)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
        if answer.is_error:
            problem = answer.json().get("detail", answer.text[:200])
            raise UploadError(f"the upload API refused {method} {httpx.URL(url).path}: {problem}")
        return answer
