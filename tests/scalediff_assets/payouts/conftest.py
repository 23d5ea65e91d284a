"""A ledger on a database, a node, and a payer with money."""

import itertools
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest
from solders.keypair import Keypair

from resources.database import open_database
from resources.ledger import Ledger
from resources.ledger.records import LINES
from resources.solana.embedded.facade import Facade
from resources.solana.keys import Payer
from resources.solana.rpc import SolanaRpc
from scalediff_assets.payouts.paying import Patience, Paymaster, PayReport
from scalediff_assets.payouts.policy import PricePolicy, load_price_policy
from tests.scalediff_assets.payouts.node import FaultyNode, new_node

SOL = 10**9
DAY = "2026-02-01"
# Nobody waits in tests: one look, then the next.
HURRY = Patience(total_s=0.0, poll_s=0.0, resend_s=0.0, lock_s=0.0)


def wallet(number: int) -> str:
    """A player's address; the same for the same number."""
    return str(Keypair.from_seed((1_000 + number).to_bytes(32)).pubkey())


def day_lines(lamports: Mapping[str, int]) -> pl.DataFrame:
    """A session for each wallet, worth so much."""
    rows = [
        {"wallet": name, "session_id": f"session_{name[:6]}", "segments": 5, "frames": 750, "lamports": worth}
        for name, worth in lamports.items()
    ]
    return pl.DataFrame(rows, schema=LINES)


@dataclass
class Till:
    """Everything that paying needs; `pay` and `earn` are the product's own."""

    ledger: Ledger
    node: FaultyNode
    payer: Payer
    policy: PricePolicy
    mint: str | None = None
    rpcs: list[SolanaRpc] = field(default_factory=list)

    def rpc(self) -> SolanaRpc:
        """A client that does not wait between its tries."""
        made = SolanaRpc(self.node.url, pause_s=0.0)
        self.rpcs.append(made)
        return made

    def paymaster(self, patience: Patience = HURRY) -> Paymaster:
        """The payer's process."""
        return Paymaster(
            ledger=self.ledger, rpc=self.rpc(), payer=self.payer, mint=self.mint, patience=patience
        )

    def pay(self, patience: Patience = HURRY) -> PayReport:
        """Pay what is due."""
        return self.paymaster(patience).pay()

    def earn(self, lamports: Mapping[str, int], day: str = DAY) -> int:
        """Make the ledger say that wallets earned this on a day; the number of new entries."""
        change = self.ledger.record_day(
            day, day_lines(lamports), policy=self.policy.record, quality_hash="q1", now_ms=1
        )
        return change.entries

    def fund(self, lamports: int, address: str | None = None) -> None:
        """Money from the faucet, past the node's faults."""
        facade = Facade(self.node.chain)
        facade._request_airdrop(address or self.payer.address, lamports)

    def on_chain(self, *wallets: str) -> list[int]:
        """What the wallets have, past the node's faults."""
        facade = Facade(self.node.chain)
        return [facade._balance(each)["value"] for each in wallets]


_NUMBERS = itertools.count()


@pytest.fixture
def till(tmp_path: Path, sqlite_template: Path) -> Iterator[Till]:
    """A till on SQLite and an honest node."""
    shutil.copy(sqlite_template, tmp_path / "ledger.db")
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with new_node(tmp_path) as node:
        made = Till(ledger=Ledger(url), node=node, payer=Payer(Keypair()), policy=load_price_policy())
        made.fund(1_000 * SOL)
        yield made
        for rpc in made.rpcs:
            rpc.close()
    open_database(url).dispose()
