"""The asset `payouts`."""

import time
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from pydantic import Field

from resources.connections import Connections
from resources.ledger import DayChange, Ledger
from resources.solana.resource import Solana
from resources.tables import has_tables, read_tables
from scalediff_assets.hours import OWNERS, column_schema
from scalediff_assets.partitions import DAILY, ONE_DAY_PER_RUN, days_before
from scalediff_assets.payout_schemas import PAYOUT_WALLETS, Payouts, PayoutStock, PayoutTracks
from scalediff_assets.payouts.policy import PricePolicy, load_price_policy
from scalediff_assets.payouts.pricing import ACCEPTED, EARNED_ON, EXCLUSIONS, Priced, lacking_rates, price
from scalediff_assets.payouts.report import fraud_markdown, payout_markdown, payout_tables, rule_counts, sol
from scalediff_assets.schemas import (
    AlignedSessionsHours,
    QualityScoresHours,
    RawSessionsHours,
    SegmentsHours,
)

if TYPE_CHECKING:
    from scalediff_assets.payouts.fraud.evidence import Evidence

ASSET = "payouts"
POOL = "payer"
_SHOWN_WALLETS = 12
# The open day has hours that do not exist yet.
_HOURS_SO_FAR = dg.AssetIn(
    partition_mapping=dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)
)


class PayoutConfig(dg.Config):
    """Knobs of `payouts`."""

    policy: str = Field(
        default="", description="Path of a price policy file; empty: the policy that ships with the code."
    )
    pay: bool = Field(
        default=True, description="Pay what is due. False: write the ledger only, as without a payer."
    )


@dg.asset(
    partitions_def=DAILY,
    ins=dict.fromkeys(("raw_sessions", "aligned_sessions", "segments", "quality_scores"), _HOURS_SO_FAR),
    backfill_policy=ONE_DAY_PER_RUN,
    group_name="payouts",
    kinds={"polars", "solana"},
    owners=OWNERS,
    pool=POOL,
    metadata={"dagster/column_schema": column_schema(PAYOUT_WALLETS)},
)
def payouts(
    context: dg.AssetExecutionContext,
    config: PayoutConfig,
    connections: Connections,
    solana: Solana,
    raw_sessions: RawSessionsHours,
    aligned_sessions: AlignedSessionsHours,
    segments: SegmentsHours,
    quality_scores: QualityScoresHours,
) -> dict[str, Payouts]:
    """What each wallet earned on a day, in the ledger, and the transactions that paid it.

    A row is a wallet: its valid segments, their frames, its payout by the price policy and the
    signatures of the transfers. A day that is run again adds correcting entries with the difference and
    changes none; a positive one is paid, a negative one is a debit against what the wallet earns next.
    Without a payer nothing is paid (a dry run). A partition is a day of arrival.
    """
    day = context.partition_key
    policy, ledger = load_price_policy(config.policy or None), connections.ledger()
    hours = [hour for hour in quality_scores if hour in set(segments) and hour in set(aligned_sessions)]
    accepted, evidence, quality_hash = _accepted(
        hours, raw_sessions, aligned_sessions, segments, quality_scores, policy, ledger
    )
    fraud = _fraud(day, evidence, policy, ledger, connections)
    priced = _price(day, accepted, fraud, policy, ledger, connections)
    change = ledger.record_day(
        day,
        priced.lines,
        policy=policy.record,
        quality_hash=quality_hash,
        now_ms=_now_ms(),
        unpaid=priced.unpaid,
    )
    paid = _pay(solana, ledger, policy) if config.pay else {"mode": "not asked to pay"}
    tables = payout_tables(accepted, priced, ledger.day_wallets(day), fraud, evidence)
    context.add_asset_metadata(_report(tables, priced, change, policy, solana) | paid, partition_key=day)
    context.log.info("paid out day=%s wallets=%d entries=%d", day, tables.wallets.height, change.entries)
    return {day: tables}


def _accepted(
    hours: list[str],
    raw: RawSessionsHours,
    aligned: AlignedSessionsHours,
    cut: SegmentsHours,
    judged: QualityScoresHours,
    policy: PricePolicy,
    ledger: Ledger,
) -> tuple[pl.DataFrame, "Evidence", str]:
    """Accepted segments, the fraud rules' evidence, and the hashes of the quality policies; hour by hour."""
    from scalediff_assets.payouts.accepted import accepted_segments, earning_sessions
    from scalediff_assets.payouts.fraud.evidence import Evidence, gather

    found, evidence, hashes = [ACCEPTED.to_frame()], [], set()
    for hour in hours:
        verdicts, pieces, frames = judged[hour].segments, cut[hour], aligned[hour].frames
        hashes |= set(verdicts["policy_hash"].unique())
        fresh = accepted_segments(
            verdicts=verdicts,
            sessions=raw[hour].sessions,
            segments=pieces.segments,
            frames=frames,
            frames_min_percent=policy.lacking.frames_min_percent,
        )
        found.append(fresh)
        proven = ledger.proven_sessions(fresh["session_id"].unique().sort().to_list())
        sessions = earning_sessions(fresh, raw[hour].sessions, proven, policy)
        evidence.append(
            gather(
                sessions=sessions,
                frames=frames,
                signals=pieces.signals,
                verdicts=verdicts,
                limits=policy.fraud,
            )
        )
    # A session that was sent again within the day counts as its last hour has it.
    accepted = pl.concat(found).unique("segment_id", keep="last", maintain_order=True)
    return accepted, Evidence.of(evidence), ",".join(sorted(hashes))


def _fraud(
    day: str, evidence: "Evidence", policy: PricePolicy, ledger: Ledger, connections: Connections
) -> pl.DataFrame:
    """PAYOUT_FRAUD: the limits that the day's sessions break, alone and beside those of the days before."""
    from scalediff_assets.payouts.fraud.judge import judge

    lake = connections.lake()
    earlier = [
        read_tables(lake, ASSET, before, PayoutTracks).tracks
        for before in days_before(day, policy.fraud.window_days)
        if has_tables(lake, ASSET, before)
    ]
    issued = ledger.issued_sessions(evidence.measures["session_id"].sort().to_list())
    known = pl.concat([evidence.tracks.clear(), *earlier])
    return judge(evidence, earlier=known, issued=issued, limits=policy.fraud)


def _price(
    day: str,
    accepted: pl.DataFrame,
    fraud: pl.DataFrame,
    policy: PricePolicy,
    ledger: Ledger,
    connections: Connections,
) -> Priced:
    session_ids = accepted["session_id"].unique().sort().to_list()
    rates = ledger.rates(day, policy.policy_hash) or ledger.fix_rates(
        day, policy.policy_hash, lacking_rates(_stock_before(day, policy, connections), policy)
    )
    return price(
        accepted=accepted,
        proven=ledger.proven_sessions(session_ids),
        excluded=_excluded(day, session_ids, fraud, ledger),
        rates=rates,
        policy=policy,
    )


def _excluded(day: str, session_ids: list[str], fraud: pl.DataFrame, ledger: Ledger) -> pl.DataFrame:
    """EXCLUSIONS: the sessions that must not earn on this day, and why."""
    from scalediff_assets.payouts.fraud.judge import exclusions

    elsewhere = ledger.earning_elsewhere(day, session_ids).select(
        "session_id",
        "wallet",
        rule=pl.concat_str(pl.lit(EARNED_ON), "day"),
        severity=pl.lit("exclude"),
    )
    return pl.concat([EXCLUSIONS.to_frame(), exclusions(fraud), elsewhere])


def _stock_before(day: str, policy: PricePolicy, connections: Connections) -> dict[str, int]:
    """Accepted segments of the days before, by manoeuvre."""
    stock: dict[str, int] = {}
    lake = connections.lake()
    for earlier in days_before(day, policy.lacking.window_days):
        if has_tables(lake, ASSET, earlier):
            for manoeuvre, segments in read_tables(lake, ASSET, earlier, PayoutStock).stock.iter_rows():
                stock[manoeuvre] = stock.get(manoeuvre, 0) + segments
    return stock


def _pay(solana: Solana, ledger: Ledger, policy: PricePolicy) -> dict[str, Any]:
    """Pay everything that is due; what happened, for the UI."""
    if solana.is_dry_run:
        return {"mode": "dry run: no payer is set, so nothing is paid"}
    from scalediff_assets.payouts.paying import Paymaster

    with solana.rpc() as rpc:
        payer = solana.payer()
        paymaster = Paymaster(
            ledger=ledger,
            rpc=rpc,
            payer=payer,
            mint=solana.mint,
            minimum_lamports=policy.payment.minimum_lamports,
        )
        report = paymaster.pay()
    chain = "embedded chain, worthless money" if solana.is_embedded else "Solana"
    return {
        "mode": f"paid on the {chain}",
        "payer": payer.address,
        "payments": report.payments,
        "transactions": report.transactions,
        "payments_in_flight": report.in_flight,
        "payments_blocked": report.blocked,
    } | ({} if report.problem is None else {"problem": report.problem})


def _report(
    tables: Payouts, priced: Priced, change: DayChange, policy: PricePolicy, solana: Solana
) -> dict[str, Any]:
    from scalediff_assets.pictures import bars

    wallets = tables.wallets
    report: dict[str, Any] = {
        "wallets": wallets.height,
        "valid_segments": int(wallets["valid_segments"].sum()),
        "total_frames": int(wallets["total_frames"].sum()),
        "payout_sol": sol(int(wallets["lamports"].sum())),
        "new_entries": change.entries,
        "corrections": change.corrections,
        "price_policy": policy.version,
        "price_policy_hash": policy.policy_hash,
        "payouts": dg.MetadataValue.md(payout_markdown(wallets, solana.link)),
        "unpaid_sessions_by_rule": rule_counts(tables),
        "fraud": dg.MetadataValue.md(fraud_markdown(tables.fraud)),
        "rates": {rate.trait: rate.bonus_percent for rate in priced.rates},
    }
    top = wallets.sort("valid_segments", "wallet", descending=[True, False]).head(_SHOWN_WALLETS)
    if top.height:
        counts = {f"{wallet[:4]}…{wallet[-4:]}": count for wallet, count in
                  top.select("wallet", "valid_segments").iter_rows()}  # fmt: skip
        report["plot"] = bars("valid segments by wallet", counts)
    return report


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
