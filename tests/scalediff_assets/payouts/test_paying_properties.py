"""Any sequence of earning, re-pricing, faults, crashes, expiry and restarts: chain and ledger stay one."""

import shutil
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from solders.keypair import Keypair

from resources.database import migrate, open_database
from resources.ledger import Ledger
from resources.ledger.records import LedgerError
from resources.solana.embedded.chain import VALID_BLOCKS, EmbeddedChain
from resources.solana.errors import SolanaError
from resources.solana.keys import Payer
from resources.solana.rpc import SolanaRpc
from scalediff_assets.payouts.paying import Patience
from scalediff_assets.payouts.policy import load_price_policy
from scalediff_assets.payouts.reconcile import reconcile
from tests.scalediff_assets.payouts.conftest import HURRY, SOL, Till, wallet
from tests.scalediff_assets.payouts.node import Fault, new_node

WALLETS = [wallet(number) for number in range(4)]
DAYS = ["2026-02-01", "2026-02-02"]
# A node is bad in one way for a while, at the methods that matter; and now and then a request is lost.
SENDING: list[Fault] = ["none", "hold", "swallow", "lose_answer", "lose_request", "twice", "garbage"]
LOOKING: list[Fault] = ["none", "lag", "unfinalized", "forgetful", "lose_answer", "busy"]
PASSING: list[Fault] = ["none", "none", "none", "none", "lose_request", "lose_answer", "busy", "garbage"]
PATIENT = Patience(total_s=60.0, poll_s=0.0, resend_s=0.0, lock_s=0.0)
STATUS_METHODS = ("getSignatureStatuses", "getFirstAvailableBlock")
amounts = st.dictionaries(st.sampled_from(WALLETS), st.integers(10**6, SOL), max_size=len(WALLETS))


class Crash(BaseException):
    """The payer's process dies; nothing of the product catches it."""


class MortalRpc(SolanaRpc):
    """A client whose process dies at a request, before or after it takes effect."""

    def __init__(self, url: str, life: int) -> None:
        super().__init__(url, pause_s=0.0)
        self._life = life

    def call(self, method: str, *params: Any) -> Any:
        self._die()
        answer = super().call(method, *params)
        self._die()
        return answer

    def _die(self) -> None:
        self._life -= 1
        if self._life == 0:
            raise Crash


class Paying(RuleBasedStateMachine):
    """The ledger, a payer and a chain, and everything that can come between them."""

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        shutil.copy(TEMPLATE[0], self.folder / "ledger.db")
        url = f"sqlite:///{self.folder / 'ledger.db'}"
        self.stack.callback(lambda: open_database(url).dispose())
        node = self.stack.enter_context(new_node(self.folder))
        self.till = Till(ledger=Ledger(url), node=node, payer=Payer(Keypair()), policy=load_price_policy())
        self.till.fund(1_000 * SOL)
        self.worth: dict[str, dict[str, int]] = defaultdict(dict)
        self.peak = dict.fromkeys(WALLETS, 0)
        self.mood: dict[str, Fault] = {}

    @rule(day=st.sampled_from(DAYS), worth=amounts)
    def price_a_day(self, day: str, worth: dict[str, int]) -> None:
        self.till.earn(worth, day=day)
        self.worth[day] = worth
        for name in WALLETS:
            self.peak[name] = max(self.peak[name], self.earned(name))

    @rule(sending=st.sampled_from(SENDING), looking=st.sampled_from(LOOKING))
    def the_node_turns(self, sending: Fault, looking: Fault) -> None:
        self.mood = {"sendTransaction": sending, **dict.fromkeys(STATUS_METHODS, looking)}

    @rule()
    def pay(self) -> None:
        self.till.node.choose = lambda method: self.mood.get(method, "none")
        self.attempt(SolanaRpc(self.till.node.url, pause_s=0.0))

    @rule(passing=st.lists(st.sampled_from(PASSING), max_size=10), life=st.integers(1, 30))
    def pay_and_die(self, passing: list[Fault], life: int) -> None:
        coming = iter(passing)
        self.till.node.choose = lambda method: next(coming, self.mood.get(method, "none"))
        self.attempt(MortalRpc(self.till.node.url, life))

    @rule(blocks=st.sampled_from([VALID_BLOCKS, VALID_BLOCKS + 1]))
    def let_blocks_pass(self, blocks: int) -> None:
        self.till.node.chain.advance(blocks)

    @rule()
    def deliver_what_was_held(self) -> None:
        self.till.node.release()

    @rule()
    def restart_the_chain(self) -> None:
        path = self.till.node.chain._path
        self.till.node.chain.close()
        self.till.node.chain = EmbeddedChain(path, clock_s=lambda: 0.0)

    @invariant()
    def nobody_has_more_than_was_ever_earned(self) -> None:
        held = dict(zip(WALLETS, self.till.on_chain(*WALLETS), strict=True))
        assert all(held[name] <= self.peak[name] for name in WALLETS), (held, self.peak)

    def attempt(self, rpc: SolanaRpc) -> None:
        paymaster = self.till.paymaster(HURRY)
        object.__setattr__(paymaster, "rpc", rpc)
        try:
            paymaster.pay()
        except (Crash, SolanaError, LedgerError):
            pass  # as a process that dies, or ends with a message
        finally:
            rpc.close()

    def earned(self, name: str) -> int:
        return sum(worth.get(name, 0) for worth in self.worth.values())

    def teardown(self) -> None:
        try:
            self.settle_and_compare()
        finally:
            for rpc in self.till.rpcs:
                rpc.close()
            self.stack.close()

    def settle_and_compare(self) -> None:
        self.till.node.choose = lambda _method: "none"
        self.till.node.release()
        self.till.ledger.unblock()
        for _ in range(3):
            self.till.pay(PATIENT)
        # A straggler of an expired blockhash may still come.
        self.till.node.release()
        found = reconcile(self.till.ledger, self.till.rpc())
        assert found.differences == ()
        assert found.in_flight == 0
        held = dict(zip(WALLETS, self.till.on_chain(*WALLETS), strict=True))
        balances = {row["wallet"]: row for row in self.till.ledger.balances().iter_rows(named=True)}
        for name, row in balances.items():
            assert row["earned_lamports"] == self.earned(name)
            assert row["paid_lamports"] == held[name]
            assert row["owed_lamports"] == self.earned(name) - held[name] <= 0
        assert sum(held.values()) == found.chain_lamports == found.ledger_lamports


TEMPLATE: list[Path] = []


@pytest.mark.slow
def test_any_sequence_leaves_chain_and_ledger_as_one(sqlite_template: Path) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    TEMPLATE[:] = [sqlite_template]
    migrate(f"sqlite:///{sqlite_template}")
    run_state_machine_as_test(Paying, settings=settings(max_examples=15, stateful_step_count=25))
