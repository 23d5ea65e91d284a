"""Statements that SQLite and Postgres spell alike but SQLAlchemy's core does not have."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# SQLite's limit on bound parameters is 32,766 by default; the widest table has 18 columns.
_ROWS_PER_STATEMENT = 1_000


def insert_missing(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose primary key is not there yet."""
    for i in range(0, len(rows), _ROWS_PER_STATEMENT):
        statement = _insert(connection, table).values(list(rows[i : i + _ROWS_PER_STATEMENT]))
        connection.execute(statement.on_conflict_do_nothing())


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows, replacing those with the same primary key."""
    key = [column.name for column in table.primary_key]
    for i in range(0, len(rows), _ROWS_PER_STATEMENT):
        chunk = list(rows[i : i + _ROWS_PER_STATEMENT])
        statement = _insert(connection, table).values(chunk)
        changed = {name: statement.excluded[name] for name in chunk[0] if name not in key}
        connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
