"""Kill -9 at every step between computing and confirming: nobody is paid twice, nobody is forgotten.

A child process, really killed, records a day and pays it on the real embedded chain. A point is
before and after each database transaction and each request to the chain; the walk dies at the first
point, then at the second, and so on until a child survives. Every death begins with a new day of new
wallets, and the runs after it must finish both what is due and what the dead child left.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from solders.keypair import Keypair

from resources.database import migrate
from resources.ledger import Ledger
from resources.solana.embedded.process import RunningChain, start_chain, stop_chain
from resources.solana.keys import Payer, throwaway_payer
from resources.solana.rpc import SolanaRpc
from scalediff_assets.payouts.paying import Paymaster
from scalediff_assets.payouts.reconcile import reconcile
from tests.scalediff_assets.payouts.conftest import SOL

ROOT = Path(__file__).parents[3]
# Serves one command per line by a fork, so that modules are imported once: DAY POINT -> exit code.
NURSERY = """
import os, signal, sys
import resources.ledger.ledger as ledger_module
import resources.ledger.entries
from pathlib import Path
from contextlib import contextmanager
from resources.ledger import Ledger
from resources.settings import read_settings
from resources.solana.keys import load_payer
from resources.solana.rpc import SolanaRpc
from scalediff_assets.payouts.paying import Paymaster
from scalediff_assets.payouts.policy import load_price_policy
from tests.scalediff_assets.payouts.conftest import day_lines

home, url = Path(sys.argv[1]), sys.argv[2]
left = 0

def point():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

writing, call = ledger_module.writing, SolanaRpc.call

@contextmanager
def dying_writing(url):
    point()
    with writing(url) as connection:
        yield connection
        point()  # everything is written, nothing is committed
    point()

def dying_call(self, *arguments):
    point()
    answer = call(self, *arguments)
    point()
    return answer

ledger_module.writing, SolanaRpc.call = dying_writing, dying_call

def work(day, worth):
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    lines = day_lines({wallet: int(lamports) for wallet, lamports in (each.split("=") for each in worth)})
    policy = load_price_policy().record
    ledger.record_day(day, lines, policy=policy, quality_hash="q", now_ms=1)
    settings = read_settings({"SCALEDIFF_PAYER_KEYPAIR_FILE": str(home / "throwaway_payer.json")})
    Paymaster(ledger=ledger, rpc=SolanaRpc(url), payer=load_payer(settings)).pay()

for line in sys.stdin:
    die_at, day, *worth = line.split()
    child = os.fork()
    if child == 0:
        left = int(die_at)
        work(day, worth)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[RunningChain]:
    running = start_chain(tmp_path / "chain", port=0, idle_s=120.0)
    try:
        yield running
    finally:
        stop_chain(tmp_path / "chain")


class Nursery:
    """Starts children that die at a point."""

    def __init__(self, home: Path, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", NURSERY, str(home), url],
            cwd=ROOT,
            env={**os.environ, "POLARS_MAX_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, day: str, worth: dict[str, int], *, die_at: int) -> int:
        """The exit code of a child; minus 9 where it died at its point."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(f"{die_at} {day} {' '.join(f'{name}={lamports}' for name, lamports in worth.items())}\n")
        stdin.flush()
        return int(stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.communicate("")


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [0, 200], ids=["at once", "after the blockhash expired"])
def test_a_kill_at_any_point_neither_doubles_nor_loses_a_payment(
    tmp_path: Path, chain: RunningChain, blocks: int
) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(url)
    key_file = throwaway_payer(tmp_path)
    payer = Payer(Keypair.from_json(key_file.read_text()))
    earned: dict[str, int] = {}
    nursery = Nursery(tmp_path, chain.url)
    with SolanaRpc(chain.url) as rpc:
        rpc.airdrop(payer.address, 10_000 * SOL)
        ledger = Ledger(url)
        code, point = -signal.SIGKILL, 0
        while code != 0:
            point += 1
            worth = {str(Keypair().pubkey()): 2_000_000 + point, str(Keypair().pubkey()): SOL + point}
            day = f"day-{point:03d}"
            code = nursery.run(day, worth, die_at=point)
            assert code in (0, -signal.SIGKILL), f"point {point}"
            if blocks:
                rpc.call("advanceBlocks", blocks)
            # The day is run again as a whole, as Dagster would.
            assert nursery.run(day, worth, die_at=0) == 0
            earned |= worth
            assert {name: rpc.balance(name) for name in worth} == worth, f"point {point}"
        nursery.close()
        assert point > 20
        assert Paymaster(ledger=ledger, rpc=rpc, payer=payer).pay().payments == 0
        assert {name: rpc.balance(name) for name in earned} == earned
        found = reconcile(ledger, rpc)
        assert found.differences == ()
        assert found.ledger_lamports == found.chain_lamports == sum(earned.values())
        balances = ledger.balances()
        assert balances["paid_lamports"].sum() == balances["earned_lamports"].sum() == sum(earned.values())
