"""A day's payouts as tables and as what the UI shows; no Dagster here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import polars as pl

from scalediff_assets.payout_schemas import PAYOUT_SESSIONS, PAYOUT_STOCK, PAYOUT_WALLETS, Payouts
from scalediff_assets.payouts.pricing import PAYABLE, Priced

if TYPE_CHECKING:
    from scalediff_assets.payouts.fraud.evidence import Evidence

LAMPORTS_PER_SOL = 1_000_000_000
NO_MANOEUVRE = "none"


def payout_tables(
    accepted: pl.DataFrame,
    priced: Priced,
    ledger_wallets: pl.DataFrame,
    fraud: pl.DataFrame,
    evidence: "Evidence",
) -> Payouts:
    """The day's tables.

    Args:
        accepted: ACCEPTED.
        priced: Its prices.
        ledger_wallets: What the ledger says of the day, after paying.
        fraud: PAYOUT_FRAUD.
        evidence: What the fraud rules measured.
    """
    reasons = (
        priced.sessions.filter(pl.col("status") != PAYABLE)
        .with_columns(rule=pl.concat_str(pl.lit(" ("), "rule", pl.lit(")")).fill_null(""))
        .with_columns(why=pl.concat_str("status", "rule"))
        .group_by("wallet", "why")
        .agg(pl.len())
        .sort("wallet", "why")
        .group_by("wallet", maintain_order=True)
        .agg(unpaid_because=pl.concat_str("why", pl.lit(" x "), "len").str.join(", "))
    )
    shown = priced.sessions.group_by("wallet").agg(
        valid_segments=pl.col("segments").sum(),
        total_frames=pl.col("frames").sum(),
        worth_lamports=pl.col("worth_lamports").sum(),
    )
    earned = ledger_wallets.select(
        "wallet", "lamports", "paid_lamports", "corrections", transactions=pl.col("signatures")
    )
    wallets = (
        shown.join(earned, on="wallet", how="full", coalesce=True)
        .join(reasons, on="wallet", how="left")
        .with_columns(
            pl.col("unpaid_because").fill_null(""),
            pl.col("transactions").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            pl.col(pl.Int64).fill_null(0),
        )
        .sort("wallet")
    )
    stock = accepted.group_by(manoeuvre=pl.col("manoeuvre").fill_null(NO_MANOEUVRE)).agg(segments=pl.len())
    return Payouts(
        wallets=PAYOUT_WALLETS.conform(wallets),
        sessions=PAYOUT_SESSIONS.conform(priced.sessions),
        stock=PAYOUT_STOCK.conform(stock.sort("manoeuvre")),
        fraud=fraud,
        evidence=evidence.measures,
        tracks=evidence.tracks,
    )


def payout_markdown(wallets: pl.DataFrame, link: Callable[[str], str | None], rows: int = 50) -> str:
    """The table for people: wallet, valid segments, total frames, payout in SOL, transactions."""
    lines = [
        "| wallet | valid segments | total frames | payout (SOL) | transactions |",
        "|---|---:|---:|---:|---|",
    ]
    for row in wallets.sort("lamports", "wallet", descending=[True, False]).head(rows).iter_rows(named=True):
        links = " ".join(_link(signature, link(signature)) for signature in row["transactions"])
        state = links or row["unpaid_because"] or ("owed" if row["lamports"] else "")
        lines.append(
            f"| `{row['wallet']}` | {row['valid_segments']} | {row['total_frames']} | {sol(row['lamports'])} "
            f"| {state} |"
        )
    if wallets.height > rows:
        lines.append(f"| and {wallets.height - rows} more | | | | |")
    return "\n".join(lines)


def rule_counts(tables: Payouts) -> dict[str, int]:
    """How many sessions of the day each rule keeps from earning; a session may break several."""
    key = ["wallet", "session_id", "rule"]
    broken = tables.fraud.select(key)
    other = tables.sessions.filter((pl.col("status") != PAYABLE) & pl.col("rule").is_not_null()).select(key)
    counts = pl.concat([broken, other]).unique()["rule"].value_counts(sort=True)
    return {
        str(rule): int(count) for rule, count in counts.sort("count", "rule", descending=[True, False]).rows()
    }


def fraud_markdown(fraud: pl.DataFrame, rows: int = 50) -> str:
    """The broken limits for people: session, rule, what was measured, value and limit."""
    lines = ["| session | rule | measure | value | limit | copies |", "|---|---|---|---:|---:|---|"]
    for row in fraud.head(rows).iter_rows(named=True):
        other = f"`{row['other_session_id']}`" if row["other_session_id"] else ""
        lines.append(
            f"| `{row['session_id']}` | {row['rule']} | {row['measure']} | {row['value']:.3g} "
            f"| {row['limit']:.3g} | {other} |"
        )
    if fraud.height > rows:
        lines.append(f"| and {fraud.height - rows} more | | | | | |")
    return "\n".join(lines)


def sol(lamports: int) -> str:
    """`0.0024` for 2,400,000 lamports: all digits that are not zeros at the end."""
    sign, lamports = ("-", -lamports) if lamports < 0 else ("", lamports)
    whole, rest = divmod(lamports, LAMPORTS_PER_SOL)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".")


def _link(signature: str, url: str | None) -> str:
    short = f"{signature[:8]}…"
    return short if url is None else f"[{short}]({url})"
