"""Whatever differs between ledger and chain is found and said in a sentence."""

import pytest
import sqlalchemy as sa

from resources.database import tables as t
from resources.database import writing
from resources.ledger import Resolution
from resources.solana.transactions import sign_batch
from scalediff_assets.payouts.reconcile import reconcile
from tests.scalediff_assets.payouts.conftest import DAY, SOL, Till, wallet


def alter(till: Till, statement: sa.Update | sa.Delete) -> None:
    """What somebody with access to the database might do."""
    with writing(till.ledger.url) as connection:
        connection.execute(statement)


@pytest.fixture
def paid(till: Till) -> Till:
    till.earn({wallet(1): SOL, wallet(2): 2 * SOL})
    till.pay()
    return till


def differences(till: Till) -> list[str]:
    return list(reconcile(till.ledger, till.rpc()).differences)


def test_nothing_differs_after_paying_by_day_or_in_all(paid: Till) -> None:
    for day in (None, DAY):
        found = reconcile(paid.ledger, paid.rpc(), day)
        assert (found.transactions, found.ledger_lamports, found.differences) == (1, 3 * SOL, ())
    assert reconcile(paid.ledger, paid.rpc(), "2026-02-02").transactions == 0


def test_an_altered_amount_is_found_in_the_ledger_and_against_the_chain(paid: Till) -> None:
    payments = t.payout_payments
    alter(paid, sa.update(payments).where(payments.c.wallet == wallet(1)).values(lamports=SOL + 1))
    first, second = differences(paid)
    assert first.endswith(f"is {SOL + 1} lamports, its entries are {SOL}")
    assert f"pays {3 * SOL} lamports to 2 wallets on chain, {3 * SOL + 1} lamports to 2 wallets" in second


def test_a_payment_that_never_was_is_found(paid: Till) -> None:
    paid.earn({wallet(3): SOL}, day="2026-02-02")
    paid.node.choose = lambda method: "hold" if method == "sendTransaction" else "none"
    paid.pay()
    paid.node.choose = lambda _method: "none"
    (live,) = [batch for batch in paid.ledger.settled_batches() if batch.state == "live"]
    assert reconcile(paid.ledger, paid.rpc()).in_flight == 1
    paid.ledger.resolve([Resolution(signature=live.signature, state="paid")], 1)
    (difference,) = differences(paid)
    assert difference.endswith("paid in the ledger, not on chain")


def test_a_payment_that_the_ledger_calls_expired_is_found(paid: Till) -> None:
    alter(paid, sa.update(t.payout_attempts).values(state="expired"))
    (difference,) = differences(paid)
    assert "expired in the ledger, yet it paid" in difference


def test_a_payment_behind_the_ledgers_back_is_found(paid: Till) -> None:
    blockhash, _ = paid.node.chain.blockhash()
    foreign = sign_batch(
        paid.payer, [(wallet(9), SOL)], memo="scalediff 7 ab", blockhash=blockhash, mint=None
    )
    private = sign_batch(paid.payer, [(wallet(9), SOL)], memo="lunch", blockhash=blockhash, mint=None)
    for each in (foreign, private):
        paid.node.chain.submit(each.wire)
    assert differences(paid) == [
        f"transaction {foreign.signature}: pays {SOL} lamports to 1 wallets and is not in the ledger"
    ]
