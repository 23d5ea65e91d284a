"""The JSON-RPC client: the same for the embedded chain and for a cluster.

Only what payouts need, typed. Whatever decides about money asks at the commitment `finalized`, which no
fork takes back. Connections are kept open until `close`. Reads are tried again; a transaction may be, too,
because the same bytes take effect at most once.
"""

import base64
import http.client
import itertools
import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from resources.solana.errors import RpcRefusedError, RpcUnavailableError

FINAL = {"commitment": "finalized"}
STATUSES_AT_ONCE = 256
_PAGE = 1_000
_TRIES = 4
_BUSY_STATUSES = (429, 502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Blockhash:
    """A recent blockhash.

    Attributes:
        blockhash: Base58.
        last_valid_height: Height of the last block that takes a transaction with it.
        slot: Slot at which it was given; nothing signed with it can have landed before.
    """

    blockhash: str
    last_valid_height: int
    slot: int


@dataclass(frozen=True, kw_only=True)
class Head:
    """The newest finalized block."""

    slot: int
    height: int


@dataclass(frozen=True, kw_only=True)
class SignatureStatus:
    """What a node knows of a signature.

    Attributes:
        slot: Where it landed.
        error: The chain's error as JSON; None where it succeeded.
        finalized: No fork can take it back.
    """

    slot: int
    error: str | None
    finalized: bool


@dataclass(frozen=True, kw_only=True)
class Landed:
    """A finalized transaction.

    Attributes:
        slot: Where it landed.
        error: As in `SignatureStatus`.
        fee_lamports: What the payer paid for it.
        wire: Its bytes.
    """

    slot: int
    error: str | None
    fee_lamports: int
    wire: bytes


class SolanaRpc:
    """A client of one endpoint; safe to use from several threads.

    Args:
        url: Of the endpoint.
        timeout_s: For one answer.
        pause_s: Before the second try; each further pause is twice as long.
    """

    def __init__(self, url: str, *, timeout_s: float = 20.0, pause_s: float = 0.2) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self._secure = parts.scheme == "https"
        self._port = parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._ids = itertools.count(1)
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the open connections."""
        with self._lock:
            while self._idle:
                self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SolanaRpc({self._where})"

    @property
    def _where(self) -> str:
        return self.host if self._port is None else f"{self.host}:{self._port}"

    def genesis_hash(self) -> str:
        """Which chain this is."""
        return str(self.call("getGenesisHash"))

    def head(self) -> Head:
        """The newest finalized block."""
        answer = self.call("getEpochInfo", FINAL)
        return Head(slot=int(answer["absoluteSlot"]), height=int(answer["blockHeight"]))

    def first_slot(self) -> int:
        """The oldest slot that the node still knows; it cannot tell what landed before."""
        return int(self.call("getFirstAvailableBlock"))

    def latest_blockhash(self) -> Blockhash:
        """A blockhash to sign with."""
        answer = self.call("getLatestBlockhash", FINAL)
        value = answer["value"]
        return Blockhash(
            blockhash=str(value["blockhash"]),
            last_valid_height=int(value["lastValidBlockHeight"]),
            slot=int(answer["context"]["slot"]),
        )

    def balance(self, address: str) -> int:
        """Finalized lamports of an account; 0 where there is none."""
        return int(self.call("getBalance", address, FINAL)["value"])

    def token_balance(self, account: str) -> int:
        """Finalized base units of a token account.

        Raises:
            RpcRefusedError: Where there is no such account.
        """
        return int(self.call("getTokenAccountBalance", account, FINAL)["value"]["amount"])

    def rent_lamports(self, size_bytes: int) -> int:
        """What an account of this size must hold to exist."""
        return int(self.call("getMinimumBalanceForRentExemption", size_bytes))

    def send(self, wire: bytes) -> str:
        """Hand in a signed transaction; an answer says nothing of its landing.

        No preflight: what lands with an error is seen there, and what lands not at all expires.
        """
        options = {"encoding": "base64", "skipPreflight": True}
        return str(self.call("sendTransaction", base64.b64encode(wire).decode(), options))

    def statuses(self, signatures: Sequence[str]) -> tuple[int, list[SignatureStatus | None]]:
        """The node's slot, and for each signature what it knows of it, its history searched."""
        options = {"searchTransactionHistory": True}
        answer = self.call("getSignatureStatuses", list(signatures), options)
        values = answer["value"]
        if len(values) != len(signatures):
            raise self._unusable("getSignatureStatuses", f"{len(values)} of {len(signatures)} statuses")
        return int(answer["context"]["slot"]), [_status(value) for value in values]

    def transaction(self, signature: str) -> Landed | None:
        """A finalized transaction; None where the node knows none."""
        options = {"encoding": "base64", "maxSupportedTransactionVersion": 0, **FINAL}
        answer = self.call("getTransaction", signature, options)
        if answer is None:
            return None
        return Landed(
            slot=int(answer["slot"]),
            error=_error(answer["meta"]["err"]),
            fee_lamports=int(answer["meta"]["fee"]),
            wire=base64.b64decode(answer["transaction"][0]),
        )

    def signatures_of(self, address: str) -> Iterator[str]:
        """Finalized transactions that name an account and succeeded, newest first."""
        before: str | None = None
        while True:
            options = {"limit": _PAGE, **FINAL} | ({} if before is None else {"before": before})
            page = self.call("getSignaturesForAddress", address, options)
            yield from (str(item["signature"]) for item in page if item["err"] is None)
            if len(page) < _PAGE:
                return
            before = str(page[-1]["signature"])

    def airdrop(self, address: str, lamports: int) -> str:
        """Ask the faucet of a test chain; the signature of its transfer."""
        return str(self.call("requestAirdrop", address, lamports))

    def call(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call.

        Raises:
            RpcUnavailableError: After several tries without a usable answer.
            RpcRefusedError: For a JSON-RPC error.
        """
        number = next(self._ids)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)})
        answer = self._answer(method, body.encode())
        if "error" in answer:
            error = answer["error"]
            raise RpcRefusedError(method, int(error["code"]), str(error["message"]), error.get("data"))
        if answer.get("id") != number or "result" not in answer:
            raise self._unusable(method, "the answer belongs to no such call")
        return answer["result"]

    def _answer(self, method: str, body: bytes) -> dict[str, Any]:
        problem = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(self._pause_s * 2 ** (attempt - 1))
            try:
                status, content = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                problem = f"no answer ({type(error).__name__})"
                continue
            if status in _BUSY_STATUSES:
                problem = f"HTTP status {status}"
                continue
            try:
                answer = json.loads(content)
            except ValueError:
                raise self._unusable(method, f"HTTP status {status} without JSON") from None
            if isinstance(answer, dict):
                return answer
            raise self._unusable(method, f"HTTP status {status} with a {type(answer).__name__}")
        raise self._unusable(method, problem)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            connection.request("POST", self._target, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            status, content = answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        with self._lock:
            self._idle.append(connection)
        return status, content

    def _connection(self) -> http.client.HTTPConnection:
        """An idle connection, or a new one."""
        with self._lock:
            if self._idle:
                return self._idle.pop()
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self.host, self._port, timeout=self._timeout_s)

    def _unusable(self, method: str, problem: str) -> RpcUnavailableError:
        return RpcUnavailableError(method, self._where, problem)


def _status(value: dict[str, Any] | None) -> SignatureStatus | None:
    if value is None:
        return None
    # `confirmations: null` is how nodes said "finalized" before they had the word.
    finalized = value.get("confirmationStatus") == "finalized" or value.get("confirmations", 0) is None
    return SignatureStatus(slot=int(value["slot"]), error=_error(value["err"]), finalized=finalized)


def _error(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)
