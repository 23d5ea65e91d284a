"""The catalog's methods, by idea: objects, settling, bundles, outcomes, hours, fingerprints, positions.

Every method that writes is one transaction and can be called again with the same result.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from resources.catalog.bundles import read_bundles
from resources.catalog.objects import record_objects
from resources.catalog.outcomes import outcome_update
from resources.catalog.records import (
    Arrival,
    BundleRecord,
    Fingerprint,
    HourVersion,
    ObjectState,
    SessionOutcome,
    Settlement,
)
from resources.catalog.settling import apply_settlements, read_arrivals
from resources.catalog.statements import upsert
from resources.database import open_database, writing
from resources.database import tables as t
from resources.upload_queue.events import ObjectEvent


@dataclass(frozen=True)
class Catalog:
    """The catalog in the database at `url`; picklable, opens its connection at first use."""

    url: str

    # Objects

    def record_objects(self, events: Iterable[ObjectEvent], now_ms: int) -> None:
        """Record objects; repeated, reordered and re-delivered events change nothing."""
        with writing(self.url) as connection:
            record_objects(connection, events, now_ms)

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

    def objects_in_state(self, *states: ObjectState) -> pl.DataFrame:
        """The recorded objects in some states with their reasons, by key; all where none is named."""
        o = t.objects.c
        query = sa.select(t.objects).order_by(o.key, o.etag)
        return self._frame(query.where(o.state.in_(states)) if states else query)

    # Settling

    def arrivals(self) -> list[Arrival]:
        """Sessions with pending objects, by session id and wallet, and what their fate depends on."""
        with self._reading() as connection:
            return read_arrivals(connection)

    def settle(self, seen: Sequence[Arrival], settlements: Sequence[Settlement]) -> list[Settlement]:
        """Write settlements in one transaction; returns those that were written.

        Args:
            seen: Every arrival under the session ids that are settled. Where the catalog has
                news since then, nothing under that session id is written.
            settlements: What was decided from them.
        """
        with writing(self.url) as connection:
            return apply_settlements(connection, seen, settlements)

    # Bundles

    def bundles(self, hour: str) -> list[BundleRecord]:
        """The bundles that belong to an hour, by session id."""
        with self._reading() as connection:
            return read_bundles(connection, t.bundles.c.hour == hour)

    def bundles_of(self, session_id: str) -> list[BundleRecord]:
        """The bundles under a session id, by wallet and revision."""
        with self._reading() as connection:
            return read_bundles(connection, t.bundles.c.session_id == session_id)

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
            # In key order, as every writer of sessions: two writers never wait for each other.
            for outcome in sorted(outcomes, key=lambda item: (item.wallet, item.session_id)):
                connection.execute(outcome_update(outcome))

    # Hours

    def hour_versions(self) -> list[HourVersion]:
        """The hours whose bundles changed since their run was last requested."""
        h = t.hours.c
        query = sa.select(h.hour, h.version).where(h.version > h.requested_version).order_by(h.hour)
        with self._reading() as connection:
            return [HourVersion(hour=hour, version=version) for hour, version in connection.execute(query)]

    def mark_requested(self, hour: str, version: int) -> None:
        """Remember that a run of the hour was requested at a version; an older version changes nothing."""
        h = t.hours.c
        newer = sa.update(t.hours).where(h.hour == hour, h.requested_version < version)
        with writing(self.url) as connection:
            connection.execute(newer.values(requested_version=version))

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
