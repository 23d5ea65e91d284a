"""Bring a database's schema up to date; safe under concurrent callers, quick when nothing is to do.

The newest revision is read from the file names in `migrations/versions`, so that a process that
finds its database at head never imports Alembic (a test holds that the names tell the truth).
"""

import fcntl
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from resources.database.engine import open_database

MIGRATIONS = Path(__file__).parent / "migrations"
# Any fixed number: it names the lock among Postgres' advisory locks.
_ADVISORY_LOCK = 7_203_114


@functools.cache
def migrate(url: str) -> None:
    """Upgrade to the newest revision; once per process and URL."""
    engine = open_database(url)
    # Looking needs the lock too: SQLite refuses a second connection, without waiting, while the first
    # turns a new file to its write-ahead log.
    with _exclusive(engine):
        if current_revision(engine) != head_revision():
            _upgrade(engine)


def _upgrade(engine: sa.Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # `%` starts an interpolation in Alembic's configuration.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def head_revision() -> str:
    """The newest revision that this code has: `0001` of `0001_catalog.py`."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def current_revision(engine: sa.Engine) -> str | None:
    """The revision that a database is at; None where it was never migrated."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
        return revision


@contextmanager
def _exclusive(engine: sa.Engine) -> Iterator[None]:
    """One migrating process at a time: a lock file beside SQLite, an advisory lock in Postgres."""
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(_ADVISORY_LOCK)))
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_ADVISORY_LOCK)))
