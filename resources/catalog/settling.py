"""Reading what waits to be settled, and writing settlements if nothing changed since it was read."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from resources.catalog.bundles import freeze, read_bundles
from resources.catalog.outcomes import NUMBERS
from resources.catalog.records import Arrival, BundleRecord, ObjectRecord, SessionRecord, Settlement
from resources.database import tables as t
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile


def read_arrivals(connection: sa.Connection, session_ids: Sequence[str] | None = None) -> list[Arrival]:
    """Sessions with pending objects, by session id and wallet; all of them or those under some ids."""
    s, o, b = t.sessions.c, t.objects.c, t.bundles.c
    pending = sa.exists().where(
        o.wallet == s.wallet, o.session_id == s.session_id, o.state == "pending"
    )  # fmt: skip
    which = pending if session_ids is None else sa.and_(pending, s.session_id.in_(session_ids))
    sessions = _sessions(connection, which)
    if not sessions:
        return []
    objects = _objects(connection, which)
    ids = sa.select(s.session_id).where(which) if session_ids is None else session_ids
    bundles: dict[str, list[BundleRecord]] = {}
    for bundle in read_bundles(connection, b.session_id.in_(ids)):
        bundles.setdefault(bundle.session_id, []).append(bundle)
    hours = {item.hour for found in objects.values() for item in found}
    requested = _requested(connection, hours)
    return [
        _arrival(
            session,
            objects[session.wallet, session.session_id],
            bundles.get(session.session_id, []),
            requested,
        )
        for session in sessions
    ]


def apply_settlements(
    connection: sa.Connection, seen: Sequence[Arrival], settlements: Sequence[Settlement]
) -> list[Settlement]:
    """Write the settlements of sessions of which `seen` is still true; returns those.

    Args:
        connection: A write transaction.
        seen: Every arrival under the session ids that are settled, as `read_arrivals` gave them.
        settlements: What was decided from them.
    """
    ids = sorted({item.session.session_id for item in seen})
    _lock(connection, ids)
    current = _by_session_id(read_arrivals(connection, ids))
    unchanged = {key for key, found in _by_session_id(seen).items() if current.get(key) == found}
    fresh = [item for item in settlements if item.session_id in unchanged]
    _write_object_states(connection, fresh)
    freeze(connection, [item.bundle for item in fresh if item.bundle is not None])
    for item in fresh:
        values = _session_values(item)
        if values:
            s = t.sessions.c
            where = (s.wallet == item.wallet, s.session_id == item.session_id)
            connection.execute(sa.update(t.sessions).where(*where).values(**values))
    return fresh


def _lock(connection: sa.Connection, session_ids: list[str]) -> None:
    """Hold the session rows until the transaction ends; SQLite's writers are alone anyway."""
    s = t.sessions.c
    rows = sa.select(s.wallet).where(s.session_id.in_(session_ids)).order_by(s.wallet, s.session_id)
    connection.execute(rows.with_for_update()).all()


def _sessions(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[SessionRecord]:
    s = t.sessions.c
    query = (
        sa.select(s.wallet, s.session_id, s.status, s.reason, s.revision, s.last_event_ms)
        .where(which)
        .order_by(s.session_id, s.wallet)
    )
    return [
        SessionRecord(**{**row, "reason": None if row["reason"] is None else Reason(row["reason"])})
        for row in connection.execute(query).mappings()
    ]


def _objects(
    connection: sa.Connection, which: sa.ColumnElement[bool]
) -> dict[tuple[str, str], list[ObjectRecord]]:
    # The condition looks at `objects` itself, so the rows that are read have another name.
    named, s = t.objects.alias("named"), t.sessions.c
    o = named.c
    columns = (o.key, o.etag, o.file, o.size_bytes, o.event_ms, o.hour, o.upload_ms, o.state)
    query = (
        sa.select(o.wallet, o.session_id, *columns)
        .join_from(t.sessions, named, sa.and_(o.wallet == s.wallet, o.session_id == s.session_id))
        .where(which)
        .order_by(o.key, o.etag)
    )
    found: dict[tuple[str, str], list[ObjectRecord]] = {}
    for row in connection.execute(query).mappings():
        values = {column.name: row[column.name] for column in columns}
        record = ObjectRecord(**{**values, "file": BundleFile(row["file"])})
        found.setdefault((row["wallet"], row["session_id"]), []).append(record)
    return found


def _requested(connection: sa.Connection, hours: set[str]) -> frozenset[str]:
    h = t.hours.c
    query = sa.select(h.hour).where(h.requested_version > 0, h.hour >= min(hours), h.hour <= max(hours))
    return frozenset(connection.execute(query).scalars())


def _arrival(
    session: SessionRecord,
    objects: list[ObjectRecord],
    bundles: list[BundleRecord],
    requested: frozenset[str],
) -> Arrival:
    own = [bundle for bundle in bundles if bundle.wallet == session.wallet]
    # A bundle that was itself refused for its id holds no claim to it.
    others = [bundle.wallet for bundle in bundles if bundle not in own and bundle.reason is None]
    return Arrival(
        session=session,
        objects=tuple(objects),
        bundle=own[-1] if own else None,
        taken_by=others[0] if others else None,
        requested_hours=requested & {item.hour for item in objects},
    )


def _by_session_id(arrivals: Sequence[Arrival]) -> dict[str, list[Arrival]]:
    found: dict[str, list[Arrival]] = {}
    for item in arrivals:
        found.setdefault(item.session.session_id, []).append(item)
    return {key: sorted(items, key=lambda item: item.session.wallet) for key, items in found.items()}


def _write_object_states(connection: sa.Connection, settlements: Sequence[Settlement]) -> None:
    rows = [
        {"k": key, "e": etag, "s": state, "r": None if reason is None else reason.value, "d": detail}
        for item in settlements
        for (key, etag), (state, reason, detail) in item.object_states.items()
    ]
    if rows:
        o = t.objects.c
        update = (
            sa.update(t.objects)
            .where(o.key == sa.bindparam("k"), o.etag == sa.bindparam("e"))
            .values(state=sa.bindparam("s"), reason=sa.bindparam("r"), detail=sa.bindparam("d"))
        )
        connection.execute(update, rows)


def _session_values(settlement: Settlement) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if settlement.status is not None:
        reason = None if settlement.reason is None else settlement.reason.value
        values |= {"status": settlement.status, "reason": reason, "detail": settlement.detail}
    if settlement.bundle is not None:
        values |= {"revision": settlement.bundle.revision, "hour": settlement.bundle.hour}
        values |= {"stage": None, **dict.fromkeys(NUMBERS)}
    return values
