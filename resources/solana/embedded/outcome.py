"""What solders says of an executed transaction, in the words of the JSON-RPC.

Solders' errors are Rust values whose text is Rust's; a node's JSON is serde's. The shapes that a
transaction of ours can meet are translated exactly, any other keeps its name.
"""

from dataclasses import dataclass
from typing import Any

from solders.transaction_metadata import FailedTransactionMetadata, TransactionMetadata
from solders.transaction_status import (
    InstructionErrorCustom,
    TransactionErrorInstructionError,
    TransactionErrorInsufficientFundsForRent,
)

# With these a transaction never gets into a block: no fee, no trace, and the same bytes may land later.
NEVER_LANDS = (
    "AccountNotFound", "AlreadyProcessed", "BlockhashNotFound", "InsufficientFundsForFee",
    "InvalidAccountForFee", "SanitizeFailure", "SignatureFailure",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An execution's result.

    Attributes:
        error: The error as a node's JSON; None for success.
        fee_lamports: What it cost the fee payer.
        logs: The programs' log lines.
        units: Compute units.
    """

    error: Any
    fee_lamports: int
    logs: tuple[str, ...]
    units: int

    @property
    def lands(self) -> bool:
        """Whether it gets into a block, successful or not."""
        return self.error not in NEVER_LANDS


def outcome_of(result: TransactionMetadata | FailedTransactionMetadata) -> Outcome:
    """The outcome of LiteSVM's result."""
    error = None
    if isinstance(result, FailedTransactionMetadata):
        error, meta = _error_json(result.err()), result.meta()
    else:
        meta = result
    return Outcome(
        error=error,
        fee_lamports=int(meta.fee()),
        logs=tuple(meta.logs()),
        units=int(meta.compute_units_consumed()),
    )


def _error_json(error: Any) -> Any:
    if isinstance(error, TransactionErrorInstructionError):
        inner = error.err
        code = {"Custom": inner.code} if isinstance(inner, InstructionErrorCustom) else _name(inner)
        return {"InstructionError": [error.index, code]}
    if isinstance(error, TransactionErrorInsufficientFundsForRent):
        return {"InsufficientFundsForRent": {"account_index": error.account_index}}
    return _name(error)


def _name(error: Any) -> str:
    """`TransactionErrorFieldless.AccountNotFound` -> `AccountNotFound`."""
    return str(error).rpartition(".")[2]
