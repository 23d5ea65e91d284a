"""The ledger's values and errors."""

from dataclasses import dataclass, field
from typing import Literal

import polars as pl

AttemptState = Literal["live", "paid", "failed", "expired"]
BatchState = Literal["open", "paid", "split", "blocked"]
PaymentState = Literal["owed", "sent", "paid", "blocked"]

LINES = pl.Schema(
    {
        "wallet": pl.String,
        "session_id": pl.String,
        "segments": pl.Int64,
        "frames": pl.Int64,
        "lamports": pl.Int64,
    }
)


class LedgerError(Exception):
    """The ledger refuses; the tree is in the package's docstring."""


class OtherChainError(LedgerError):
    """Earlier payments are on another chain than the endpoint's."""

    def __init__(self, recorded: str, found: str) -> None:
        self.recorded = recorded
        self.found = found
        super().__init__(
            f"the ledger's payments are on chain {recorded}, the endpoint is chain {found}; "
            "name the endpoint of the first, or pay from a new database"
        )


class PayerBusyError(LedgerError):
    """Another process holds the payer's lock."""

    def __init__(self, waited_s: float) -> None:
        self.waited_s = waited_s
        super().__init__(f"another process pays (waited {waited_s:.0f} s); it pays what is due here, too")


class AttemptConflictError(LedgerError):
    """A batch has a transaction already that may take effect, or is settled."""

    def __init__(self, batch_id: int, problem: str) -> None:
        self.batch_id = batch_id
        super().__init__(f"batch {batch_id} {problem}; run again")


@dataclass(frozen=True, kw_only=True)
class PricePolicyRecord:
    """A price policy as the ledger keeps it, so that every entry stays explainable.

    Attributes:
        policy_hash: sha256 of the content.
        version: Name for people.
        content: Canonical JSON.
    """

    policy_hash: str
    version: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The bonus for one trait on one day, fixed at the day's first computation.

    Attributes:
        trait: Such as `left`.
        share_percent: Its share of the accepted segments before the day; None where there were none.
        bonus_percent: On top of the base.
    """

    trait: str
    share_percent: float | None
    bonus_percent: int


@dataclass(frozen=True, kw_only=True)
class DayChange:
    """What recording a day added.

    Attributes:
        entries: New entries.
        corrections: Of them, those that correct an earlier one.
        lamports: Their sum; negative where a day is worth less than before.
    """

    entries: int
    corrections: int
    lamports: int


@dataclass(frozen=True, kw_only=True)
class Payment:
    """One wallet's money in a batch."""

    payment_id: int
    wallet: str
    lamports: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A signed transaction of a batch.

    Attributes:
        signature: Known before it is sent.
        batch_id: What it pays.
        payer: Address of the wallet that pays.
        last_valid_height: Height of the last block that takes it.
        first_slot: It cannot have landed before.
        wire: Its bytes.
    """

    signature: str
    batch_id: int
    payer: str
    last_valid_height: int
    first_slot: int
    wire: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class OpenBatch:
    """A batch that is not settled.

    Attributes:
        batch_id: Its number.
        chain: Genesis hash of the chain that it is paid on.
        mint: The token that it is paid in; None for SOL.
        memo: Names the payments.
        payments: In the order of the transfers.
        tries: Attempts so far.
        attempt: The one whose fate is open.
    """

    batch_id: int
    chain: str
    mint: str | None
    memo: str
    payments: tuple[Payment, ...]
    tries: int
    attempt: Attempt | None

    @property
    def next_memo(self) -> str:
        """The memo of the next attempt: numbered, so that no two attempts are the same bytes."""
        return f"{self.memo} {self.tries + 1}" if self.tries else self.memo

    @property
    def lamports(self) -> int:
        """What it pays."""
        return sum(payment.lamports for payment in self.payments)


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What became of a live attempt.

    Attributes:
        signature: Of the attempt.
        state: Never `live`.
        slot: Where it landed; None where it expired.
        error: The chain's, of a failed one.
    """

    signature: str
    state: AttemptState
    slot: int | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class SettledBatch:
    """An attempt with what it was to pay, for reconciliation."""

    batch_id: int
    signature: str
    payer: str
    state: AttemptState
    memo: str
    mint: str | None
    payments: tuple[Payment, ...]


@dataclass(frozen=True, kw_only=True)
class Earning:
    """An entry as its player sees it.

    Attributes:
        entry_id: Its number.
        day: Of arrival.
        segments: Accepted segments; negative in a correction that takes back.
        lamports: Likewise.
        is_correction: It corrects an earlier entry of the day.
        state: Owed, sent, paid, or blocked because the chain refused the transfer.
        signature: The transaction that paid it or is on its way; None while it is owed.
    """

    entry_id: int
    day: str
    segments: int
    lamports: int
    is_correction: bool
    state: PaymentState
    signature: str | None
