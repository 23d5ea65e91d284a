"""Entries: a day's earnings become the difference to what the ledger says already."""

from typing import Any

import polars as pl
import sqlalchemy as sa

from resources.catalog.statements import insert_missing
from resources.database import tables as t
from resources.ledger.records import LINES, DayChange, PricePolicyRecord

_NUMBERS = ("segments", "frames", "lamports")


def record_day(
    connection: sa.Connection,
    day: str,
    lines: pl.DataFrame,
    policy: PricePolicyRecord,
    quality_hash: str,
    now_ms: int,
) -> DayChange:
    """Add the entries that make the ledger say of a day what `lines` says; none where it does."""
    if connection.dialect.name == "postgresql":  # SQLite lets one writer in at a time anyway
        connection.execute(sa.text("LOCK TABLE payout_entries IN SHARE ROW EXCLUSIVE MODE"))
    changed = _difference(lines.select(LINES.names()).cast(LINES), _lines_of(connection, day))
    if not changed.height:
        return DayChange(entries=0, corrections=0, lamports=0)
    insert_missing(connection, t.payout_policies, [{**vars(policy), "first_used_ms": now_ms}])
    entries = _number(connection, day, changed).with_columns(
        day=pl.lit(day),
        policy_hash=pl.lit(policy.policy_hash),
        quality_hash=pl.lit(quality_hash),
        created_ms=pl.lit(now_ms),
    )
    written = changed.join(entries.select("wallet", "entry_id"), on="wallet").drop("wallet")
    connection.execute(sa.insert(t.payout_entries), entries.to_dicts())
    connection.execute(sa.insert(t.payout_lines), written.to_dicts())
    return DayChange(
        entries=entries.height,
        corrections=int((entries["revision"] > 1).sum()),
        lamports=int(entries["lamports"].sum()),
    )


def note_unpaid(connection: sa.Connection, day: str, unpaid: pl.DataFrame) -> None:
    """Make the day's unpaid sessions those of `unpaid`; nothing is written where they are already."""
    table = t.payout_unpaid
    names = ("session_id", "wallet", "rule")
    wanted = set(unpaid.select(names).unique(names[:2], keep="first", maintain_order=True).iter_rows())
    query = sa.select(*(table.c[name] for name in names)).where(table.c.day == day)
    if wanted == {tuple(row) for row in connection.execute(query)}:
        return
    connection.execute(sa.delete(table).where(table.c.day == day))
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True), day=day) for row in sorted(wanted)]
    if rows:
        connection.execute(sa.insert(table), rows)


def _lines_of(connection: sa.Connection, day: str) -> pl.DataFrame:
    """What the ledger says of a day now, per wallet and session."""
    e, line = t.payout_entries.c, t.payout_lines.c
    sums = [sa.cast(sa.func.sum(line[name]), sa.BigInteger).label(name) for name in _NUMBERS]
    query = (
        sa.select(e.wallet, line.session_id, *sums)
        .select_from(t.payout_entries.join(t.payout_lines, line.entry_id == e.entry_id))
        .where(e.day == day)
        .group_by(e.wallet, line.session_id)
    )
    rows = connection.execute(query).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=LINES, orient="row")


def _difference(wanted: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The lines to add, sorted; empty where both say the same."""
    joined = wanted.join(known, on=["wallet", "session_id"], how="full", coalesce=True, suffix="_known")
    deltas = [
        (pl.col(name).fill_null(0) - pl.col(f"{name}_known").fill_null(0)).alias(name) for name in _NUMBERS
    ]
    changed = joined.select("wallet", "session_id", *deltas)
    return changed.filter(pl.any_horizontal(pl.col(*_NUMBERS) != 0)).sort("wallet", "session_id")


def _number(connection: sa.Connection, day: str, changed: pl.DataFrame) -> pl.DataFrame:
    """An entry per wallet with the next free numbers and the wallet's next revision of the day."""
    e = t.payout_entries.c
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(e.entry_id), 0))).scalar_one()
    query = sa.select(e.wallet, sa.func.max(e.revision)).where(e.day == day).group_by(e.wallet)
    revisions = pl.DataFrame(
        [tuple(row) for row in connection.execute(query)],
        schema={"wallet": pl.String, "revision": pl.Int64},
        orient="row",
    )
    return (
        changed.group_by("wallet", maintain_order=True)
        .agg(pl.col(*_NUMBERS).sum())
        .join(revisions, on="wallet", how="left", maintain_order="left")
        .with_columns(pl.col("revision").fill_null(0) + 1)
        .with_row_index("entry_id", offset=last + 1)
        .with_columns(pl.col("entry_id").cast(pl.Int64))
    )
