"""The ledger of payouts: what wallets earned, what was paid for it, and by which transaction.

    entry -> payment -> batch -> attempt

An *entry* is what a wallet earned on a day, with a *line* per session; a re-computed day adds a correcting
entry with the difference and changes none. A *payment* settles a wallet's open entries. A *batch* is
the payments of one transaction. An *attempt* is that transaction, signed: `live` until it is known to be
`paid`, `failed` or `expired`. A batch has at most one attempt that is live or paid; the database
itself refuses a second one, so that no two processes, in whatever order they die, can pay twice.

LedgerError
  OtherChainError      the endpoint is not the chain that earlier payments are on
  PayerBusyError       another process pays
  AttemptConflictError somebody else signed or settled the batch meanwhile
"""

from resources.ledger.ledger import Ledger
from resources.ledger.records import (
    Attempt,
    AttemptConflictError,
    AttemptState,
    DayChange,
    Earning,
    LedgerError,
    OpenBatch,
    OtherChainError,
    PayerBusyError,
    Payment,
    PricePolicyRecord,
    Rate,
    Resolution,
    SettledBatch,
)

__all__ = [
    "Attempt",
    "AttemptConflictError",
    "AttemptState",
    "DayChange",
    "Earning",
    "Ledger",
    "LedgerError",
    "OpenBatch",
    "OtherChainError",
    "PayerBusyError",
    "Payment",
    "PricePolicyRecord",
    "Rate",
    "Resolution",
    "SettledBatch",
]
