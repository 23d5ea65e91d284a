"""The embedded chain: blocks by the clock, blockhashes that expire, execution by LiteSVM, a durable log.

What a payer relies on is kept as a cluster keeps it:

- a transaction takes effect at most once: its signature is looked up before it is executed, for ever;
- it can land only until block height `last valid` of its blockhash has passed, 150 blocks after it was given;
- the height never goes back, a restart included: heights are reserved in the log before they are
  reached, and a restarted chain begins behind the reservation.

LiteSVM checks neither signatures nor blockhashes here, because this module does, so that a replay of the
log costs execution only. Slots run ahead of heights, as where slots were skipped, so that nobody takes
the one for the other.
"""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from solders.account import Account
from solders.hash import Hash
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction

from resources.solana.embedded.log import ChainLog, Record
from resources.solana.embedded.outcome import Outcome, outcome_of
from resources.solana.errors import ChainLogError

VALID_BLOCKS = 150
BLOCK_S = 0.4
FAUCET_LAMPORTS = 500_000_000 * 10**9
_RESERVED_BLOCKS = 1_000
_SKIPPED_SLOTS = 1_000


class InvalidTransactionError(ValueError):
    """Bytes that are no transaction, or one whose signatures do not fit."""


@dataclass(frozen=True, kw_only=True)
class Executed:
    """A transaction in a block.

    Attributes:
        signature: Base58.
        height: Of its block.
        block_time_s: Epoch seconds.
        outcome: Its result.
        balances: Lamports of its accounts before and after.
        wire: Its bytes.
    """

    signature: str
    height: int
    block_time_s: int
    outcome: Outcome
    balances: tuple[tuple[int, ...], tuple[int, ...]]
    wire: bytes = field(repr=False)

    @property
    def slot(self) -> int:
        """The slot of its block."""
        return self.height + _SKIPPED_SLOTS


class EmbeddedChain:
    """A chain whose state is the log at `path`; safe to use from several threads."""

    def __init__(
        self, path: Path, *, block_s: float = BLOCK_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._block_s = block_s
        self._clock_s = clock_s
        # Programs that LiteSVM ran leave exception flags of the floating point unit raised, which numpy would
        # report in the caller's next operation; flags belong to a thread.
        self._apart = ThreadPoolExecutor(max_workers=1, thread_name_prefix="litesvm")
        self._svm = LiteSVM().with_sigverify(False).with_blockhash_check(False).with_transaction_history(0)
        self._landed: dict[str, Executed] = {}
        self._by_account: dict[str, list[str]] = {}
        self._reserved = 0
        self._seed = b""
        self._unwritten = False
        self._log = ChainLog(path)
        try:
            self._replay()
        except ChainLogError:
            self.close()
            raise
        self._base = self._reserved
        self._started_s = clock_s()
        self._reserve(self._base + 1)

    @property
    def genesis_hash(self) -> str:
        """The chain's name."""
        return str(Hash(hashlib.sha256(b"genesis" + self._seed).digest()))

    @property
    def height(self) -> int:
        """The height of the newest block."""
        with self._lock:
            return self._height()

    @property
    def slot(self) -> int:
        """The newest slot."""
        return self.height + _SKIPPED_SLOTS

    def advance(self, blocks: int) -> int:
        """Let blocks pass at once; the new height. No cluster does this."""
        with self._lock:
            self._base += blocks
            return self._height()

    def blockhash(self) -> tuple[str, int]:
        """The newest blockhash and the last height that takes it."""
        height = self.height
        return str(self._hash_at(height)), height + VALID_BLOCKS

    def is_valid(self, blockhash: str) -> bool:
        """Whether a transaction with this blockhash could land now."""
        with self._lock:
            return self._is_valid(Hash.from_string(blockhash))

    def submit(self, wire: bytes) -> str:
        """Execute a transaction, unless it landed before or cannot land any more; its signature.

        Raises:
            InvalidTransactionError: For other bytes, or a signature that does not fit.
        """
        transaction = parse(wire)
        signature = str(transaction.signatures[0])
        with self._lock:
            if signature not in self._landed and self._is_valid(transaction.message.recent_blockhash):
                self._land(signature, transaction, wire)
        return signature

    def simulate(self, wire: bytes) -> Outcome:
        """What would happen to a transaction now."""
        transaction = parse(wire)
        with self._lock:
            if str(transaction.signatures[0]) in self._landed:
                return Outcome(error="AlreadyProcessed", fee_lamports=0, logs=(), units=0)
            if not self._is_valid(transaction.message.recent_blockhash):
                return Outcome(error="BlockhashNotFound", fee_lamports=0, logs=(), units=0)
            result: Any = self._apart.submit(self._svm.simulate_transaction, transaction).result()
            return outcome_of(result if hasattr(result, "err") else result.meta())

    def transaction(self, signature: str) -> Executed | None:
        """A landed transaction."""
        with self._lock:
            return self._landed.get(signature)

    def signatures_of(self, address: str) -> list[str]:
        """Transactions that name an account, newest first."""
        with self._lock:
            return self._by_account.get(address, [])[::-1]

    def account(self, address: Pubkey) -> Account | None:
        """An account's state."""
        with self._lock:
            return self._svm.get_account(address)

    def rent_lamports(self, size_bytes: int) -> int:
        """What an account of this size must hold to exist."""
        return int(self._svm.minimum_balance_for_rent_exemption(size_bytes))

    def faucet(self) -> Keypair:
        """The key that holds all money at the beginning; anybody may have it, as it is worth nothing."""
        return Keypair.from_seed(hashlib.sha256(b"faucet" + self._seed).digest())

    def close(self) -> None:
        """Close the log."""
        with self._lock:
            self._apart.shutdown()
            self._log.close()

    def _height(self) -> int:
        if self._unwritten:
            raise ChainLogError(self._path, 0, "could not be written; the process must be started again")
        height = self._base + int((self._clock_s() - self._started_s) / self._block_s)
        self._reserve(height)
        return height

    def _reserve(self, height: int) -> None:
        """Put a bound of the heights that are ever told into the log before they are told."""
        if height >= self._reserved:
            self._reserved = height + _RESERVED_BLOCKS
            self._write({"reserved": self._reserved})

    def _write(self, record: Record) -> None:
        """Append to the log; a chain whose memory is ahead of its log answers nothing any more."""
        try:
            self._log.append(record)
        except OSError:
            self._unwritten = True
            raise

    def _hash_at(self, height: int) -> Hash:
        return Hash(hashlib.sha256(self._seed + height.to_bytes(8)).digest())

    def _is_valid(self, blockhash: Hash) -> bool:
        newest = self._height()
        oldest = max(0, newest - VALID_BLOCKS)
        return any(self._hash_at(height) == blockhash for height in range(newest, oldest - 1, -1))

    def _land(self, signature: str, transaction: VersionedTransaction, wire: bytes) -> None:
        height, block_time_s = self._height(), time.time_ns() // 1_000_000_000
        executed = self._execute(signature, transaction, wire, height, block_time_s)
        if not executed.outcome.lands:
            return
        self._write(
            {
                "wire": base64.b64encode(wire).decode(),
                "height": height,
                "block_time_s": block_time_s,
                "error": executed.outcome.error,
            }
        )
        self._remember(executed, transaction)

    def _execute(
        self,
        signature: str,
        transaction: VersionedTransaction,
        wire: bytes,
        height: int,
        block_time_s: int,
    ) -> Executed:
        keys = transaction.message.account_keys
        before = tuple(self._svm.get_balance(key) or 0 for key in keys)
        outcome = outcome_of(self._apart.submit(self._svm.send_transaction, transaction).result())
        after = tuple(self._svm.get_balance(key) or 0 for key in keys)
        return Executed(
            signature=signature,
            height=height,
            block_time_s=block_time_s,
            outcome=outcome,
            balances=(before, after),
            wire=wire,
        )

    def _remember(self, executed: Executed, transaction: VersionedTransaction) -> None:
        self._landed[executed.signature] = executed
        for key in transaction.message.account_keys:
            self._by_account.setdefault(str(key), []).append(executed.signature)

    def _replay(self) -> None:
        for number, record in enumerate(self._log.records(), start=1):
            if "genesis" in record:
                self._begin(bytes.fromhex(record["genesis"]))
            elif "reserved" in record:
                self._reserved = record["reserved"]
            else:
                self._replay_transaction(number, record)
        if not self._seed:
            seed = secrets.token_bytes(32)
            self._log.append({"genesis": seed.hex()})
            self._begin(seed)

    def _begin(self, seed: bytes) -> None:
        self._seed = seed
        rich = Account(FAUCET_LAMPORTS, b"", SYSTEM_PROGRAM, executable=False, rent_epoch=0)
        self._svm.set_account(self.faucet().pubkey(), rich)

    def _replay_transaction(self, number: int, record: Record) -> None:
        wire = base64.b64decode(record["wire"])
        transaction = VersionedTransaction.from_bytes(wire)
        executed = self._execute(
            str(transaction.signatures[0]), transaction, wire, record["height"], record["block_time_s"]
        )
        if executed.outcome.error != record["error"]:
            problem = f"gives {executed.outcome.error} and gave {record['error']} when it was written"
            raise ChainLogError(self._path, number, problem)
        self._remember(executed, transaction)


def parse(wire: bytes) -> VersionedTransaction:
    """A transaction whose signatures fit.

    Raises:
        InvalidTransactionError: For everything else.
    """
    try:
        transaction = VersionedTransaction.from_bytes(wire)
        transaction.sanitize()
        fits = all(transaction.verify_with_results())
    except Exception as error:
        raise InvalidTransactionError(f"{len(wire)} bytes are no transaction ({error})") from error
    if not fits:
        raise InvalidTransactionError("a signature does not fit the message")
    return transaction
