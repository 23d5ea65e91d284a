"""Callbacks: what is owed is a row; a thread of the API delivers it, signed, until it arrives or is given up.

The header `X-Scalediff-Signature: t={epoch s},v1={hex}` holds an HMAC-SHA256 of `{t}.{body}`; a receiver
checks it with the key of `scalediff-generate callback-key` and refuses what is older than five minutes.
A dead host costs its own deliveries a time-out each and nobody else anything: deliveries run in threads,
at most two of one host at a time, and each is tried again after a doubling wait, for about three hours.
"""

import hashlib
import hmac
import http.client
import logging
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from gpu_services.generation.service.addresses import (
    CallbackRules,
    ForbiddenAddressError,
    Resolve,
    resolve_name,
)
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.metrics import Metrics
from gpu_services.generation.service.schema import callbacks as t

SIGNATURE = "X-Scalediff-Signature"
ATTEMPTS = 12
_FIRST_WAIT_MS, _LEASE_MS = 5_000, 60_000
_TIMEOUT_S = 5.0
_AT_ONCE, _PER_HOST = 8, 2
_HOST_BUSY_MS = 2_000
_log = logging.getLogger("scalediff.generation.callbacks")


def signature(key: bytes, body: bytes, at_s: int) -> str:
    """The signature header's value."""
    digest = hmac.new(key, f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"


def is_signed(key: bytes, body: bytes, header: str, *, now_s: int, tolerance_s: int = 300) -> bool:
    """What a receiver checks: the signature fits and is fresh."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    if not at.isdigit() or abs(now_s - int(at)) > tolerance_s:
        return False
    return hmac.compare_digest(signature(key, body, int(at)), header)


@dataclass(frozen=True, kw_only=True)
class Post:
    """Posts one body to a URL that the rules allow; no redirect is followed.

    Attributes:
        rules: Where it may go.
        resolve: Finds a name's addresses.
        timeout_s: For connecting, and for each silence.
    """

    rules: CallbackRules
    resolve: Resolve = resolve_name
    timeout_s: float = _TIMEOUT_S

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Send; the answer's status.

        Raises:
            ForbiddenAddressError: It may not go there.
            OSError: Nobody is there, or does not answer.
        """
        parts, address, port = self.rules.resolve(url, self.resolve)
        host = str(parts.hostname)
        connection = http.client.HTTPConnection(host, port, timeout=self.timeout_s)
        # The address that was looked at, not whatever the name has by now.
        found = socket.create_connection((address, port), timeout=self.timeout_s)
        if parts.scheme == "https":
            found = ssl.create_default_context().wrap_socket(found, server_hostname=host)
        connection.sock = found
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        try:
            connection.request("POST", path, body, {"Host": parts.netloc, **headers})
            return connection.getresponse().status
        except http.client.HTTPException as error:
            raise OSError(f"it answers no HTTP ({type(error).__name__})") from error
        finally:
            connection.close()


@dataclass(frozen=True, kw_only=True)
class Owed:
    """A callback that is due."""

    job_id: str
    url: str
    attempts: int


class Deliveries:
    """The rows of callbacks, and the thread that delivers them."""

    def __init__(
        self, database: Database, *, key: bytes, post: Callable[[str, bytes, dict[str, str]], int],
        body_of: Callable[[str], bytes | None], now_ms: Callable[[], int], metrics: Metrics,
        poll_s: float = 1.0,
    ) -> None:  # fmt: skip
        """Begin with `start`.

        Args:
            database: The rows.
            key: Signs.
            post: Sends.
            body_of: The document of a job; None where it is gone.
            now_ms: The clock.
            metrics: Counts.
            poll_s: Between two looks.
        """
        self._database, self._key, self._post, self._body_of = database, key, post, body_of
        self._now_ms, self._metrics, self._poll_s = now_ms, metrics, poll_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._pool = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="callback")
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Deliver from now on."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after what is under way."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def deliver_due(self) -> int:
        """Try what is due now and wait for it; returns how many were tried."""
        launched = self._launch_due()
        for future in launched:
            future.result()
        return len(launched)

    def _launch_due(self) -> "list[Future[None]]":
        return [future for owed in self._take() if (future := self._launch(owed)) is not None]

    def _launch(self, owed: Owed) -> "Future[None] | None":
        """Try a callback in a thread; later where its host has its share of threads."""
        host = urlsplit(owed.url).hostname or ""
        with self._lock:
            if self._busy[host] >= _PER_HOST:
                self._set(owed, {"due_ms": self._now_ms() + _HOST_BUSY_MS})
                return None
            self._busy[host] += 1

        def deliver() -> None:
            try:
                self._deliver(owed)
            finally:
                with self._lock:
                    self._busy[host] -= 1

        return self._pool.submit(deliver)

    def _take(self) -> list[Owed]:
        """Due callbacks, which nobody else takes for a minute."""
        now_ms = self._now_ms()
        due = sa.select(t.c.job_id).where(t.c.status == "due", t.c.due_ms <= now_ms)
        chosen = due.order_by(t.c.due_ms).limit(4 * _AT_ONCE).with_for_update(skip_locked=True)
        change = t.update().where(t.c.job_id.in_(chosen.scalar_subquery())).values(due_ms=now_ms + _LEASE_MS)
        with self._database.reading() as connection:
            if not connection.execute(due.limit(1)).first():
                return []
        with self._database.writing() as connection:
            rows = connection.execute(change.returning(t.c.job_id, t.c.url, t.c.attempts)).mappings()
            return [Owed(**row) for row in rows]

    def _deliver(self, owed: Owed) -> None:
        body = self._body_of(owed.job_id)
        if body is None:
            self._note(owed, "given up", "the job is gone")
            return
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "scalediff-generation",
            SIGNATURE: signature(self._key, body, self._now_ms() // 1000),
        }
        try:
            status = self._post(owed.url, body, headers)
        except ForbiddenAddressError as error:
            self._note(owed, "given up", str(error))
        except OSError as error:
            self._retry(owed, f"{type(error).__name__}: {error}")
        else:
            if 200 <= status < 300:
                self._note(owed, "delivered", None)
            elif status in (408, 425, 429) or status >= 500:
                self._retry(owed, f"it answered {status}")
            else:
                self._note(owed, "given up", f"it answered {status}")

    def _retry(self, owed: Owed, problem: str) -> None:
        if owed.attempts + 1 >= ATTEMPTS:
            self._note(owed, "given up", f"{ATTEMPTS} attempts, the last: {problem}")
            return
        wait_ms = _FIRST_WAIT_MS * 2**owed.attempts
        self._note(owed, "due", problem, due_ms=self._now_ms() + wait_ms)

    def _note(self, owed: Owed, status: str, problem: str | None, due_ms: int = 0) -> None:
        values: dict[str, object] = {
            "status": status,
            "attempts": owed.attempts + 1,
            "problem": problem,
            "due_ms": due_ms,
        }
        self._set(owed, values)
        self._metrics.callbacks.labels("retried" if status == "due" else status).inc()
        if status != "delivered":
            _log.warning("callback job=%s status=%s problem=%s", owed.job_id, status, problem)

    def _set(self, owed: Owed, values: dict[str, object]) -> None:
        with self._database.writing() as connection:
            connection.execute(t.update().where(t.c.job_id == owed.job_id).values(**values))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._launch_due()
            except sa.exc.OperationalError as error:
                _log.warning("table not reached error=%s", error.orig)
            self._stop.wait(self._poll_s)
