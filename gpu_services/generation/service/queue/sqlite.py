"""The embedded queue: one SQLite file, shared by the processes of one machine.

Written through the write-ahead log without a sync per commit (`synchronous=NORMAL`): a killed process
loses nothing, a power cut may lose the last moments, and those the jobs' table brings back.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gpu_services.generation.service.queue.interface import (
    BOOST_MS,
    LOOK_AHEAD,
    Claim,
    Depth,
    Entry,
    QueueUnavailableError,
)

_BUSY_TIMEOUT_S = 10.0
_CHUNK = 500  # SQLite takes so many parameters in any build
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
  job_id TEXT PRIMARY KEY, score INTEGER NOT NULL, batch_key TEXT NOT NULL, priority TEXT NOT NULL,
  due_ms INTEGER NOT NULL DEFAULT 0, fence INTEGER, lease_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON entries (score, job_id) WHERE fence IS NULL;
CREATE INDEX IF NOT EXISTS leased ON entries (lease_ms) WHERE fence IS NOT NULL;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""


class SqliteQueue:
    """A `JobQueue` in a file.

    Example:
        queue = SqliteQueue("queue.db")
        queue.push([Entry(job_id="gen-2026-1121-000001", score=0, batch_key="", priority="normal")])
    """

    def __init__(self, path: str, clock_ms: Callable[[], int] | None = None) -> None:
        self._path = Path(path)
        self._clock_ms = clock_ms or _wall_clock_ms
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def push(self, entries: Sequence[Entry]) -> int:
        """Add jobs; returns how many were new."""
        rows = [(each.job_id, each.score, each.batch_key, each.priority) for each in entries]
        with self._writing() as database:
            before = database.total_changes
            database.executemany(
                "INSERT OR IGNORE INTO entries (job_id, score, batch_key, priority) VALUES (?, ?, ?, ?)", rows
            )
            return database.total_changes - before

    def claim(self, limit: int, lease_ms: int) -> list[Claim]:
        """Lease the next job and its companions."""
        now_ms = self._clock_ms()
        with self._writing() as database:
            database.execute(
                "UPDATE entries SET fence = NULL, lease_ms = NULL WHERE fence IS NOT NULL AND lease_ms <= ?",
                (now_ms,),
            )
            if _state(database, "halted") is not None:
                return []
            found = database.execute(
                "SELECT job_id, batch_key FROM entries WHERE fence IS NULL AND due_ms <= ?"
                " ORDER BY score, job_id LIMIT ?",
                (now_ms, LOOK_AHEAD),
            ).fetchall()
            ids = [job_id for job_id, batch_key in found if batch_key == found[0][1]][:limit]
            fence = self._next_fence(database, len(ids), now_ms)
            claims = [Claim(job_id=job_id, fence=fence + place) for place, job_id in enumerate(ids)]
            database.executemany(
                "UPDATE entries SET fence = ?, lease_ms = ? WHERE job_id = ?",
                [(claim.fence, now_ms + lease_ms, claim.job_id) for claim in claims],
            )
            return claims

    def renew(self, claims: Sequence[Claim], lease_ms: int) -> list[Claim]:
        """Extend leases."""
        until_ms = self._clock_ms() + lease_ms
        with self._writing() as database:
            return [
                claim
                for claim in claims
                if database.execute(
                    "UPDATE entries SET lease_ms = ? WHERE job_id = ? AND fence = ?",
                    (until_ms, claim.job_id, claim.fence),
                ).rowcount
            ]

    def ack(self, claims: Sequence[Claim]) -> int:
        """Forget jobs that are done."""
        with self._writing() as database:
            return sum(
                database.execute(
                    "DELETE FROM entries WHERE job_id = ? AND fence = ?", (claim.job_id, claim.fence)
                ).rowcount
                for claim in claims
            )

    def requeue(self, claims: Sequence[Claim], delay_ms: int) -> int:
        """Give jobs back."""
        due_ms = self._clock_ms() + delay_ms
        with self._writing() as database:
            return sum(
                database.execute(
                    "UPDATE entries SET fence = NULL, lease_ms = NULL, due_ms = ?"
                    " WHERE job_id = ? AND fence = ?",
                    (due_ms, claim.job_id, claim.fence),
                ).rowcount
                for claim in claims
            )

    def remove(self, job_id: str) -> bool:
        """Take a waiting job out."""
        with self._writing() as database:
            return bool(
                database.execute("DELETE FROM entries WHERE job_id = ? AND fence IS NULL", (job_id,)).rowcount
            )

    def rank(self, job_id: str) -> int | None:
        """How many waiting jobs are before it."""
        with self._reading() as database:
            row = database.execute(
                "SELECT score FROM entries WHERE job_id = ? AND fence IS NULL", (job_id,)
            ).fetchone()
            if row is None:
                return None
            before = database.execute(
                "SELECT count(*) FROM entries WHERE fence IS NULL AND (score, job_id) < (?, ?)",
                (row[0], job_id),
            ).fetchone()
            return int(before[0])

    def missing(self, job_ids: Sequence[str]) -> list[str]:
        """Those that the queue does not know."""
        known: set[str] = set()
        with self._reading() as database:
            for start in range(0, len(job_ids), _CHUNK):
                part = list(job_ids[start : start + _CHUNK])
                marks = ",".join("?" * len(part))
                rows = database.execute(f"SELECT job_id FROM entries WHERE job_id IN ({marks})", part)  # noqa: S608 -- marks
                known.update(row[0] for row in rows)
        return [job_id for job_id in job_ids if job_id not in known]

    def depth(self) -> Depth:
        """How full it is."""
        with self._reading() as database:
            counts = dict(
                database.execute(
                    "SELECT priority, count(*) FROM entries WHERE fence IS NULL GROUP BY priority"
                )
            )
            leased, delayed = database.execute(
                "SELECT count(*) FILTER (WHERE fence IS NOT NULL),"
                " count(*) FILTER (WHERE fence IS NULL AND due_ms > ?) FROM entries",
                (self._clock_ms(),),
            ).fetchone()
        return Depth(waiting={name: counts.get(name, 0) for name in BOOST_MS}, leased=leased, delayed=delayed)

    def halt(self, reason: str) -> None:
        """Let nobody claim until `resume`."""
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO state VALUES ('halted', ?)", (reason,))

    def resume(self) -> None:
        """End a halt."""
        with self._writing() as database:
            database.execute("DELETE FROM state WHERE name = 'halted'")

    def halted(self) -> str | None:
        """Why it is halted."""
        with self._reading() as database:
            found = _state(database, "halted")
        return None if found is None else str(found)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _next_fence(self, database: sqlite3.Connection, count: int, now_ms: int) -> int:
        """The first of `count` new tokens: microseconds of the clock, and more than any before."""
        first = max(int(_state(database, "fence") or 0) + 1, now_ms * 1000)
        database.execute("INSERT OR REPLACE INTO state VALUES ('fence', ?)", (first + count,))
        return first

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            # Writers queue up at BEGIN; one that upgrades from reading could fail at once.
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._open()
            except sqlite3.OperationalError as error:
                raise QueueUnavailableError(self._path.name, str(error)) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_SCHEMA)
        return self._connection


def _state(database: sqlite3.Connection, name: str) -> str | int | None:
    row = database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
