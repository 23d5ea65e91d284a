"""The upload API's rows: used nonces, issued sessions, declared files. Nothing else knows the tables.

SQLite lets one writer in at a time and has the others poll, up to 0.1 s apart; a lock in this process
queues them instead, which keeps the 99th percentile low.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from resources.database import open_database, writing
from resources.database import tables as t
from scalediff_contract.sessions import BundleFile
from scalediff_contract.uploads import MAX_LISTED_SESSIONS, DeclaredFile

HOUR_MS = 3_600_000
CLAIM_MS = 300_000
_WRITING = threading.Lock()


class QuotaError(Exception):
    """A wallet or an address had all its sessions of the hour.

    Attributes:
        whose: `wallet` or `address`.
        limit: Sessions per hour.
        retry_after_s: Seconds until the oldest of them no longer counts.
    """

    def __init__(self, whose: str, limit: int, retry_after_s: float) -> None:
        self.whose = whose
        self.limit = limit
        self.retry_after_s = retry_after_s
        super().__init__(f"this {whose} had its {limit} sessions of the hour")


@dataclass(frozen=True, kw_only=True)
class UploadSession:
    """A session that was issued."""

    session_id: str
    wallet: str
    address: str
    issued_ms: int
    expires_ms: int


@dataclass(frozen=True, kw_only=True)
class FileRecord:
    """A declared file.

    Attributes:
        file: Which.
        size_bytes: Its declared size.
        sha256: Its declared hash.
        store_key: Where the embedded store puts or has put it; None before its upload.
    """

    file: BundleFile
    size_bytes: int
    sha256: str
    store_key: str | None


@dataclass(frozen=True, kw_only=True)
class SessionState:
    """An issued session and what the catalog knows of it; `status` is None where it knows nothing."""

    session_id: str
    issued_ms: int
    status: str | None
    reason: str | None
    segments: int | None
    segments_passed: int | None
    alignment_grade: str | None


@dataclass(frozen=True)
class Records:
    """The rows in the database at `url`."""

    url: str

    def use_nonce(self, digest: str, *, expires_ms: int, now_ms: int) -> bool:
        """Mark a nonce as used; False where it was before. Forgets those that have expired."""
        n = t.upload_nonces
        try:
            with self._writing() as connection:
                connection.execute(sa.delete(n).where(n.c.expires_ms < now_ms))
                connection.execute(sa.insert(n).values(digest=digest, expires_ms=expires_ms))
        except sa.exc.IntegrityError:
            return False
        return True

    def issue(self, session: UploadSession, *, per_wallet: int, per_address: int) -> None:
        """Store a new session.

        On Postgres, requests at the same moment may pass the quota by their number.

        Raises:
            QuotaError: The wallet or the address had its sessions of the hour.
        """
        s = t.upload_sessions
        with self._writing() as connection:
            for whose, column, value, limit in (
                ("wallet", s.c.wallet, session.wallet, per_wallet),
                ("address", s.c.address, session.address, per_address),
            ):
                _check_quota(connection, whose, column == value, limit, session.issued_ms)
            connection.execute(sa.insert(s).values(**vars(session)))

    def session(self, wallet: str, session_id: str) -> UploadSession | None:
        """A wallet's session; None for another wallet's as for one that never was."""
        s = t.upload_sessions
        query = sa.select(s).where(s.c.session_id == session_id, s.c.wallet == wallet)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else UploadSession(**row)

    def files(self, session_id: str) -> dict[BundleFile, FileRecord]:
        """The declared files of a session, in the bundle's order; empty before the declaration."""
        f = t.upload_files.c
        query = sa.select(f.file, f.size_bytes, f.sha256, f.store_key).where(f.session_id == session_id)
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        by_label = {row["file"]: row for row in rows}
        return {
            file: FileRecord(**{**by_label[file.label], "file": file})
            for file in BundleFile
            if file.label in by_label
        }

    def declare(self, session_id: str, files: Mapping[BundleFile, DeclaredFile]) -> None:
        """Declare a session's files, unless that was done before: the first declaration holds."""
        rows = [
            {
                "session_id": session_id,
                "file": file.label,
                "size_bytes": declared.size_bytes,
                "sha256": declared.sha256,
            }
            for file, declared in files.items()
        ]
        declared_before = sa.select(sa.exists().where(t.upload_files.c.session_id == session_id))
        with contextlib.suppress(sa.exc.IntegrityError), self._writing() as connection:
            if not connection.execute(declared_before).scalar_one():
                connection.execute(sa.insert(t.upload_files), rows)

    def claim(self, session_id: str, file: BundleFile, store_key: str, *, now_ms: int) -> str:
        """Where the embedded store is to put a file: the key of the first of concurrent claims.

        A claim holds for five minutes, far longer than a put; after that its writer is dead.
        """
        f = t.upload_files.c
        mine = sa.and_(f.session_id == session_id, f.file == file.label)
        free = sa.or_(f.store_key.is_(None), f.claimed_ms < now_ms - CLAIM_MS)
        with self._writing() as connection:
            connection.execute(
                sa.update(t.upload_files).where(mine, free).values(store_key=store_key, claimed_ms=now_ms)
            )
            return str(connection.execute(sa.select(f.store_key).where(mine)).scalar_one())

    def states(self, wallet: str) -> Sequence[SessionState]:
        """The newest sessions of a wallet with what the catalog knows, newest first."""
        u, c = t.upload_sessions.c, t.sessions.c
        known = sa.and_(c.wallet == u.wallet, c.session_id == u.session_id)
        query = (
            sa.select(
                u.session_id, u.issued_ms,
                c.status, c.reason, c.segments, c.segments_passed, c.alignment_grade,
            )
            .select_from(t.upload_sessions.outerjoin(t.sessions, known))
            .where(u.wallet == wallet)
            .order_by(u.issued_ms.desc(), u.session_id.desc())
            .limit(MAX_LISTED_SESSIONS)
        )  # fmt: skip
        with self._reading() as connection:
            return [SessionState(**row) for row in connection.execute(query).mappings()]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        sqlite = open_database(self.url).dialect.name == "sqlite"
        with _WRITING if sqlite else contextlib.nullcontext(), writing(self.url) as connection:
            yield connection

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with open_database(self.url).connect() as connection:
            yield connection


def _check_quota(
    connection: sa.Connection, whose: str, mine: sa.ColumnElement[bool], limit: int, now_ms: int
) -> None:
    issued_ms: Any = t.upload_sessions.c.issued_ms
    query = sa.select(sa.func.count(), sa.func.min(issued_ms)).where(mine, issued_ms > now_ms - HOUR_MS)
    count, oldest_ms = connection.execute(query).one()
    if count >= limit:
        wait_ms = HOUR_MS if oldest_ms is None else oldest_ms + HOUR_MS - now_ms
        raise QuotaError(whose, limit, wait_ms / 1000)
