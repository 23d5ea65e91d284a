"""One payer at a time: a lock file beside SQLite, an advisory lock in Postgres. Both die with their process.

The lock keeps two payers from waiting for each other's transactions; that nothing is paid twice does not
depend on it.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from resources.database import open_database
from resources.ledger.records import PayerBusyError

# Any fixed number: it names the lock among Postgres' advisory locks.
_ADVISORY_LOCK = 7_203_115
_PAUSE_S = 0.1


@contextmanager
def payer_lock(url: str, wait_s: float) -> Iterator[None]:
    """Hold the payer's lock.

    Raises:
        PayerBusyError: Where another process still has it after `wait_s`.
    """
    engine = open_database(url)
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.payer.lock").open("w") as lock:
            _wait(lambda: _lock_file(lock.fileno()), wait_s)
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        ask = sa.select(sa.func.pg_try_advisory_lock(_ADVISORY_LOCK))
        _wait(lambda: bool(connection.execute(ask).scalar_one()), wait_s)
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(_ADVISORY_LOCK)))


def _lock_file(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(acquire: Callable[[], bool], wait_s: float) -> None:
    deadline = time.monotonic() + wait_s
    while not acquire():
        if time.monotonic() >= deadline:
            raise PayerBusyError(wait_s)
        time.sleep(_PAUSE_S)
