"""The service's database: SQLite when embedded, Postgres in production; engines and write transactions.

The same rules as the catalog's: write-ahead log, `BEGIN IMMEDIATE` for writers, a sync for every commit.
"""

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gpu_services.generation.service.schema import metadata

_BUSY_TIMEOUT_S = 30.0


class Database:
    """A database with the service's tables.

    Example:
        with Database("sqlite:///jobs.db").writing() as connection: ...
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def create(self) -> None:
        """Make what tables are missing."""
        metadata.create_all(self.engine, checkfirst=True)

    @property
    def engine(self) -> sa.Engine:
        """This process's engine: a forked child must not talk over its parent's connections."""
        return _engine(self.url, os.getpid())

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A write transaction: committed at the end, rolled back on an error."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with."""
        with self.engine.connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Close this process's connections."""
        self.engine.dispose()


@functools.cache
def _engine(url: str, _process_id: int) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(parsed, pool_pre_ping=True, pool_size=8, max_overflow=8)
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError(f"{url}: a database in memory is lost between connections; name a file")
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT_S})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(dbapi_connection: Any, _record: object) -> None:
    # The driver's own transaction handling would begin too late; `_begin` begins instead.
    dbapi_connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
