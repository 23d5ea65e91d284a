"""The audit log in the platform's database: append, read, verify; nothing else.

SQLite when embedded, Postgres by the database setting. A trigger refuses updates and deletions, and
the chain of hashes tells of those who got around it. Appending is idempotent by event id, so that a
service's outbox may be read again after a crash.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from resources.database import open_database, writing
from resources.database.tables import audit_log as t
from scalediff_contract.audit import GENESIS, AuditEntry, AuditEvent, canonical, verify_chain

_PAGE = 1_000
# Any fixed number: it names the lock among Postgres' advisory locks.
_ADVISORY_LOCK = 7_203_115


@dataclass(frozen=True)
class AuditLog:
    """The audit log in the database at `url`; picklable, opens its connection at first use."""

    url: str

    def append(self, events: Iterable[AuditEvent]) -> list[AuditEntry]:
        """Append events in one transaction; those that the log has already are left out.

        Returns:
            The entries that were written.

        Raises:
            ValueError: For an event whose detail is no JSON or too long; nothing is written then.
        """
        wanted = {event.event_id: event for event in events}
        if not wanted:
            return []
        with writing(self.url) as connection:
            if connection.dialect.name == "postgresql":
                # One writer at a time: the next entry needs the hash of the last.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            known = _known(connection, list(wanted))
            seq, previous = _head(connection)
            written = []
            for event in (event for event_id, event in wanted.items() if event_id not in known):
                entry = AuditEntry.after(event, seq + 1, previous)
                written.append(entry)
                seq, previous = entry.seq, entry.digest
            if written:
                connection.execute(t.insert(), [_row(entry) for entry in written])
        return written

    def head(self) -> tuple[int, str]:
        """Number and hash of the newest entry; (0, 64 zeros) where there is none."""
        with open_database(self.url).connect() as connection:
            return _head(connection)

    def entries(self, *, subject: str | None = None) -> Iterator[AuditEntry]:
        """All entries in order, or those about one job, clip or model."""
        after = 0
        while True:
            query = sa.select(t).where(t.c.seq > after).order_by(t.c.seq).limit(_PAGE)
            if subject is not None:
                query = query.where(t.c.subject == subject)
            with open_database(self.url).connect() as connection:
                rows = connection.execute(query).mappings().all()
            yield from (_entry(row) for row in rows)
            if len(rows) < _PAGE:
                return
            after = rows[-1]["seq"]

    def verify(self, *, head: str | None = None) -> int:
        """Check the whole chain; see `verify_chain`."""
        return verify_chain(self.entries(), head=head)


def _head(connection: sa.Connection) -> tuple[int, str]:
    query = sa.select(t.c.seq, t.c.digest).order_by(t.c.seq.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (row.seq, row.digest) if row else (0, GENESIS)


def _known(connection: sa.Connection, event_ids: list[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(event_ids), _PAGE):
        part = event_ids[start : start + _PAGE]
        found |= set(connection.scalars(sa.select(t.c.event_id).where(t.c.event_id.in_(part))))
    return found


def _row(entry: AuditEntry) -> dict[str, object]:
    fields = entry.event.model_dump() | {"detail": canonical(entry.event.detail)}
    return {"seq": entry.seq, "previous": entry.previous, "digest": entry.digest, **fields}


def _entry(row: sa.RowMapping) -> AuditEntry:
    # Not validated: an edited row must reach the verification and be named there.
    names = ("event_id", "at_ms", "actor", "action", "subject")
    event = AuditEvent.model_construct(**{name: row[name] for name in names}, detail=_detail(row["detail"]))
    return AuditEntry.model_construct(
        seq=row["seq"], event=event, previous=row["previous"], digest=row["digest"]
    )


def _detail(text: str) -> dict[str, object]:
    try:
        detail = json.loads(text)
    except json.JSONDecodeError:
        return {"not_json": text}
    return detail if isinstance(detail, dict) else {"not_an_object": text}
