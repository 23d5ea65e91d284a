"""The ledger held against the chain: every difference, in a sentence.

Read-only, and from the chain's own bytes: each paid attempt's transaction is fetched and decoded, and its
transfers and memo are compared with the payments; then the payers' whole history is walked for payments
that the ledger does not know.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resources.ledger import Ledger, SettledBatch
from resources.solana.rpc import SolanaRpc
from resources.solana.transactions import Transfer, destination_of, read_payments

_MEMO_START = "scalediff "


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What was compared and what differs.

    Attributes:
        transactions: Paid transactions of the ledger that were compared.
        ledger_lamports: What the ledger says was paid by them.
        chain_lamports: What they pay on chain.
        in_flight: Attempts whose fate is open; no difference.
        differences: One sentence each.
    """

    transactions: int
    ledger_lamports: int
    chain_lamports: int
    in_flight: int
    differences: tuple[str, ...]


def reconcile(ledger: Ledger, rpc: SolanaRpc, day: str | None = None) -> Reconciliation:
    """Compare ledger and chain.

    Args:
        ledger: The ledger.
        rpc: The chain.
        day: Only payments that settle this day's entries, without the payers' history; None: everything.
    """
    attempts = ledger.settled_batches(day)
    differences = [
        f"payment {number} is {amount} lamports, its entries are {total}"
        for number, amount, total in ledger.broken_payments()
    ]
    ledger_lamports = chain_lamports = 0
    for attempt in attempts:
        wanted = _wanted(attempt)
        found = _on_chain(rpc, attempt)
        differences += _compare(attempt, wanted, found)
        if attempt.state == "paid":
            ledger_lamports += sum(each.lamports for each in wanted)
        chain_lamports += sum(each.lamports for each in found or ())
    if day is None:
        differences += _unknown_payments(rpc, attempts)
    return Reconciliation(
        transactions=sum(attempt.state == "paid" for attempt in attempts),
        ledger_lamports=ledger_lamports,
        chain_lamports=chain_lamports,
        in_flight=sum(attempt.state == "live" for attempt in attempts),
        differences=tuple(differences),
    )


def _wanted(attempt: SettledBatch) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(destination=destination_of(payment.wallet, attempt.mint), lamports=payment.lamports)
        for payment in attempt.payments
    )


def _on_chain(rpc: SolanaRpc, attempt: SettledBatch) -> tuple[Transfer, ...] | None:
    """What an attempt paid; None where it is not on chain or failed there."""
    landed = rpc.transaction(attempt.signature)
    if landed is None or landed.error is not None:
        return None
    paid = read_payments(landed.wire)
    # Later attempts have their number behind the batch's memo.
    named = f"{paid.memo} ".startswith(f"{attempt.memo} ")
    return paid.transfers if named else ()


def _compare(
    attempt: SettledBatch, wanted: Sequence[Transfer], found: Sequence[Transfer] | None
) -> Iterator[str]:
    name = f"batch {attempt.batch_id}, transaction {attempt.signature}"
    if attempt.state == "paid":
        if found is None:
            yield f"{name}: paid in the ledger, not on chain"
        elif tuple(found) != tuple(wanted):
            yield f"{name}: pays {_text(found)} on chain, {_text(wanted)} in the ledger"
    elif attempt.state in ("expired", "failed") and found is not None:
        yield f"{name}: {attempt.state} in the ledger, yet it paid {_text(found)} on chain"


def _unknown_payments(rpc: SolanaRpc, attempts: Sequence[SettledBatch]) -> Iterator[str]:
    """Payments of ours by the memo, of the payers' whole history, that no attempt of the ledger made."""
    known = {attempt.signature for attempt in attempts}
    for payer in sorted({attempt.payer for attempt in attempts}):
        for signature in rpc.signatures_of(payer):
            landed = None if signature in known else rpc.transaction(signature)
            if landed is None:
                continue
            paid = read_payments(landed.wire)
            if paid.payer == payer and (paid.memo or "").startswith(_MEMO_START):
                yield f"transaction {signature}: pays {_text(paid.transfers)} and is not in the ledger"


def _text(transfers: Sequence[Transfer]) -> str:
    total = sum(each.lamports for each in transfers)
    return f"{total} lamports to {len(transfers)} wallets"
