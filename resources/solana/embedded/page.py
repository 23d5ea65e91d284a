"""A landed transaction as a page for people: what the link beside a payment shows on the embedded chain."""

import datetime as dt
import html

from resources.solana.embedded.chain import Executed
from resources.solana.transactions import read_payments

_LAMPORTS_PER_SOL = 1_000_000_000
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "td,th{padding:.3rem 1.2rem .3rem 0;text-align:left;border-bottom:1px solid #ddd}"
    "code{overflow-wrap:anywhere}.n{text-align:right;font-variant-numeric:tabular-nums}"
)


def transaction_page(executed: Executed) -> str:
    """The page's HTML."""
    paid = read_payments(executed.wire)
    when = dt.datetime.fromtimestamp(executed.block_time_s, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    error = executed.outcome.error
    facts = {
        "signature": executed.signature,
        "result": "success" if error is None else f"failed: {error}",
        "slot": str(executed.slot),
        "time": when,
        "paid by": paid.payer,
        "memo": paid.memo or "none",
        "fee": _sol(executed.outcome.fee_lamports),
    }
    rows = "".join(f"<tr><th>{name}</th><td><code>{html.escape(value)}</code></td></tr>"
                   for name, value in facts.items())  # fmt: skip
    transfers = "".join(
        f"<tr><td><code>{each.destination}</code></td><td class=n>{_sol(each.lamports)}</td></tr>"
        for each in paid.transfers
    )
    return (
        f"<!doctype html><meta charset=utf-8><title>Transaction</title><style>{_STYLE}</style>"
        "<h1>Transaction on the embedded chain</h1><p>This chain runs on this machine for demos and tests; "
        f"its money is worth nothing.</p><table>{rows}</table><h2>{len(paid.transfers)} transfers</h2>"
        f"<table><tr><th>to</th><th class=n>amount</th></tr>{transfers}</table>"
    )


def _sol(lamports: int) -> str:
    whole, rest = divmod(lamports, _LAMPORTS_PER_SOL)
    return f"{whole}.{rest:09d} SOL"
