"""Engines and write transactions, the same for SQLite and Postgres.

SQLite: write-ahead log, so that readers never wait; `BEGIN IMMEDIATE` for writers, because a
transaction that upgrades from reading to writing can fail at once however long the busy time-out.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

_BUSY_TIMEOUT_MS = 30_000


def open_database(url: str) -> sa.Engine:
    """The engine of this process for a database URL; opens no connection yet.

    `postgresql://` means psycopg2 here: SQLAlchemy 2.1 would look for psycopg 3.

    Raises:
        ValueError: For SQLite in memory, which no second connection could see.
    """
    # A forked child must not talk over its parent's connections, hence one engine per process id.
    return _engine(url, os.getpid())


@functools.cache
def _engine(url: str, _process_id: int) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed, pool_pre_ping=True, executemany_mode="values_plus_batch")
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError(f"{url}: a database in memory is lost between connections; name a file")
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(url: str) -> Iterator[sa.Connection]:
    """A write transaction: committed at the end, rolled back on an error."""
    engine = open_database(url)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:
    # The driver's own transaction handling would begin too late; `_begin_sqlite` begins instead.
    dbapi_connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
