"""The demo's payday: the players of its days are paid on the embedded chain, whose money is worth nothing."""

from typing import Any

from rich.console import Console

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import Settings
from resources.solana.resource import Solana
from resources.tables import read_tables
from scalediff_assets.payout_schemas import Payouts
from scalediff_assets.payouts.report import sol
from scalediff_assets.runner import run_partition


def run_payouts(settings: Settings, days: list[str], *, console: Console) -> dict[str, Any]:
    """Pay the days out; what demo_report.json says of it.

    A payer that the settings name is never used by a demo: where one is, or another chain, nothing is paid.

    Raises:
        JobFailedError: Where a step or a check failed.
    """
    resources = resources_for(settings)
    connections: Connections = resources["connections"]
    solana: Solana = resources["solana"]
    ours = solana.is_embedded and solana.is_dry_run
    if ours or solana.has_throwaway_payer:
        solana.make_throwaway_payer()
    for day in days:
        run_partition(settings, "pay_days", day, {"payouts": {"pay": ours or solana.has_throwaway_payer}})
    tables = [read_tables(connections.lake(), "payouts", day, Payouts).wallets for day in days]
    paid = sum(int(table["paid_lamports"].sum()) for table in tables)
    wallets = sum(int((table["paid_lamports"] > 0).sum()) for table in tables)
    console.print(f"paid {sol(paid)} SOL of the embedded chain to {wallets} wallets: scalediff payouts list")
    return {"paid_lamports": paid, "paid_wallets": wallets}
