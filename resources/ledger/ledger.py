"""The ledger's methods; each that writes is one transaction."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from resources.catalog.statements import insert_missing
from resources.database import open_database, writing
from resources.database import tables as t
from resources.ledger import entries, payments, reading
from resources.ledger.locking import payer_lock
from resources.ledger.records import (
    Attempt,
    DayChange,
    Earning,
    OpenBatch,
    PricePolicyRecord,
    Rate,
    Resolution,
    SettledBatch,
)

_IDS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Ledger:
    """The ledger in the database at `url`; opens its connection at first use."""

    url: str

    # Who may earn, and at which rates

    def proven_sessions(self, session_ids: Sequence[str]) -> pl.DataFrame:
        """(wallet, session_id) of the sessions that were issued to a wallet that signed for itself."""
        s = t.upload_sessions.c
        rows: list[tuple[str, str]] = []
        with self._reading() as connection:
            for first in range(0, len(session_ids), _IDS_AT_ONCE):
                chunk = session_ids[first : first + _IDS_AT_ONCE]
                query = sa.select(s.wallet, s.session_id).where(s.session_id.in_(chunk))
                rows += [(wallet, session_id) for wallet, session_id in connection.execute(query)]
        return pl.DataFrame(rows, schema={"wallet": pl.String, "session_id": pl.String}, orient="row")

    def issued_sessions(self, session_ids: Sequence[str]) -> pl.DataFrame:
        """(session_id, wallet, address, issued_ms) of issued sessions: who asked for them, and from where."""
        s = t.upload_sessions.c
        rows: list[tuple[str, str, str, int]] = []
        with self._reading() as connection:
            for first in range(0, len(session_ids), _IDS_AT_ONCE):
                chunk = session_ids[first : first + _IDS_AT_ONCE]
                query = sa.select(s.session_id, s.wallet, s.address, s.issued_ms).where(
                    s.session_id.in_(chunk)
                )
                rows += [tuple(row) for row in connection.execute(query)]
        schema = {
            "session_id": pl.String, "wallet": pl.String, "address": pl.String, "issued_ms": pl.Int64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def earning_elsewhere(self, day: str, session_ids: Sequence[str]) -> pl.DataFrame:
        """(wallet, session_id, day) of the sessions that earn on another day: nobody earns twice for one."""
        e, line = t.payout_entries.c, t.payout_lines.c
        rows: list[tuple[str, ...]] = []
        with self._reading() as connection:
            for first in range(0, len(session_ids), _IDS_AT_ONCE):
                chunk = session_ids[first : first + _IDS_AT_ONCE]
                query = (
                    sa.select(e.wallet, line.session_id, e.day)
                    .select_from(t.payout_lines.join(t.payout_entries, e.entry_id == line.entry_id))
                    .where(e.day != day, line.session_id.in_(chunk))
                    .group_by(e.wallet, line.session_id, e.day)
                    .having(sa.func.sum(line.lamports) > 0)
                )
                rows += [tuple(row) for row in connection.execute(query)]
        schema = {"wallet": pl.String, "session_id": pl.String, "day": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def rates(self, day: str, policy_hash: str) -> list[Rate]:
        """The rates of a day under a policy, by trait; none before its first computation."""
        r = t.payout_rates.c
        query = sa.select(r.trait, r.share_percent, r.bonus_percent).where(
            r.day == day, r.policy_hash == policy_hash
        )
        with self._reading() as connection:
            return [Rate(**row) for row in connection.execute(query.order_by(r.trait)).mappings()]

    def fix_rates(self, day: str, policy_hash: str, fresh: Sequence[Rate]) -> list[Rate]:
        """The rates of a day under a policy: those of its first computation, which is this one or earlier."""
        rows = [{"day": day, "policy_hash": policy_hash, **vars(rate)} for rate in fresh]
        with writing(self.url) as connection:
            insert_missing(connection, t.payout_rates, rows)
        return self.rates(day, policy_hash)

    # Earning

    def record_day(
        self,
        day: str,
        lines: pl.DataFrame,
        *,
        policy: PricePolicyRecord,
        quality_hash: str,
        now_ms: int,
        unpaid: pl.DataFrame | None = None,
    ) -> DayChange:
        """Make the ledger say of a day what `lines` says, by adding entries and changing none.

        Args:
            day: The day of arrival.
            lines: `wallet, session_id, segments, frames, lamports` of everything that earns.
            policy: The price policy behind them.
            quality_hash: The quality policy behind the verdicts.
            now_ms: Epoch ms.
            unpaid: `wallet, session_id, rule` of the accepted sessions that earn nothing, for their players;
                None leaves what is noted.
        """
        with writing(self.url) as connection:
            if unpaid is not None:
                entries.note_unpaid(connection, day, unpaid)
            return entries.record_day(connection, day, lines, policy, quality_hash, now_ms)

    # Paying

    def payer_lock(self, wait_s: float) -> AbstractContextManager[None]:
        """Held by the one process that pays; released by its death, too.

        Raises:
            PayerBusyError: After `wait_s`.
        """
        return payer_lock(self.url, wait_s)

    def make_batches(
        self, *, chain: str, mint: str | None, minimum_lamports: int, per_batch: int, now_ms: int
    ) -> int:
        """Settle every wallet that is owed at least the minimum by a payment; the number of payments.

        Raises:
            OtherChainError: Where earlier payments are on another chain.
        """
        with writing(self.url) as connection:
            return payments.make_batches(
                connection,
                chain=chain,
                mint=mint,
                minimum_lamports=max(1, minimum_lamports),
                per_batch=per_batch,
                now_ms=now_ms,
            )

    def open_batches(self) -> list[OpenBatch]:
        """Every batch that is not settled."""
        with self._reading() as connection:
            return payments.open_batches(connection)

    def store_attempts(self, attempts: Sequence[Attempt], now_ms: int) -> None:
        """Write signed transactions down, all or none, before any of them is sent.

        Raises:
            AttemptConflictError: Where a batch has one that may take effect, or is settled.
        """
        with writing(self.url) as connection:
            payments.store_attempts(connection, attempts, now_ms)

    def resolve(self, resolutions: Sequence[Resolution], now_ms: int) -> None:
        """Write down what became of live attempts."""
        if resolutions:
            with writing(self.url) as connection:
                payments.resolve(connection, resolutions, now_ms)

    def retire_failed(self, batch_id: int, now_ms: int) -> None:
        """Split a batch that the chain refused, or block it where it is a single payment.

        Raises:
            AttemptConflictError: Where it has a transaction that may take effect.
        """
        with writing(self.url) as connection:
            payments.retire_failed(connection, batch_id, now_ms)

    def unblock(self) -> int:
        """Open every blocked batch again; their number."""
        with writing(self.url) as connection:
            return payments.unblock(connection)

    # Reading

    def day_wallets(self, day: str) -> pl.DataFrame:
        """What each wallet earned on a day, and the transactions that paid it."""
        with self._reading() as connection:
            return reading.day_wallets(connection, day)

    def balances(self) -> pl.DataFrame:
        """Every wallet with what it earned, was paid and is owed; a debit is a negative sum owed."""
        with self._reading() as connection:
            return reading.balances(connection)

    def wallet_sums(self, wallet: str) -> tuple[int, int]:
        """What a wallet earned and was paid, in lamports."""
        with self._reading() as connection:
            return reading.wallet_sums(connection, wallet)

    def earnings_of(self, wallet: str, limit: int) -> list[Earning]:
        """A wallet's newest entries, newest first."""
        with self._reading() as connection:
            return reading.earnings_of(connection, wallet, limit)

    def session_lamports(self, wallet: str, session_ids: Sequence[str]) -> dict[str, int]:
        """What each of a wallet's sessions earned; absent where it was never priced."""
        with self._reading() as connection:
            return reading.session_lamports(connection, wallet, session_ids)

    def unpaid_rules(self, wallet: str, session_ids: Sequence[str]) -> dict[str, str]:
        """Which of a wallet's sessions earned nothing though they were accepted, and by which rule."""
        with self._reading() as connection:
            return reading.unpaid_rules(connection, wallet, session_ids)

    def settled_batches(self, day: str | None = None) -> list[SettledBatch]:
        """Every attempt with its batch's payments; for one day, those that settle its entries."""
        with self._reading() as connection:
            return reading.settled_batches(connection, day)

    def broken_payments(self) -> list[tuple[int, int, int]]:
        """Payments that are not the sum of their entries: (payment, amount, sum)."""
        with self._reading() as connection:
            return reading.broken_payments(connection)

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with open_database(self.url).connect() as connection:
            yield connection
