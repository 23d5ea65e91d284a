"""Payments and batches: what is owed becomes what one transaction pays, and attempts settle it."""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from resources.database import tables as t
from resources.ledger.records import (
    Attempt,
    AttemptConflictError,
    OpenBatch,
    OtherChainError,
    Payment,
    Resolution,
)

_DIGEST_CHARS = 16


@dataclass(frozen=True, kw_only=True)
class DueEntry:
    """An entry that no payment settles yet."""

    entry_id: int
    wallet: str
    day: str
    lamports: int
    policy_hash: str


def check_chain(connection: sa.Connection, chain: str) -> None:
    """Refuse a chain that earlier payments are not on."""
    other = sa.select(t.payout_batches.c.chain).where(t.payout_batches.c.chain != chain).limit(1)
    recorded = connection.execute(other).scalar()
    if recorded is not None:
        raise OtherChainError(recorded, chain)


def make_batches(
    connection: sa.Connection,
    *,
    chain: str,
    mint: str | None,
    minimum_lamports: int,
    per_batch: int,
    now_ms: int,
) -> int:
    """Settle every wallet that is owed enough by a payment in a batch; the number of payments."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE payout_entries IN SHARE ROW EXCLUSIVE MODE"))
    check_chain(connection, chain)
    owed = [group for group in _due(connection) if sum(e.lamports for e in group) >= minimum_lamports]
    next_payment = _last(connection, t.payout_payments.c.payment_id) + 1
    next_batch = _last(connection, t.payout_batches.c.batch_id) + 1
    batches, payments, settled = [], [], []
    for number in range(0, len(owed), per_batch):
        batch_id = next_batch + number // per_batch
        groups = dict(enumerate(owed[number : number + per_batch], start=next_payment + number))
        batches.append(_batch_row(batch_id, chain, mint, memo_of(groups), now_ms))
        for payment_id, entries in groups.items():
            lamports = sum(entry.lamports for entry in entries)
            payments.append(
                {
                    "payment_id": payment_id,
                    "batch_id": batch_id,
                    "wallet": entries[0].wallet,
                    "lamports": lamports,
                }
            )
            settled += [{"entry": entry.entry_id, "payment": payment_id} for entry in entries]
    if payments:
        connection.execute(sa.insert(t.payout_batches), batches)
        connection.execute(sa.insert(t.payout_payments), payments)
        _settle(connection, settled)
    return len(payments)


def memo_of(groups: Mapping[int, Sequence[DueEntry]]) -> str:
    """The memo of consecutive payments: their numbers, and a digest of the entries that they settle."""
    digest = hashlib.sha256()
    for payment_id, entries in groups.items():
        for entry in entries:
            line = f"{payment_id} {entry.entry_id} {entry.day} {entry.wallet} {entry.lamports} "
            digest.update(f"{line}{entry.policy_hash}\n".encode())
    first, last = min(groups), max(groups)
    numbers = str(first) if first == last else f"{first}-{last}"
    return f"scalediff {numbers} {digest.hexdigest()[:_DIGEST_CHARS]}"


def open_batches(connection: sa.Connection) -> list[OpenBatch]:
    """Every batch that is not settled, by number, with the attempt whose fate is open."""
    b, p, a = t.payout_batches.c, t.payout_payments.c, t.payout_attempts.c
    is_open = sa.select(b.batch_id).where(b.state == "open")
    payments: dict[int, list[Payment]] = {}
    for row in connection.execute(
        sa.select(t.payout_payments).where(p.batch_id.in_(is_open)).order_by(p.payment_id)
    ).mappings():
        payment = Payment(payment_id=row["payment_id"], wallet=row["wallet"], lamports=row["lamports"])
        payments.setdefault(row["batch_id"], []).append(payment)
    live = sa.select(*(a[name] for name in _ATTEMPT_COLUMNS)).where(
        a.batch_id.in_(is_open), a.state == "live"
    )
    attempts = {row["batch_id"]: Attempt(**row) for row in connection.execute(live).mappings()}
    tried = sa.select(sa.func.count()).where(a.batch_id == b.batch_id).scalar_subquery().label("tries")
    query = sa.select(b.batch_id, b.chain, b.mint, b.memo, tried).where(b.state == "open")
    return [
        OpenBatch(**row, payments=tuple(payments[row["batch_id"]]), attempt=attempts.get(row["batch_id"]))
        for row in connection.execute(query.order_by(b.batch_id)).mappings()
    ]


def store_attempts(connection: sa.Connection, attempts: Sequence[Attempt], now_ms: int) -> None:
    """Write signed transactions down, before any of them is sent.

    Raises:
        AttemptConflictError: Where a batch has one that may take effect, or is settled.
    """
    b = t.payout_batches.c
    for attempt in attempts:
        # An update takes the row's lock, so that nobody settles the batch meanwhile.
        still_open = sa.update(t.payout_batches).where(b.batch_id == attempt.batch_id, b.state == "open")
        if connection.execute(still_open.values(state="open")).rowcount != 1:
            raise AttemptConflictError(attempt.batch_id, "is settled")
    rows = [{**vars(attempt), "state": "live", "signed_ms": now_ms} for attempt in attempts]
    try:
        connection.execute(sa.insert(t.payout_attempts), rows)
    except sa.exc.IntegrityError as error:
        problem = "has a transaction that may take effect"
        raise AttemptConflictError(attempts[0].batch_id, problem) from error


def resolve(connection: sa.Connection, resolutions: Sequence[Resolution], now_ms: int) -> None:
    """Write down what became of live attempts; those that are not live any more stay as they are."""
    a, b = t.payout_attempts.c, t.payout_batches.c
    for found in resolutions:
        update = sa.update(t.payout_attempts).where(a.signature == found.signature, a.state == "live")
        values = {"state": found.state, "slot": found.slot, "error": found.error, "resolved_ms": now_ms}
        if connection.execute(update.values(**values)).rowcount and found.state == "paid":
            batch = sa.select(a.batch_id).where(a.signature == found.signature).scalar_subquery()
            connection.execute(sa.update(t.payout_batches).where(b.batch_id == batch).values(state="paid"))


def retire_failed(connection: sa.Connection, batch_id: int, now_ms: int) -> None:
    """What to do with a batch whose transaction the chain refused.

    Several payments go into batches of their own, so that one that cannot be paid does not keep the others;
    a single one is blocked until somebody looks.
    """
    a, b, p = t.payout_attempts.c, t.payout_batches.c, t.payout_payments.c
    may_land = sa.select(a.signature).where(a.batch_id == batch_id, a.state.in_(("live", "paid")))
    batch = connection.execute(
        sa.select(t.payout_batches).where(b.batch_id == batch_id).with_for_update()
    ).mappings().one()  # fmt: skip
    if batch["state"] != "open" or connection.execute(may_land).first() is not None:
        raise AttemptConflictError(batch_id, "has a transaction that may take effect")
    payments = connection.execute(sa.select(p.payment_id).where(p.batch_id == batch_id)).scalars().all()
    state = "split" if len(payments) > 1 else "blocked"
    connection.execute(sa.update(t.payout_batches).where(b.batch_id == batch_id).values(state=state))
    if state == "split":
        next_batch = _last(connection, b.batch_id) + 1
        for number, payment_id in enumerate(sorted(payments), start=next_batch):
            memo = memo_of({payment_id: _settled_entries(connection, payment_id)})
            row = _batch_row(number, batch["chain"], batch["mint"], memo, now_ms)
            connection.execute(sa.insert(t.payout_batches), [row])
            moved = sa.update(t.payout_payments).where(p.payment_id == payment_id)
            connection.execute(moved.values(batch_id=number))


def unblock(connection: sa.Connection) -> int:
    """Open every blocked batch again; their number."""
    b = t.payout_batches.c
    blocked = sa.update(t.payout_batches).where(b.state == "blocked").values(state="open")
    return connection.execute(blocked).rowcount


_ATTEMPT_COLUMNS = ("signature", "batch_id", "payer", "last_valid_height", "first_slot", "wire")
_ENTRY_COLUMNS = ("entry_id", "wallet", "day", "lamports", "policy_hash")


def _due(connection: sa.Connection) -> list[list[DueEntry]]:
    """The unsettled entries of each wallet, wallets in order."""
    e = t.payout_entries.c
    query = (
        sa.select(*(e[name] for name in _ENTRY_COLUMNS))
        .where(e.payment_id.is_(None))
        .order_by(e.wallet, e.entry_id)
    )
    entries = (DueEntry(**row) for row in connection.execute(query).mappings())
    return [list(group) for _, group in itertools.groupby(entries, key=lambda entry: entry.wallet)]


def _settled_entries(connection: sa.Connection, payment_id: int) -> list[DueEntry]:
    e = t.payout_entries.c
    query = (
        sa.select(*(e[name] for name in _ENTRY_COLUMNS))
        .where(e.payment_id == payment_id)
        .order_by(e.entry_id)
    )
    return [DueEntry(**row) for row in connection.execute(query).mappings()]


def _settle(connection: sa.Connection, settled: Sequence[dict[str, int]]) -> None:
    e = t.payout_entries.c
    update = sa.update(t.payout_entries).where(e.entry_id == sa.bindparam("entry"))
    connection.execute(update.values(payment_id=sa.bindparam("payment")), settled)


def _last(connection: sa.Connection, column: "sa.Column[int]") -> int:
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0))).scalar_one())


def _batch_row(batch_id: int, chain: str, mint: str | None, memo: str, now_ms: int) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "chain": chain,
        "mint": mint,
        "memo": memo,
        "state": "open",
        "created_ms": now_ms,
    }
