"""The catalog's methods, by idea: objects, settling, bundles, outcomes, hours, fingerprints, positions.

Every method that writes is one transaction and can be called again with the same result.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from resources.catalog.records import (
    STAGES,
    BundleObject,
    BundleRecord,
    Fingerprint,
    HourVersion,
    ObjectRecord,
    SessionOutcome,
    SessionRecord,
    Settlement,
)
from resources.catalog.statements import insert_missing, upsert
from resources.database import open_database, writing
from resources.database import tables as t
from resources.upload_queue.events import ObjectEvent
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile, UnrecognisedKeyError, parse_object_key, trace_id

_NUMBERS = (
    "schema_version",
    "align_method",
    "alignment_grade",
    "start_uncertainty_ms",
    "frames",
    "segments",
    "segments_passed",
)


@dataclass(frozen=True)
class Catalog:
    """The catalog in the database at `url`; picklable, opens its connection at first use."""

    url: str

    # Objects

    def record_objects(self, events: Iterable[ObjectEvent], now_ms: int) -> None:
        """Record objects; repeated, reordered and re-delivered events change nothing."""
        rows = [_object_row(event, now_ms) for event in events]
        sessions = _session_rows([row for row in rows if row["session_id"] is not None])
        with writing(self.url) as connection:
            insert_missing(connection, t.objects, rows)
            insert_missing(connection, t.sessions, sessions)
            later = (
                sa.update(t.sessions)
                .where(t.sessions.c.wallet == sa.bindparam("w"), t.sessions.c.session_id == sa.bindparam("s"))
                .where(t.sessions.c.last_event_ms < sa.bindparam("ms"))
                .values(last_event_ms=sa.bindparam("ms"))
            )
            if sessions:
                connection.execute(
                    later,
                    [{"w": r["wallet"], "s": r["session_id"], "ms": r["last_event_ms"]} for r in sessions],
                )

    def known_objects(self, hour: str) -> set[tuple[str, str]]:
        """(key, etag) of the objects recorded for an hour."""
        query = sa.select(t.objects.c.key, t.objects.c.etag).where(t.objects.c.hour == hour)
        with self._reading() as connection:
            return {(key, etag) for key, etag in connection.execute(query)}

    def object_states(self) -> dict[str, int]:
        """How many objects are in each state."""
        query = sa.select(t.objects.c.state, sa.func.count()).group_by(t.objects.c.state)
        with self._reading() as connection:
            return {state: count for state, count in connection.execute(query)}

    def objects_of(self, wallet: str, session_id: str) -> list[ObjectRecord]:
        """All recorded object versions of a session."""
        o = t.objects.c
        query = (
            sa.select(o.key, o.etag, o.file, o.size_bytes, o.event_ms, o.hour, o.upload_ms, o.state)
            .where(o.wallet == wallet, o.session_id == session_id)
            .order_by(o.key, o.etag)
        )
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [ObjectRecord(**{**row, "file": BundleFile(row["file"])}) for row in rows]

    # Settling

    def unsettled(self) -> list[SessionRecord]:
        """Sessions with pending objects, and those still waiting for files, oldest first."""
        s, o = t.sessions.c, t.objects.c
        pending = (
            sa.exists()
            .where(o.wallet == s.wallet, o.session_id == s.session_id, o.state == "pending")
        )  # fmt: skip
        query = (
            sa.select(s.wallet, s.session_id, s.status, s.reason, s.revision, s.last_event_ms)
            .where(pending)
            .order_by(s.last_event_ms, s.wallet, s.session_id)
        )
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [SessionRecord(**{**row, "reason": _reason(row["reason"])}) for row in rows]

    def settle(self, settlement: Settlement) -> None:
        """Write one session's settlement."""
        where = (
            t.sessions.c.wallet == settlement.wallet,
            t.sessions.c.session_id == settlement.session_id,
        )
        values: dict[str, Any] = {}
        if settlement.status is not None:
            values |= {"status": settlement.status, "reason": _text(settlement.reason)}
            values |= {"detail": settlement.detail}
        if settlement.bundle is not None:
            values |= {"revision": settlement.bundle.revision, "hour": settlement.bundle.hour}
            values |= {"stage": None, **dict.fromkeys(_NUMBERS)}
        with writing(self.url) as connection:
            for (key, etag), (state, reason, detail) in settlement.object_states.items():
                connection.execute(
                    sa.update(t.objects)
                    .where(t.objects.c.key == key, t.objects.c.etag == etag)
                    .values(state=state, reason=_text(reason), detail=detail)
                )
            if settlement.bundle is not None:
                _freeze(connection, settlement.bundle)
            if values:
                connection.execute(sa.update(t.sessions).where(*where).values(**values))

    # Bundles

    def bundles(self, hour: str) -> list[BundleRecord]:
        """The bundles that belong to an hour, by session id."""
        return self._bundles(t.bundles.c.hour == hour)

    def bundles_of(self, session_id: str) -> list[BundleRecord]:
        """The bundles under a session id, of any wallet, oldest revision first."""
        return self._bundles(t.bundles.c.session_id == session_id)

    def _bundles(self, condition: sa.ColumnElement[bool]) -> list[BundleRecord]:
        b, o = t.bundles.c, t.bundle_objects.c
        key = (b.wallet, b.session_id, b.revision)
        heads = sa.select(*key, b.hour, b.completed_ms, b.reason, b.detail).where(condition)
        files = (
            sa.select(o.wallet, o.session_id, o.revision, o.file, o.key, o.etag, o.size_bytes, o.upload_ms)
            .join(
                t.bundles,
                sa.and_(b.wallet == o.wallet, b.session_id == o.session_id, b.revision == o.revision),
            )
            .where(condition)
        )
        with self._reading() as connection:
            rows = connection.execute(heads.order_by(b.session_id, b.wallet, b.revision)).mappings().all()
            found = connection.execute(files).all()
        objects: dict[tuple[str, str, int], dict[BundleFile, BundleObject]] = {}
        for wallet, session_id, revision, file, object_key, etag, size_bytes, upload_ms in found:
            objects.setdefault((wallet, session_id, revision), {})[BundleFile(file)] = BundleObject(
                key=object_key, etag=etag, size_bytes=size_bytes, upload_ms=upload_ms
            )
        return [
            BundleRecord(
                **{**row, "reason": _reason(row["reason"])},
                objects=objects[row["wallet"], row["session_id"], row["revision"]],
            )
            for row in rows
        ]

    # Sessions and what stages say of them

    def sessions(self) -> pl.DataFrame:
        """Every session, by session id."""
        return self._frame(sa.select(t.sessions).order_by(t.sessions.c.session_id, t.sessions.c.wallet))

    def quarantined(self, hour: str) -> pl.DataFrame:
        """The quarantined sessions whose last object arrived in an hour."""
        s, o = t.sessions.c, t.objects.c
        last_hour = (
            sa.select(sa.func.max(o.hour))
            .where(o.wallet == s.wallet, o.session_id == s.session_id)
            .scalar_subquery()
        )
        return self._frame(
            sa.select(t.sessions).where(s.status == "quarantined", last_hour == hour).order_by(s.session_id)
        )

    def record_outcomes(self, outcomes: Sequence[SessionOutcome]) -> None:
        """Write what a stage found.

        A refusal always counts. That an earlier stage found a session fine again does not undo
        what a later stage said; a session of another revision is not touched.
        """
        with writing(self.url) as connection:
            for outcome in outcomes:
                connection.execute(_outcome_update(outcome))

    # Hours

    def hour_versions(self) -> list[HourVersion]:
        """The hours whose bundles changed since their run was last requested."""
        h = t.hours.c
        query = sa.select(h.hour, h.version).where(h.version > h.requested_version).order_by(h.hour)
        with self._reading() as connection:
            return [HourVersion(hour=hour, version=version) for hour, version in connection.execute(query)]

    def is_requested(self, hour: str) -> bool:
        """Whether a run of the hour was ever requested: then it is closed to late bundles."""
        query = sa.select(t.hours.c.requested_version).where(t.hours.c.hour == hour)
        with self._reading() as connection:
            return bool(connection.execute(query).scalar())

    def mark_requested(self, hour: str, version: int) -> None:
        """Remember that a run of the hour was requested at a version."""
        with writing(self.url) as connection:
            connection.execute(
                sa.update(t.hours).where(t.hours.c.hour == hour).values(requested_version=version)
            )

    # Fingerprints and positions

    def save_fingerprints(self, hour: str, session_ids: Sequence[str], found: Sequence[Fingerprint]) -> None:
        """Replace the fingerprints of sessions."""
        rows = [
            {
                "segment_id": f.segment_id,
                "session_id": f.session_id,
                "hour": hour,
                "completed_ms": f.completed_ms,
                "hashes": f.hashes,
            }
            for f in found
        ]
        with writing(self.url) as connection:
            connection.execute(sa.delete(t.fingerprints).where(t.fingerprints.c.session_id.in_(session_ids)))
            upsert(connection, t.fingerprints, rows)

    def fingerprints(self, first_hour: str, last_hour: str) -> list[Fingerprint]:
        """Fingerprints of the hours `first_hour` to `last_hour`, both included."""
        f = t.fingerprints.c
        query = (
            sa.select(f.segment_id, f.session_id, f.completed_ms, f.hashes)
            .where(f.hour >= first_hour, f.hour <= last_hour)
            .order_by(f.segment_id)
        )
        with self._reading() as connection:
            return [Fingerprint(**row) for row in connection.execute(query).mappings()]

    def load(self, name: str) -> str | None:
        """A feed's position."""
        query = sa.select(t.positions.c.value).where(t.positions.c.name == name)
        with self._reading() as connection:
            value: str | None = connection.execute(query).scalar()
            return value

    def save(self, name: str, value: str) -> None:
        """Keep a feed's position."""
        with writing(self.url) as connection:
            upsert(connection, t.positions, [{"name": name, "value": value}])

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with open_database(self.url).connect() as connection:
            yield connection

    def _frame(self, query: "sa.Select[Any]") -> pl.DataFrame:
        with self._reading() as connection:
            rows = connection.execute(query).mappings().all()
        types = {column.name: _POLARS[type(column.type)] for column in query.selected_columns}
        return pl.DataFrame([dict(row) for row in rows], schema=types, orient="row")


_POLARS: dict[type, type[pl.DataType]] = {
    sa.String: pl.String,
    sa.Integer: pl.Int64,
    sa.BigInteger: pl.Int64,
    sa.Float: pl.Float64,
}


def _object_row(event: ObjectEvent, now_ms: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "key": event.key,
        "etag": event.etag,
        "logical_key": event.logical_key,
        "size_bytes": event.size_bytes,
        "event_ms": event.event_ms,
        "hour": event.hour,
        "recorded_ms": now_ms,
    }
    try:
        key = parse_object_key(event.logical_key)
    except UnrecognisedKeyError as error:
        unknown = {"wallet": None, "session_id": None, "file": None, "upload_ms": None}
        state = {"state": "unrecognised", "reason": Reason.UNRECOGNISED_KEY.value, "detail": str(error)}
        return row | unknown | state
    known = {"wallet": key.wallet, "session_id": key.session_id, "file": key.file.value}
    return row | known | {"upload_ms": key.upload_ms, "state": "pending", "reason": None, "detail": None}


def _session_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
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
    return list(found.values())


def _freeze(connection: sa.Connection, bundle: BundleRecord) -> None:
    key = {"wallet": bundle.wallet, "session_id": bundle.session_id, "revision": bundle.revision}
    head = {
        "hour": bundle.hour,
        "completed_ms": bundle.completed_ms,
        "reason": _text(bundle.reason),
        "detail": bundle.detail,
    }
    insert_missing(connection, t.bundles, [key | head])
    insert_missing(
        connection,
        t.bundle_objects,
        [
            key
            | {"file": file.value, "key": o.key, "etag": o.etag}
            | {"size_bytes": o.size_bytes, "upload_ms": o.upload_ms}
            for file, o in bundle.objects.items()
        ],
    )
    insert_missing(connection, t.hours, [{"hour": bundle.hour, "version": 0, "requested_version": 0}])
    connection.execute(
        sa.update(t.hours).where(t.hours.c.hour == bundle.hour).values(version=t.hours.c.version + 1)
    )


def _outcome_update(outcome: SessionOutcome) -> sa.Update:
    s = t.sessions.c
    numbers = {name: value for name in _NUMBERS if (value := getattr(outcome, name)) is not None}
    verdict = {
        "status": outcome.status,
        "reason": _text(outcome.reason),
        "detail": outcome.detail,
        "stage": outcome.stage,
    }
    update = sa.update(t.sessions).where(
        s.wallet == outcome.wallet, s.session_id == outcome.session_id, s.revision == outcome.revision
    )
    if outcome.status != "collecting":
        return update.values(**verdict, **numbers)
    later = list(STAGES[STAGES.index(outcome.stage) + 1 :])
    keeps = sa.and_(s.stage.in_(later), s.stage.is_not(None))
    kept = {name: sa.case((keeps, s[name]), else_=value) for name, value in verdict.items()}
    return update.values(**kept, **numbers)


def _text(reason: Reason | None) -> str | None:
    return None if reason is None else reason.value


def _reason(text: str | None) -> Reason | None:
    return None if text is None else Reason(text)
