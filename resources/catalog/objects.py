"""Recording objects: one row per (key, etag), and one row per session that any of them names.

Every column is a minimum, a maximum or a function of the key, so the rows depend on the set of
events alone and not on their order, repetition or batching.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from resources.catalog.statements import insert
from resources.database import tables as t
from resources.upload_queue.events import ObjectEvent
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import UnrecognisedKeyError, parse_object_key, trace_id

Row = dict[str, Any]


def record_objects(connection: sa.Connection, events: Iterable[ObjectEvent], now_ms: int) -> None:
    """Insert what is new; of one version that is reported twice the earliest report counts."""
    rows = [_object_row(event, now_ms) for event in events]
    # Sessions before objects, both in key order: whoever locks rows here locks them in this order.
    _upsert_sessions(connection, _session_rows(row for row in rows if row["session_id"] is not None))
    _upsert_objects(connection, _earliest(rows))


def storable(text: str) -> str:
    r"""The text as both databases can hold it: NUL and lone surrogates as `\x00` and `\ud800`."""
    return text.replace("\0", r"\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _object_row(event: ObjectEvent, now_ms: int) -> Row:
    row: Row = {
        "key": storable(event.key),
        "etag": event.etag,
        "logical_key": storable(event.logical_key),
        "size_bytes": event.size_bytes,
        "event_ms": event.event_ms,
        "hour": event.hour,
        "recorded_ms": now_ms,
    }
    try:
        key = parse_object_key(event.logical_key)
    except UnrecognisedKeyError as error:
        unknown = {"wallet": None, "session_id": None, "file": None, "upload_ms": None}
        detail = storable(str(error))
        state = {"state": "unrecognised", "reason": Reason.UNRECOGNISED_KEY.value, "detail": detail}
        return row | unknown | state
    known = {"wallet": key.wallet, "session_id": key.session_id, "file": key.file.value}
    return row | known | {"upload_ms": key.upload_ms, "state": "pending", "reason": None, "detail": None}


def _earliest(rows: Iterable[Row]) -> list[Row]:
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        kept = found.setdefault((row["key"], row["etag"]), row)
        if row["event_ms"] < kept["event_ms"]:
            found[row["key"], row["etag"]] = row
    return [found[key] for key in sorted(found)]


def _session_rows(rows: Iterable[Row]) -> list[Row]:
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (row["wallet"], row["session_id"])
        session = found.setdefault(
            key,
            {
                "wallet": row["wallet"],
                "session_id": row["session_id"],
                "trace_id": trace_id(*key),
                "status": "collecting",
                "revision": 0,
                "first_event_ms": row["event_ms"],
                "last_event_ms": row["event_ms"],
            },
        )
        session["first_event_ms"] = min(session["first_event_ms"], row["event_ms"])
        session["last_event_ms"] = max(session["last_event_ms"], row["event_ms"])
    return [found[key] for key in sorted(found)]


def _upsert_objects(connection: sa.Connection, rows: list[Row]) -> None:
    if not rows:
        return
    statement = insert(connection, t.objects)
    new = statement.excluded
    earlier = statement.on_conflict_do_update(
        index_elements=["key", "etag"],
        set_={"event_ms": new.event_ms, "hour": new.hour},
        where=new.event_ms < t.objects.c.event_ms,
    )
    connection.execute(earlier, rows)


def _upsert_sessions(connection: sa.Connection, rows: list[Row]) -> None:
    if not rows:
        return
    statement = insert(connection, t.sessions)
    new, old = statement.excluded, t.sessions.c
    first = sa.case((new.first_event_ms < old.first_event_ms, new.first_event_ms), else_=old.first_event_ms)
    last = sa.case((new.last_event_ms > old.last_event_ms, new.last_event_ms), else_=old.last_event_ms)
    wider = statement.on_conflict_do_update(
        index_elements=["wallet", "session_id"], set_={"first_event_ms": first, "last_event_ms": last}
    )
    connection.execute(wider, rows)
