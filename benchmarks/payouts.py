"""What payouts cost: verdict rows to ledger entries, and wallets paid on the embedded chain.

    python -m benchmarks.payouts [--json] [--quick] [--rounds N]

`pricing`: rows of accepted segments (12 a session, wallets with 8 sessions each) are priced and written to a
ledger on a new SQLite file; the same number of rows merely grouped by wallet is the baseline.

`paying`: that many wallets are paid by the product's own `Paymaster` over HTTP from a chain in a process of
its own, with every transaction synced to its log; then the ledger is reconciled with the chain. The baseline
is bare LiteSVM in this process: the same number of single transfers, signed and executed one by one, without
HTTP, log or ledger.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
from solders.account import Account
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.transaction import Transaction

from benchmarks.measure import report
from resources.database import migrate, open_database
from resources.ledger import Ledger
from resources.solana.embedded.process import start_chain, stop_chain
from resources.solana.keys import Payer
from resources.solana.rpc import SolanaRpc
from scalediff_assets.payouts.paying import Paymaster
from scalediff_assets.payouts.policy import load_price_policy
from scalediff_assets.payouts.pricing import EXCLUSIONS, price
from scalediff_assets.payouts.reconcile import reconcile

ROWS, WALLETS = 1_000_000, 10_000
QUICK_ROWS, QUICK_WALLETS = 10_000, 100
SEGMENTS_PER_SESSION, SESSIONS_PER_WALLET = 12, 8
_PAYER_LAMPORTS = 10**15
_DAY = "2026-02-01"


def accepted_rows(rows: int) -> pl.DataFrame:
    """Accepted segments of a day, every third session in a staged scenario."""
    number = np.arange(rows)
    session = number // SEGMENTS_PER_SESSION
    owner = session // SESSIONS_PER_WALLET
    return pl.DataFrame({"number": number, "session": session, "owner": owner}).select(
        segment_id=pl.format("session_{}_{}", "session", pl.col("number") % SEGMENTS_PER_SESSION),
        session_id=pl.format("session_{}", "session"),
        wallet=pl.format("wallet-of-44-characters-as-on-solana-{}", "owner"),
        frames=pl.lit(150, dtype=pl.Int64),
        scenario_id=pl.when(pl.col("session") % 3 == 0).then(pl.lit("cut-in")),
        manoeuvre=pl.when(pl.col("number") % 5 == 0).then(pl.lit("left")),
    )


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def new_ledger() -> Iterator[tuple[Path, Ledger]]:
    """A ledger on a new SQLite file, and its folder."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        migrate(url)
        yield Path(folder), Ledger(url)
        open_database(url).dispose()


def measure_pricing(rows: int) -> dict[str, float]:
    """Seconds from accepted rows to committed entries."""
    accepted, policy = accepted_rows(rows), load_price_policy()
    proven = accepted.select("wallet", "session_id").unique()

    def to_ledger(ledger: Ledger) -> None:
        priced = price(
            accepted=accepted, proven=proven, excluded=EXCLUSIONS.to_frame(), rates=[], policy=policy
        )
        ledger.record_day(_DAY, priced.lines, policy=policy.record, quality_hash="q", now_ms=1)

    with new_ledger() as (_, ledger):
        first_s = seconds(lambda: to_ledger(ledger))
        again_s = seconds(lambda: to_ledger(ledger))
        entries = ledger.balances().height
    grouped_s = seconds(lambda: accepted.group_by("wallet").agg(pl.col("frames").sum()))
    return {
        "rows_to_entries_s": first_s,
        "same_day_again_s": again_s,
        "entries": float(entries),
        "pricing_ratio_to_a_bare_group_by": first_s / grouped_s,
    }


def measure_paying(wallets: int) -> dict[str, float]:
    """Seconds to pay wallets and to reconcile, on a chain in a process of its own."""
    policy, payer = load_price_policy(), Payer(Keypair())
    names = [str(Keypair().pubkey()) for _ in range(wallets)]
    lines = pl.DataFrame(
        {
            "wallet": names,
            "session_id": [f"session_{number}" for number in range(wallets)],
            "segments": [12] * wallets,
            "frames": [1_800] * wallets,
            "lamports": [2_400_000] * wallets,
        }
    )
    with new_ledger() as (folder, ledger):
        chain = start_chain(folder / "chain", port=0, idle_s=600.0)
        try:
            with SolanaRpc(chain.url) as rpc:
                rpc.airdrop(payer.address, _PAYER_LAMPORTS)
                ledger.record_day(_DAY, lines, policy=policy.record, quality_hash="q", now_ms=1)
                paymaster = Paymaster(ledger=ledger, rpc=rpc, payer=payer)
                paying_s = seconds(paymaster.pay)
                verifying_s = seconds(lambda: reconcile(ledger, rpc))
                found = reconcile(ledger, rpc)
        finally:
            stop_chain(folder / "chain")
    if found.differences or found.chain_lamports != 2_400_000 * wallets:
        raise RuntimeError(f"not everybody was paid: {found}")
    bare_s = bare_transfers(names)
    return {
        "paying_s": paying_s,
        "verifying_s": verifying_s,
        "bare_litesvm_s": bare_s,
        "paying_ratio_to_bare_litesvm": paying_s / bare_s,
        "wallets_per_s": wallets / paying_s,
        "transactions": float(found.transactions),
    }


def bare_transfers(wallets: list[str]) -> float:
    """Seconds for single transfers in this process: the floor, without anything that makes them safe."""
    svm, payer = LiteSVM(), Keypair()
    svm.set_account(payer.pubkey(), Account(_PAYER_LAMPORTS, b"", SYSTEM_PROGRAM))
    targets = [Pubkey.from_string(wallet) for wallet in wallets]

    def run() -> None:
        for target in targets:
            params = TransferParams(from_pubkey=payer.pubkey(), to_pubkey=target, lamports=2_400_000)
            message = Message([transfer(params)], payer.pubkey())
            svm.send_transaction(Transaction([payer], message, svm.latest_blockhash()))

    return seconds(run)


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="What payouts cost.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", "--smoke", action="store_true", help="small, for the tests")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    rows, wallets = (QUICK_ROWS, QUICK_WALLETS) if given.quick else (ROWS, WALLETS)
    count = 1 if given.quick else given.rounds
    rounds = [measure_pricing(rows) | measure_paying(wallets) for _ in range(count)]
    figures = {"verdict_rows": rows, "wallets": wallets, "rounds": len(rounds), **medians(rounds)}
    report("payouts", figures, as_json=given.json)


if __name__ == "__main__":
    main()
