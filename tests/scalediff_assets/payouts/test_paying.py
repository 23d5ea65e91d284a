"""Every wallet is paid once: through lost answers, dropped and doubled transactions, expiry and refusal."""

import itertools
from collections.abc import Iterator

import pytest
from solders.keypair import Keypair

from resources.ledger import AttemptConflictError, OtherChainError, PayerBusyError
from resources.solana.embedded.chain import VALID_BLOCKS, EmbeddedChain
from resources.solana.errors import RpcUnavailableError
from resources.solana.keys import Payer
from resources.solana.transactions import SOL_PER_TRANSACTION, destination_of
from scalediff_assets.payouts.paying import Patience, PayerFundsError
from scalediff_assets.payouts.reconcile import reconcile
from tests.resources.test_solana_chain import ask, make_mint
from tests.scalediff_assets.payouts.conftest import SOL, Till, wallet
from tests.scalediff_assets.payouts.node import Fault

PATIENT = Patience(total_s=30.0, poll_s=0.0, resend_s=0.0, lock_s=0.0)


def in_turn(**faults: list[Fault]) -> "Turns":
    return Turns({method: iter(each) for method, each in faults.items()})


class Turns:
    """The faults of a method's first requests; none after that."""

    def __init__(self, faults: dict[str, Iterator[Fault]]) -> None:
        self._faults = faults

    def __call__(self, method: str) -> Fault:
        return next(self._faults.get(method, iter(())), "none")


def assert_balanced(till: Till, paid: dict[str, int]) -> None:
    """Chain, ledger and expectation agree, to the lamport and per wallet."""
    till.node.choose = lambda _method: "none"
    assert till.on_chain(*paid) == list(paid.values())
    found = reconcile(till.ledger, till.rpc())
    assert found.differences == ()
    assert found.ledger_lamports == found.chain_lamports == sum(paid.values())


def test_everybody_is_paid_in_full_transactions(till: Till) -> None:
    owed = {wallet(number): 1_000_000 + number for number in range(2 * SOL_PER_TRANSACTION + 1)}
    till.earn(owed)
    report = till.pay()
    assert (report.payments, report.transactions, report.in_flight) == (len(owed), 3, 0)
    assert_balanced(till, owed)


def test_paying_again_pays_nothing(till: Till) -> None:
    owed = {wallet(1): SOL}
    till.earn(owed)
    till.pay()
    till.earn(owed)
    assert till.pay().payments == 0
    assert till.node.calls.count("sendTransaction") == 1
    assert_balanced(till, owed)


def test_a_day_that_is_worth_more_pays_the_difference_and_keeps_the_first_entry(till: Till) -> None:
    till.earn({wallet(1): 2 * SOL})
    till.pay()
    till.earn({wallet(1): 5 * SOL})
    assert till.pay().lamports == 3 * SOL
    newest, first = till.ledger.earnings_of(wallet(1), 10)
    assert (first.lamports, first.is_correction, first.state) == (2 * SOL, False, "paid")
    assert (newest.lamports, newest.is_correction, newest.state) == (3 * SOL, True, "paid")
    assert newest.signature != first.signature
    assert_balanced(till, {wallet(1): 5 * SOL})


def test_a_day_that_is_worth_less_is_a_debit_against_what_is_earned_next(till: Till) -> None:
    till.earn({wallet(1): 5 * SOL, wallet(2): SOL})
    till.pay()
    till.earn({wallet(1): 2 * SOL})
    assert till.pay().payments == 0
    balances = {row[0]: row for row in till.ledger.balances().iter_rows()}
    assert balances[wallet(1)][1:] == (2 * SOL, 5 * SOL, 0, 0, -3 * SOL)
    assert balances[wallet(2)][1:] == (0, SOL, 0, 0, -SOL)
    till.earn({wallet(1): 4 * SOL}, day="2026-02-02")
    assert till.pay().lamports == SOL
    assert_balanced(till, {wallet(1): 6 * SOL, wallet(2): SOL})


def test_small_sums_wait_until_they_are_worth_a_transfer(till: Till) -> None:
    till.earn({wallet(1): 600_000})
    paymaster = till.paymaster()
    object.__setattr__(paymaster, "minimum_lamports", 1_000_000)
    assert paymaster.pay().payments == 0
    till.earn({wallet(1): 600_000}, day="2026-02-02")
    assert paymaster.pay().lamports == 1_200_000
    assert_balanced(till, {wallet(1): 1_200_000})


@pytest.mark.parametrize(
    "fault", ["lose_request", "lose_answer", "twice", "swallow", "hold", "busy", "garbage"]
)
def test_a_fault_on_the_way_of_the_transaction_costs_a_resend_not_a_payment(till: Till, fault: Fault) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = in_turn(sendTransaction=[fault] * 6)
    report = till.pay(PATIENT)
    till.node.release()
    assert (report.payments, report.expired) == (1, 0)
    assert len({batch.signature for batch in till.ledger.settled_batches()}) == 1
    assert_balanced(till, {wallet(1): SOL})


@pytest.mark.parametrize("fault", ["lose_answer", "busy", "garbage", "lag", "unfinalized", "forgetful"])
def test_a_fault_on_the_way_of_the_answer_leads_to_waiting(till: Till, fault: Fault) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = in_turn(getSignatureStatuses=[fault] * 6)
    assert till.pay(PATIENT).payments == 1
    assert len(till.ledger.settled_batches()) == 1
    assert_balanced(till, {wallet(1): SOL})


def test_an_expired_transaction_is_signed_anew_and_the_old_one_is_worthless(till: Till) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = lambda method: "hold" if method == "sendTransaction" else "none"
    assert till.pay().in_flight == 1
    till.node.chain.advance(VALID_BLOCKS + 1)
    till.node.choose = lambda _method: "none"
    report = till.pay(PATIENT)
    assert (report.expired, report.payments) == (1, 1)
    till.node.release()
    assert [batch.state for batch in till.ledger.settled_batches()] == ["expired", "paid"]
    assert_balanced(till, {wallet(1): SOL})


def test_nothing_is_signed_anew_before_the_last_valid_block_has_passed(till: Till) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = lambda method: "hold" if method == "sendTransaction" else "none"
    till.pay()
    till.node.chain.advance(VALID_BLOCKS)
    assert till.pay().expired == 0
    till.node.release()
    till.node.choose = lambda _method: "none"
    assert till.pay().payments == 1
    assert len(till.ledger.settled_batches()) == 1
    assert_balanced(till, {wallet(1): SOL})


@pytest.mark.parametrize("fault", ["lag", "forgetful", "unfinalized"])
def test_a_node_that_cannot_know_is_no_proof_of_expiry(till: Till, fault: Fault) -> None:
    till.earn({wallet(1): SOL})
    # It lands, and its answer is lost; then a node is asked that lags, or has pruned its history.
    till.node.choose = in_turn(sendTransaction=["lose_answer"] * 4, getSignatureStatuses=["lag"])
    till.pay()
    till.node.chain.advance(VALID_BLOCKS + 1)
    till.node.choose = lambda _method: fault
    assert till.pay().expired == 0
    till.node.choose = lambda _method: "none"
    assert till.pay().payments == 1
    assert len(till.ledger.settled_batches()) == 1
    assert_balanced(till, {wallet(1): SOL})


def test_a_wall_clock_that_jumps_decides_nothing(till: Till) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = lambda method: "hold" if method == "sendTransaction" else "none"
    times = itertools.cycle([10**15, 0, 5])
    for _ in range(4):
        paymaster = till.paymaster()
        object.__setattr__(paymaster, "now_ms", lambda: next(times))
        assert paymaster.pay().in_flight == 1
    till.node.release()
    till.node.choose = lambda _method: "none"
    assert till.pay().payments == 1
    assert_balanced(till, {wallet(1): SOL})


def test_a_node_that_never_answers_leaves_everything_for_the_next_run(till: Till) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = lambda _method: "lose_request"
    with pytest.raises(RpcUnavailableError, match="run again"):
        till.pay()
    till.node.choose = lambda _method: "none"
    assert till.pay().payments == 1
    assert_balanced(till, {wallet(1): SOL})


def test_a_transfer_that_the_chain_refuses_does_not_keep_the_others(till: Till) -> None:
    # Less than an account needs to exist; somebody who already has one can get it.
    till.earn({wallet(1): 1_000, wallet(2): SOL, wallet(3): 2 * SOL})
    report = till.pay(PATIENT)
    assert (report.payments, report.blocked, report.in_flight) == (2, 1, 0)
    assert "InsufficientFundsForRent" in (report.problem or "")
    (entry,) = till.ledger.earnings_of(wallet(1), 5)
    assert (entry.state, entry.signature) == ("blocked", None)
    assert till.pay().payments == 0
    till.fund(SOL, wallet(1))
    assert till.ledger.unblock() == 1
    assert till.pay().payments == 1
    assert till.on_chain(wallet(1)) == [SOL + 1_000]
    assert reconcile(till.ledger, till.rpc()).differences == ()


def test_a_poor_payer_signs_nothing_and_says_what_is_missing(till: Till) -> None:
    till.payer = Payer(Keypair())
    till.fund(SOL)
    till.earn({wallet(1): SOL})
    with pytest.raises(PayerFundsError, match=f"holds {SOL} lamports and needs {SOL + 895_880}"):
        till.pay()
    assert till.ledger.settled_batches() == []
    till.fund(2 * SOL)
    assert till.pay().payments == 1
    assert_balanced(till, {wallet(1): SOL})


def test_money_that_runs_out_on_the_way_blocks_nobody(till: Till) -> None:
    till.earn({wallet(1): 600 * SOL})
    till.node.choose = lambda method: "hold" if method == "sendTransaction" else "none"
    till.pay()
    # Another batch, signed meanwhile, takes what the first one needs.
    till.earn({wallet(2): 600 * SOL}, day="2026-02-02")
    till.node.choose = lambda _method: "none"
    with pytest.raises(PayerFundsError):
        till.pay(PATIENT)
    till.fund(1_001 * SOL)
    till.node.release()
    till.pay(PATIENT)
    assert_balanced(till, {wallet(1): 600 * SOL, wallet(2): 600 * SOL})


def test_tokens_are_paid_to_the_wallets_accounts(till: Till) -> None:
    authority = Keypair()
    till.payer = Payer(authority)
    till.fund(100 * SOL)
    till.mint = make_mint(till.node.chain, authority, 10**15)
    owed = {wallet(number): 1_000 + number for number in range(12)}
    till.earn(owed)
    assert till.pay(PATIENT).payments == len(owed)
    for name, units in owed.items():
        account = destination_of(name, till.mint)
        found = ask(till.node.chain, "getTokenAccountBalance", account)["value"]
        assert found["amount"] == str(units)
    assert reconcile(till.ledger, till.rpc()).differences == ()


def test_too_few_tokens_are_missed_before_signing(till: Till) -> None:
    authority = Keypair()
    till.payer = Payer(authority)
    till.fund(100 * SOL)
    till.mint = make_mint(till.node.chain, authority, 10)
    till.earn({wallet(1): 11})
    with pytest.raises(PayerFundsError, match=f"holds 10 units of {till.mint} and needs 11"):
        till.pay()


def test_a_second_payer_waits_and_then_says_who_is_at_work(till: Till) -> None:
    till.earn({wallet(1): SOL})
    with till.ledger.payer_lock(0.0), pytest.raises(PayerBusyError, match="another process pays"):
        till.pay()
    assert till.pay().payments == 1


def test_the_database_refuses_a_second_transaction_that_may_take_effect(till: Till) -> None:
    till.earn({wallet(1): SOL})
    till.node.choose = lambda method: "hold" if method == "sendTransaction" else "none"
    till.pay()
    (batch,) = till.ledger.open_batches()
    assert batch.attempt is not None
    with pytest.raises(AttemptConflictError, match="may take effect"):
        till.paymaster()._sign([batch])
    with pytest.raises(AttemptConflictError, match="may take effect"):
        till.ledger.retire_failed(batch.batch_id, 1)
    till.node.release()
    till.node.choose = lambda _method: "none"
    till.pay()
    with pytest.raises(AttemptConflictError, match="is settled"):
        till.paymaster()._sign([batch])
    assert_balanced(till, {wallet(1): SOL})


def test_another_chain_is_refused_once_something_was_paid(till: Till, tmp_path: object) -> None:
    till.earn({wallet(1): SOL})
    till.pay()
    first = till.node.chain
    till.node.chain = EmbeddedChain(first._path.with_name("other.log"), clock_s=lambda: 0.0)
    till.fund(100 * SOL)
    till.earn({wallet(1): SOL}, day="2026-02-02")
    with pytest.raises(OtherChainError, match=first.genesis_hash):
        till.pay()
    assert till.on_chain(wallet(1)) == [0]
    till.node.chain.close()
    till.node.chain = first
