"""`scalediff payouts`: what players earned, paying it, and whether ledger and chain agree."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

if TYPE_CHECKING:
    from resources.ledger import Ledger
    from resources.solana.resource import Solana

app = typer.Typer(name="payouts", help="What players earned, and its payment.", no_args_is_help=True)
Home = Annotated[
    Path, typer.Option("--home", help="Folder of the instance and the databases.", envvar="SCALEDIFF_HOME")
]
_HOME = Path(".scalediff")
_DIFFERENT = 2
console = Console()


@app.command("list")
def list_wallets(
    home: Home = _HOME,
    wallet: Annotated[str | None, typer.Option(help="Show this wallet's entries.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Entries of a wallet to show.")] = 50,
) -> None:
    """List what each wallet earned, was paid and is owed; a negative sum owed is a debit."""
    from scalediff_assets.payouts.report import sol

    ledger, solana = _open(home)
    if wallet is not None:
        _print_entries(ledger, solana, wallet, rows)
        return
    table = Table(Column("wallet", overflow="fold"), "earned", "paid", "on its way", "refused", "owed")
    for name, *amounts in ledger.balances().iter_rows():
        table.add_row(name, *(sol(amount) for amount in amounts))
    console.print(table)


@app.command()
def pay(
    home: Home = _HOME,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be paid.")] = False,
    throwaway_payer: Annotated[
        bool,
        typer.Option("--throwaway-payer", help="Make and fund a payer for the embedded chain."),
    ] = False,
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="Try payments again that the chain refused.")
    ] = False,
) -> None:
    """Pay everything that the ledger owes; safe to run at any time, again, and after any crash."""
    from scalediff_assets.payouts.policy import load_price_policy
    from scalediff_assets.payouts.report import sol

    ledger, solana = _open(home)
    policy = load_price_policy()
    if throwaway_payer:
        console.print(f"throw-away payer, for the embedded chain only: {solana.make_throwaway_payer()}")
    if dry_run or solana.is_dry_run:
        owed = ledger.balances()
        due = owed.filter(owed["owed_lamports"] >= policy.payment.minimum_lamports)
        why = "" if dry_run else " (no payer is set: SCALEDIFF_PAYER_KEYPAIR_FILE, or --throwaway-payer)"
        console.print(f"dry run{why}: {sol(int(due['owed_lamports'].sum()))} SOL to {due.height} wallets")
        return
    if retry_refused:
        console.print(f"refused before, tried again: {ledger.unblock()} payments")
    from scalediff_assets.payouts.paying import Paymaster

    with solana.rpc() as rpc:
        report = Paymaster(
            ledger=ledger,
            rpc=rpc,
            payer=solana.payer(),
            mint=solana.mint,
            minimum_lamports=policy.payment.minimum_lamports,
        ).pay()
    console.print(
        f"paid {sol(report.lamports)} SOL in {report.payments} payments, {report.transactions} transactions; "
        f"in flight {report.in_flight}, refused {report.blocked}"
    )
    if report.problem is not None:
        console.print(report.problem, highlight=False)


@app.command()
def verify(
    home: Home = _HOME,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for machines.")] = False,
) -> None:
    """Compare ledger and chain; print every difference and end with exit code 2 if there is one."""
    from scalediff_assets.payouts.reconcile import reconcile
    from scalediff_assets.payouts.report import sol

    ledger, solana = _open(home)
    with solana.rpc() as rpc:
        found = reconcile(ledger, rpc)
    if as_json:
        console.print_json(json.dumps(vars(found)))
    else:
        for difference in found.differences:
            console.print(difference, highlight=False, soft_wrap=True)
        console.print(
            f"{found.transactions} transactions: {sol(found.ledger_lamports)} SOL in the ledger, "
            f"{sol(found.chain_lamports)} SOL on chain; {found.in_flight} in flight, "
            f"{len(found.differences)} differences"
        )
    if found.differences:
        raise typer.Exit(_DIFFERENT)


@app.command()
def chain(
    home: Home = _HOME,
    stop: Annotated[bool, typer.Option("--stop", help="Stop it.")] = False,
) -> None:
    """Start the embedded chain, or stop it; it also starts by itself and ends after an idle hour."""
    from resources.solana.embedded.process import chain_folder, start_chain, stop_chain
    from scalediff_assets.home import use_home

    folder = chain_folder(use_home(home).home)
    if stop:
        console.print("stopped" if stop_chain(folder) else "the embedded chain does not run for this home")
    else:
        console.print(f"embedded chain: {start_chain(folder).url}")


def _print_entries(ledger: "Ledger", solana: "Solana", wallet: str, rows: int) -> None:
    from scalediff_assets.payouts.report import sol

    table = Table("entry", "day", "segments", "SOL", "state", "transaction")
    for entry in ledger.earnings_of(wallet, rows):
        link = None if entry.signature is None else solana.link(entry.signature)
        kind = f"{entry.day} (correction)" if entry.is_correction else entry.day
        table.add_row(
            str(entry.entry_id), kind, str(entry.segments), sol(entry.lamports), entry.state,
            "" if entry.signature is None else f"[link={link}]{entry.signature}[/link]",
        )  # fmt: skip
    console.print(table)


def _open(home: Path) -> "tuple[Ledger, Solana]":
    from resources.profiles import resources_for
    from scalediff_assets.home import use_home

    resources = resources_for(use_home(home))
    return resources["connections"].ledger(), resources["solana"]
