"""What the ledger tells: balances of wallets, a day's table, a player's earnings, what to reconcile."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import sqlalchemy as sa

from resources.database import tables as t
from resources.ledger.records import Earning, Payment, PaymentState, SettledBatch

_STATES: dict[str | None, PaymentState] = {None: "owed", "open": "sent", "paid": "paid", "blocked": "blocked"}
DAY: dict[str, pl.DataType | type[pl.DataType]] = {
    "wallet": pl.String,
    "segments": pl.Int64,
    "frames": pl.Int64,
    "lamports": pl.Int64,
    "paid_lamports": pl.Int64,
    "corrections": pl.Int64,
    "signatures": pl.List(pl.String),
}
BALANCES = pl.Schema(
    {
        "wallet": pl.String,
        "earned_lamports": pl.Int64,
        "paid_lamports": pl.Int64,
        "sent_lamports": pl.Int64,
        "blocked_lamports": pl.Int64,
        "owed_lamports": pl.Int64,
    }
)


def _settlement() -> Any:
    """Entries with the batch that settles them and the attempt that may have paid it."""
    e, p, b, a = (
        each.c for each in (t.payout_entries, t.payout_payments, t.payout_batches, t.payout_attempts)
    )
    takes_effect = sa.and_(a.batch_id == p.batch_id, a.state.in_(("live", "paid")))
    return (
        t.payout_entries.outerjoin(t.payout_payments, p.payment_id == e.payment_id)
        .outerjoin(t.payout_batches, b.batch_id == p.batch_id)
        .outerjoin(t.payout_attempts, takes_effect)
    )


def day_wallets(connection: sa.Connection, day: str) -> pl.DataFrame:
    """What each wallet earned on a day, and the transactions that paid it."""
    e, b, a = t.payout_entries.c, t.payout_batches.c, t.payout_attempts.c
    columns = [e.wallet, e.revision, e.segments, e.frames, e.lamports, b.state, a.signature]
    query = sa.select(*columns).select_from(_settlement()).where(e.day == day)
    schema = {
        "wallet": pl.String, "revision": pl.Int64, "segments": pl.Int64, "frames": pl.Int64,
        "lamports": pl.Int64, "state": pl.String, "signature": pl.String,
    }  # fmt: skip
    rows = pl.DataFrame(
        [tuple(row) for row in connection.execute(query.order_by(e.wallet, e.entry_id))],
        schema=schema,
        orient="row",
    )
    is_paid = pl.col("state") == "paid"
    found = rows.group_by("wallet", maintain_order=True).agg(
        pl.col("segments", "frames", "lamports").sum(),
        pl.col("lamports").filter(is_paid).sum().alias("paid_lamports"),
        (pl.col("revision") > 1).sum().alias("corrections"),
        pl.col("signature").filter(is_paid).unique(maintain_order=True).alias("signatures"),
    )
    return found.select(pl.col(name).cast(dtype) for name, dtype in DAY.items())


def balances(connection: sa.Connection) -> pl.DataFrame:
    """Every wallet with what it earned and where that is, by wallet."""
    e, b = t.payout_entries.c, t.payout_batches.c

    def total(*states: str | None) -> Any:
        matches = b.state.is_(None) if states == (None,) else b.state.in_(states)
        return sa.cast(
            sa.func.coalesce(sa.func.sum(sa.case((matches, e.lamports), else_=0)), 0), sa.BigInteger
        )

    p = t.payout_payments.c
    source = t.payout_entries.outerjoin(t.payout_payments, p.payment_id == e.payment_id).outerjoin(
        t.payout_batches, b.batch_id == p.batch_id
    )
    earned = sa.cast(sa.func.sum(e.lamports), sa.BigInteger)
    query = (
        sa.select(e.wallet, earned, total("paid"), total("open"), total("blocked"), total(None))
        .select_from(source)
        .group_by(e.wallet)
        .order_by(e.wallet)
    )
    rows = [tuple(row) for row in connection.execute(query)]
    return pl.DataFrame(rows, schema=BALANCES, orient="row")


def wallet_sums(connection: sa.Connection, wallet: str) -> tuple[int, int]:
    """What a wallet earned and was paid."""
    e, p, b = t.payout_entries.c, t.payout_payments.c, t.payout_batches.c
    paid = sa.func.sum(sa.case((b.state == "paid", e.lamports), else_=0))
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(e.lamports), 0), sa.func.coalesce(paid, 0))
        .select_from(
            t.payout_entries.outerjoin(t.payout_payments, p.payment_id == e.payment_id).outerjoin(
                t.payout_batches, b.batch_id == p.batch_id
            )
        )
        .where(e.wallet == wallet)
    )
    earned, on_chain = connection.execute(query).one()
    return int(earned), int(on_chain)


def earnings_of(connection: sa.Connection, wallet: str, limit: int) -> list[Earning]:
    """A wallet's newest entries, newest first."""
    e, b, a = t.payout_entries.c, t.payout_batches.c, t.payout_attempts.c
    query = (
        sa.select(e.entry_id, e.day, e.segments, e.lamports, e.revision, b.state, a.signature)
        .select_from(_settlement())
        .where(e.wallet == wallet)
        .order_by(e.entry_id.desc())
        .limit(limit)
    )
    return [
        Earning(
            entry_id=row["entry_id"],
            day=row["day"],
            segments=row["segments"],
            lamports=row["lamports"],
            is_correction=row["revision"] > 1,
            state=_STATES[row["state"]],
            signature=row["signature"],
        )
        for row in connection.execute(query).mappings()
    ]


def session_lamports(connection: sa.Connection, wallet: str, session_ids: Sequence[str]) -> dict[str, int]:
    """What each of a wallet's sessions earned, corrections included; absent where it was never priced."""
    e, line = t.payout_entries.c, t.payout_lines.c
    query = (
        sa.select(line.session_id, sa.cast(sa.func.sum(line.lamports), sa.BigInteger))
        .select_from(t.payout_lines.join(t.payout_entries, e.entry_id == line.entry_id))
        .where(e.wallet == wallet, line.session_id.in_(session_ids))
        .group_by(line.session_id)
    )
    return {session_id: int(lamports) for session_id, lamports in connection.execute(query)}


def unpaid_rules(connection: sa.Connection, wallet: str, session_ids: Sequence[str]) -> dict[str, str]:
    """Which of a wallet's sessions earned nothing though they were accepted, and by which rule."""
    u = t.payout_unpaid.c
    query = sa.select(u.session_id, u.rule).where(u.wallet == wallet, u.session_id.in_(session_ids))
    return {session_id: rule for session_id, rule in connection.execute(query.order_by(u.day))}


def settled_batches(connection: sa.Connection, day: str | None) -> list[SettledBatch]:
    """Every attempt with its batch's payments, by batch; for one day, those that settle its entries."""
    e, p, b, a = (
        each.c for each in (t.payout_entries, t.payout_payments, t.payout_batches, t.payout_attempts)
    )
    query = sa.select(a.signature, a.batch_id, a.payer, a.state, b.memo, b.mint).join(
        t.payout_batches, b.batch_id == a.batch_id
    )
    if day is not None:
        of_day = sa.select(p.batch_id).join(t.payout_entries, e.payment_id == p.payment_id)
        query = query.where(a.batch_id.in_(of_day.where(e.day == day)))
    payments: dict[int, list[Payment]] = {}
    for row in connection.execute(sa.select(t.payout_payments).order_by(p.payment_id)).mappings():
        payment = Payment(payment_id=row["payment_id"], wallet=row["wallet"], lamports=row["lamports"])
        payments.setdefault(row["batch_id"], []).append(payment)
    rows = connection.execute(query.order_by(a.batch_id, a.signed_ms, a.signature)).mappings()
    return [SettledBatch(**row, payments=tuple(payments.get(row["batch_id"], []))) for row in rows]


def broken_payments(connection: sa.Connection) -> list[tuple[int, int, int]]:
    """Payments whose amount is not the sum of the entries that they settle: (payment, amount, sum)."""
    e, p = t.payout_entries.c, t.payout_payments.c
    total = sa.cast(sa.func.coalesce(sa.func.sum(e.lamports), 0), sa.BigInteger)
    query = (
        sa.select(p.payment_id, p.lamports, total)
        .select_from(t.payout_payments.outerjoin(t.payout_entries, e.payment_id == p.payment_id))
        .group_by(p.payment_id, p.lamports)
        .having(total != p.lamports)
        .order_by(p.payment_id)
    )
    return [(int(number), int(amount), int(found)) for number, amount, found in connection.execute(query)]
