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


_ARRIVED = Column("completed_ms", pl.Int64, "epoch ms at which the bundle became complete")
_SESSION = Column("session_id", pl.String, "the session")


def _measure(name: str, meaning: str, low: float | None = 0, high: float | None = None) -> Column:
    return Column(name, pl.Float64, meaning, low=low, high=high, nullable=True)


PAYOUT_EVIDENCE = Table(
    "payouts.evidence",
    "what the fraud rules measured in a session that may earn; null where there is too little to tell",
    ("wallet", "session_id"),
    (
        _WALLET,
        _SESSION,
        Column("scenario_id", pl.String, "scenario that was armed", nullable=True),
        _ARRIVED,
        _measure("turning", "share of the heading's changes that the keys do not explain", high=1),
        _measure("pace", "share of the speed's changes that the keys do not explain", high=1),
        _measure("beat", "how well the presses of A and D keep one beat", high=1.0001),
        _measure("repeat", "share of key changes that come back one loop later", high=1),
        _measure("metres_per_change", "road per change of a key"),
        _measure("repeated", "share of picture hashes found again at a place far away", high=1),
        _measure(
            "loop", "correlation of the pictures' statistics with themselves a loop later", -1.0001, 1.0001
        ),
        _measure("still", "share of the moving time without a change of the picture", high=1),
        _measure(
            "duplicate_segments", "share of its segments that show an earlier session's pictures", high=1
        ),
    ),
)

PAYOUT_TRACKS = Table(
    "payouts.tracks",
    "a session's path and keys, with which later days find copies of it",
    ("wallet", "session_id"),
    (
        _WALLET,
        _SESSION,
        _ARRIVED,
        Column("x_m", pl.List(pl.Float32), "position, world X, every 0.25 s"),
        Column("y_m", pl.List(pl.Float32), "position, world Y, every 0.25 s"),
        Column("keys", pl.Binary, "held W, A, S, D as bits 1, 2, 4, 8, every 0.05 s"),
        Column("key_changes", pl.Int32, "changes of a key", low=0),
        Column("place_marks", pl.List(pl.Int64), "hashes of the crossings of a grid"),
        Column("key_marks", pl.List(pl.Int64), "hashes of four key changes in a row"),
    ),
)

PAYOUT_FRAUD = Table(
    "payouts.fraud",
    "a limit of a fraud rule that a session breaks",
    ("wallet", "session_id", "rule", "measure"),
    (
        _WALLET,
        _SESSION,
        Column("rule", pl.String, "the rule"),
        Column("severity", pl.String, "exclude: earns nothing; hold: nothing until somebody has looked"),
        Column("measure", pl.String, "what was measured"),
        Column("value", pl.Float64, "its value"),
        Column("limit", pl.Float64, "the limit that it reaches"),
        Column("other_session_id", pl.String, "the earlier session that it copies", nullable=True),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Payouts(TableSet):
    """What `payouts` holds for a day."""

    row_owner: ClassVar[str] = "wallet"

    wallets: pl.DataFrame = table_field(PAYOUT_WALLETS)
    sessions: pl.DataFrame = table_field(PAYOUT_SESSIONS)
    stock: pl.DataFrame = table_field(PAYOUT_STOCK)
    fraud: pl.DataFrame = table_field(PAYOUT_FRAUD)
    evidence: pl.DataFrame = table_field(PAYOUT_EVIDENCE)
    tracks: pl.DataFrame = table_field(PAYOUT_TRACKS)


@dataclass(frozen=True, kw_only=True)
class PayoutStock(TableSet):
    """Of `Payouts`, what later days read to learn what the dataset lacks."""

    row_owner: ClassVar[str] = "manoeuvre"

    stock: pl.DataFrame = table_field(PAYOUT_STOCK)


@dataclass(frozen=True, kw_only=True)
class PayoutTracks(TableSet):
    """Of `Payouts`, what later days look for copies of."""

    row_owner: ClassVar[str] = "wallet"

    tracks: pl.DataFrame = table_field(PAYOUT_TRACKS)


PAYOUT_TABLES = (
    PAYOUT_WALLETS,
    PAYOUT_SESSIONS,
    PAYOUT_STOCK,
    PAYOUT_FRAUD,
    PAYOUT_EVIDENCE,
    PAYOUT_TRACKS,
)
