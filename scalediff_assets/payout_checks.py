"""The checks of `payouts`: what was computed is in the ledger, and what the ledger calls paid is on chain.

- `ledger` (blocking): the ledger's entries of the day are what the price policy gives.
- `chain` (blocking): every transaction that paid an entry of the day is on chain and pays exactly what the
  ledger says. Nothing to compare in a dry run.
- `all_paid` (not blocking): no payment of the day is in flight or refused.
"""

import dagster as dg
import polars as pl

from resources.connections import Connections
from resources.solana.resource import Solana
from resources.tables import read_tables
from scalediff_assets.partitions import DAILY
from scalediff_assets.payout_schemas import Payouts

_ASSET = "payouts"
_SHOWN = 5


@dg.asset_check(
    asset=_ASSET,
    name="ledger",
    blocking=True,
    partitions_def=DAILY,
    description="The ledger's entries of the day are what the price policy gives, per wallet.",
)
def ledger_check(context: dg.AssetCheckExecutionContext, connections: Connections) -> dg.AssetCheckResult:
    """Compare sums per wallet."""
    day = context.op_execution_context.partition_key
    priced = read_tables(connections.lake(), _ASSET, day, Payouts).sessions
    wanted = priced.group_by("wallet").agg(pl.col("lamports").sum().alias("priced"))
    found = connections.ledger().day_wallets(day).select("wallet", "lamports")
    both = wanted.join(found, on="wallet", how="full", coalesce=True).fill_null(0)
    wrong = both.filter(pl.col("priced") != pl.col("lamports")).sort("wallet")
    return dg.AssetCheckResult(
        passed=not wrong.height,
        metadata={"wallets": both.height, "wrong": [str(row) for row in wrong.head(_SHOWN).rows()]},
    )


@dg.asset_check(
    asset=_ASSET,
    name="chain",
    blocking=True,
    partitions_def=DAILY,
    description="Every transaction that paid an entry of the day pays on chain what the ledger says.",
)
def chain_check(
    context: dg.AssetCheckExecutionContext, connections: Connections, solana: Solana
) -> dg.AssetCheckResult:
    """Fetch and decode the day's transactions."""
    from scalediff_assets.payouts.reconcile import reconcile

    day, ledger = context.op_execution_context.partition_key, connections.ledger()
    if not ledger.settled_batches(day):
        return dg.AssetCheckResult(passed=True, metadata={"transactions": 0})
    with solana.rpc() as rpc:
        found = reconcile(ledger, rpc, day)
    return dg.AssetCheckResult(
        passed=not found.differences,
        metadata={
            "transactions": found.transactions,
            "ledger_lamports": found.ledger_lamports,
            "chain_lamports": found.chain_lamports,
            "differences": list(found.differences[:_SHOWN]),
        },
    )


@dg.asset_check(
    asset=_ASSET,
    name="all_paid",
    blocking=False,
    partitions_def=DAILY,
    description="No payment is in flight or refused by the chain.",
)
def all_paid_check(connections: Connections) -> dg.AssetCheckResult:
    """Sums by state; what is owed below the least transfer is no problem."""
    totals = connections.ledger().balances().select(pl.col("sent_lamports", "blocked_lamports").sum())
    sent, blocked = totals.row(0)
    return dg.AssetCheckResult(
        passed=not sent and not blocked,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"in_flight_lamports": sent, "blocked_lamports": blocked},
    )


PAYOUT_CHECKS = [ledger_check, chain_check, all_paid_check]
