"""Paying what the ledger owes, exactly once, through any crash, lost answer or expired blockhash.

The order of things is the proof:

1. What is due is settled by payments in batches, in one database transaction.
2. Each batch gets a signed transaction, whose signature is known, and which is written down as `live`
   before anybody sends it. The database refuses a second live or paid one for a batch.
3. The same bytes are sent, again and again if need be: a chain takes a signature once.
4. Only the chain's own word ends an attempt: finalized and successful is `paid`, finalized with an error is
   `failed`, and `expired` needs proof (`fate_of`). Only then may the batch be signed anew.

Whoever dies at any point leaves rows from which the next run goes on. No clock takes part in a decision:
time limits only say when to stop waiting.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from resources.ledger import Attempt, AttemptState, Ledger, LedgerError, OpenBatch, Resolution
from resources.solana.errors import SolanaError
from resources.solana.keys import Payer
from resources.solana.programs import TOKEN_ACCOUNT_BYTES
from resources.solana.rpc import STATUSES_AT_ONCE, Head, SignatureStatus, SolanaRpc
from resources.solana.transactions import destination_of, per_transaction, sign_batch

FEE_LAMPORTS = 5_000
_SENDERS = 8
# The system and the token program's error for a source that holds too little, and the payer's own rent.
_RAN_OUT = ('{"Custom": 1}', '{"account_index": 0}')


class PayerFundsError(LedgerError):
    """The payer's wallet holds less than it is to pay; nothing was signed."""

    def __init__(self, payer: str, held: int, needed: int, unit: str) -> None:
        self.held = held
        self.needed = needed
        super().__init__(f"the payer {payer} holds {held} {unit} and needs {needed}; fund it and run again")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When to stop waiting; what is left in flight is taken up by the next run.

    Attributes:
        total_s: For one call of `pay`.
        poll_s: Between two looks at the chain.
        resend_s: After which a transaction that is nowhere to be seen is sent again.
        lock_s: For another payer to finish.
        signings: New transactions for one batch in one call.
    """

    total_s: float = 300.0
    poll_s: float = 0.5
    resend_s: float = 5.0
    lock_s: float = 600.0
    signings: int = 3


@dataclass(frozen=True, kw_only=True)
class PayReport:
    """What a call of `pay` did.

    Attributes:
        payments: Payments in the batches that were settled.
        lamports: Their sum.
        transactions: Transactions that landed.
        expired: Transactions that provably never landed and were signed anew.
        in_flight: Payments whose fate is still open.
        blocked: Payments that the chain refused.
        problem: Why sending or asking failed last, where something is in flight.
    """

    payments: int = 0
    lamports: int = 0
    transactions: int = 0
    expired: int = 0
    in_flight: int = 0
    blocked: int = 0
    problem: str | None = None


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Paymaster:
    """Pays the ledger's debts from one wallet on one chain.

    Attributes:
        ledger: What is owed.
        rpc: The chain.
        payer: Signs.
        mint: The token to pay in; None for SOL.
        minimum_lamports: Smaller sums wait.
        patience: When to stop waiting.
        now_ms: The clock of the rows' times; nothing is decided by it.
    """

    ledger: Ledger
    rpc: SolanaRpc
    payer: Payer
    mint: str | None = None
    minimum_lamports: int = 1
    patience: Patience = Patience()
    now_ms: Callable[[], int] = _wall_clock_ms

    def pay(self) -> PayReport:
        """Settle what is in flight, then pay everything that is due.

        Raises:
            PayerBusyError: Another process pays.
            OtherChainError: Earlier payments are on another chain.
            PayerFundsError: The wallet holds too little.
            SolanaError: The chain cannot be asked at all.
        """
        with self.ledger.payer_lock(self.patience.lock_s):
            chain = self.rpc.genesis_hash()
            self.ledger.make_batches(
                chain=chain,
                mint=self.mint,
                minimum_lamports=self.minimum_lamports,
                per_batch=per_transaction(self.mint),
                now_ms=self.now_ms(),
            )
            return self._settle()

    def _settle(self) -> PayReport:
        tally, deadline = _Tally(), time.monotonic() + self.patience.total_s
        while batches := self.ledger.open_batches():
            unsigned = [batch for batch in batches if batch.attempt is None]
            signable = [batch for batch in unsigned if tally.may_sign(batch, self.patience.signings)]
            if not signable and len(unsigned) == len(batches):
                break
            if signable:
                self._sign(signable)
                tally.signed(signable)
                batches = self.ledger.open_batches()
            if not self._follow([b for b in batches if b.attempt is not None], tally, deadline):
                break
        left = self.ledger.open_batches()
        return tally.report(in_flight=sum(len(batch.payments) for batch in left))

    def _sign(self, batches: Sequence[OpenBatch]) -> None:
        """Sign batches and write the transactions down, in one database transaction."""
        self._check_funds(batches)
        recent = self.rpc.latest_blockhash()
        attempts = []
        for batch in batches:
            pairs = [(payment.wallet, payment.lamports) for payment in batch.payments]
            signed = sign_batch(
                self.payer, pairs, memo=batch.next_memo, blockhash=recent.blockhash, mint=batch.mint
            )
            attempts.append(
                Attempt(
                    signature=signed.signature,
                    batch_id=batch.batch_id,
                    payer=self.payer.address,
                    last_valid_height=recent.last_valid_height,
                    first_slot=recent.slot,
                    wire=signed.wire,
                )
            )
        self.ledger.store_attempts(attempts, self.now_ms())

    def _check_funds(self, batches: Sequence[OpenBatch]) -> None:
        """Refuse before signing what could only fail."""
        # What is left must keep the payer's own account alive.
        sol = self.rpc.rent_lamports(0) + FEE_LAMPORTS * len(batches)
        sol += sum(batch.lamports for batch in batches if batch.mint is None)
        for mint in sorted({batch.mint for batch in batches if batch.mint is not None}):
            paid_in_it = [batch for batch in batches if batch.mint == mint]
            needed = sum(batch.lamports for batch in paid_in_it)
            held = self.rpc.token_balance(destination_of(self.payer.address, mint))
            if held < needed:
                raise PayerFundsError(self.payer.address, held, needed, f"units of {mint}")
            accounts = sum(len(batch.payments) for batch in paid_in_it)
            sol += accounts * self.rpc.rent_lamports(TOKEN_ACCOUNT_BYTES)
        held = self.rpc.balance(self.payer.address)
        if held < sol:
            raise PayerFundsError(self.payer.address, held, sol, "lamports")

    def _follow(self, batches: Sequence[OpenBatch], tally: "_Tally", deadline: float) -> bool:
        """Send and watch until every attempt has ended; False where the time is up first."""
        waiting = {batch.attempt.signature: batch for batch in batches if batch.attempt is not None}
        sent_at = float("-inf")
        while waiting:
            if time.monotonic() - sent_at >= self.patience.resend_s:
                tally.problem = self._send([batch.attempt for batch in waiting.values() if batch.attempt])
                sent_at = time.monotonic()
            for resolution in self._look(waiting, tally):
                batch = waiting.pop(resolution.signature)
                tally.count(batch, resolution)
                if resolution.state == "failed":
                    self._retire(batch, resolution, tally)
            if waiting and time.monotonic() > deadline:
                return False
            if waiting:
                time.sleep(self.patience.poll_s)
        return True

    def _retire(self, batch: OpenBatch, failed: Resolution, tally: "_Tally") -> None:
        """A batch that the chain refused: no wallet's fault where the payer's money ran out."""
        tally.problem = f"batch {batch.batch_id} failed on chain: {failed.error}"
        if not any(code in (failed.error or "") for code in _RAN_OUT):
            self.ledger.retire_failed(batch.batch_id, self.now_ms())
            tally.blocked += len(batch.payments) == 1

    def _send(self, attempts: Sequence[Attempt]) -> str | None:
        """Hand transactions in; what comes back decides nothing. The last problem, if any."""

        def send(attempt: Attempt) -> str | None:
            try:
                self.rpc.send(attempt.wire)
            except SolanaError as error:
                return str(error)
            return None

        with ThreadPoolExecutor(_SENDERS) as pool:
            problems = [problem for problem in pool.map(send, attempts) if problem is not None]
        return problems[-1] if problems else None

    def _look(self, waiting: dict[str, OpenBatch], tally: "_Tally") -> list[Resolution]:
        """Ask the chain, write down what has ended."""
        resolutions: list[Resolution] = []
        signatures = list(waiting)
        try:
            # The head comes first: what the node says of signatures afterwards is at least as new.
            head, first_slot = self.rpc.head(), self.rpc.first_slot()
            for start in range(0, len(signatures), STATUSES_AT_ONCE):
                chunk = signatures[start : start + STATUSES_AT_ONCE]
                slot, statuses = self.rpc.statuses(chunk)
                for signature, status in zip(chunk, statuses, strict=True):
                    attempt = waiting[signature].attempt
                    if attempt is not None:
                        found = fate_of(attempt, status, head=head, seen_slot=slot, first_slot=first_slot)
                        resolutions += [] if found is None else [found]
        except SolanaError as error:
            tally.problem = str(error)
        self.ledger.resolve(resolutions, self.now_ms())
        return resolutions


def fate_of(
    attempt: Attempt, status: SignatureStatus | None, *, head: Head, seen_slot: int, first_slot: int
) -> Resolution | None:
    """What has become of an attempt; None while that is open.

    That a node knows nothing of a signature means nothing by itself. It is proof that the transaction
    will never land only if all of these hold:

    - a finalized block is higher than the last that takes the transaction's blockhash;
    - the node that was asked had seen that block (another node behind the same address may lag);
    - its history reaches back to when the transaction was signed.

    Args:
        attempt: The attempt.
        status: What the node says of it.
        head: A finalized block, read before the status.
        seen_slot: The node's slot when it gave the status.
        first_slot: The oldest slot that the node knows.
    """
    if status is not None:
        if not status.finalized:
            return None
        state: AttemptState = "paid" if status.error is None else "failed"
        return Resolution(signature=attempt.signature, state=state, slot=status.slot, error=status.error)
    over = head.height > attempt.last_valid_height
    if over and seen_slot >= head.slot and first_slot <= attempt.first_slot:
        return Resolution(signature=attempt.signature, state="expired")
    return None


class _Tally:
    """Counts of one call."""

    def __init__(self) -> None:
        self.payments = self.lamports = self.transactions = self.expired = self.blocked = 0
        self.problem: str | None = None
        self._signings: dict[int, int] = {}

    def may_sign(self, batch: OpenBatch, limit: int) -> bool:
        return self._signings.get(batch.batch_id, 0) < limit

    def signed(self, batches: Sequence[OpenBatch]) -> None:
        for batch in batches:
            self._signings[batch.batch_id] = self._signings.get(batch.batch_id, 0) + 1

    def count(self, batch: OpenBatch, resolution: Resolution) -> None:
        self.transactions += resolution.state in ("paid", "failed")
        self.expired += resolution.state == "expired"
        if resolution.state == "paid":
            self.payments += len(batch.payments)
            self.lamports += batch.lamports

    def report(self, *, in_flight: int) -> PayReport:
        return PayReport(
            payments=self.payments,
            lamports=self.lamports,
            transactions=self.transactions,
            expired=self.expired,
            in_flight=in_flight,
            blocked=self.blocked,
            problem=self.problem if in_flight or self.blocked else None,
        )
