"""Every table of the payouts; sessions' tables are in `schemas.py`. The ledger itself is in the database."""

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from scalediff_assets.tables import Column, Table, TableSet, table_field

_WALLET = Column("wallet", pl.String, "the player's wallet address")
_WORTH = Column(
    "worth_lamports", pl.Int64, "by the price policy, before eligibility, fraud rules and caps", low=0
)

PAYOUT_WALLETS = Table(
    "payouts.wallets",
    "a wallet with accepted segments on the day, or with an entry in the ledger for it",
    ("wallet",),
    (
        _WALLET,
        Column("valid_segments", pl.Int64, "accepted segments", low=0),
        Column("total_frames", pl.Int64, "their frames", low=0),
        _WORTH,
        Column("lamports", pl.Int64, "what the ledger says it earned, corrections included", low=0),
        Column("paid_lamports", pl.Int64, "its paid entries; more than it earned is a debit"),
        Column("corrections", pl.Int64, "entries that correct an earlier one of the day", low=0),
        Column("unpaid_because", pl.String, "why worth is not earned: statuses of its sessions, with counts"),
        Column("transactions", pl.List(pl.String), "signatures that paid its entries"),
    ),
)

PAYOUT_SESSIONS = Table(
    "payouts.sessions",
    "a session with accepted segments on the day",
    ("wallet", "session_id"),
    (
        _WALLET,
        Column("session_id", pl.String, "the session"),
        Column("segments", pl.Int64, "accepted segments", low=1),
        Column("frames", pl.Int64, "their frames", low=1),
        _WORTH,
        Column("lamports", pl.Int64, "what it earns", low=0),
        Column("status", pl.String, "payable, unverified, excluded or held"),
        Column("rule", pl.String, "the rule that excludes or holds it", nullable=True),
    ),
)

PAYOUT_STOCK = Table(
    "payouts.stock",
    "the day's accepted segments of one manoeuvre, from which later days learn what the dataset lacks",
    ("manoeuvre",),
    (
        Column("manoeuvre", pl.String, "left, right, straight, or none"),
        Column("segments", pl.Int64, "accepted segments", low=1),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Payouts(TableSet):
    """What `payouts` holds for a day."""

    row_owner: ClassVar[str] = "wallet"

    wallets: pl.DataFrame = table_field(PAYOUT_WALLETS)
    sessions: pl.DataFrame = table_field(PAYOUT_SESSIONS)
    stock: pl.DataFrame = table_field(PAYOUT_STOCK)


PAYOUT_TABLES = (PAYOUT_WALLETS, PAYOUT_SESSIONS, PAYOUT_STOCK)
