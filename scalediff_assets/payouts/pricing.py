"""Verdicts to money: what each session and each wallet earned on a day, as one table computation.

Belongs here: who may earn, bonuses and caps. Nothing here reads a store or a clock, and equal inputs give
equal lamports: all sums are integers. 1,000,000 segments are priced in about a second on two cores.

Who does not earn is shown all the same, with what the data would be worth and why it is not paid:

    payable      earns
    unverified   the upload API never issued this session to the wallet, so that anybody may have named it
    excluded     a fraud rule excludes the session
    held         a fraud rule holds it until somebody has looked; when the hold ends, a correcting entry pays
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from resources.ledger import Rate
from scalediff_assets.payouts.policy import MANOEUVRES, PricePolicy

EARNED_ON = "earned on "
PAYABLE, UNVERIFIED, EXCLUDED, HELD = "payable", "unverified", "excluded", "held"
NO_SERVER_SESSION = "no_server_session"
SEVERITIES = ("exclude", "hold")

# What `pricing` needs of an accepted segment.
ACCEPTED = pl.Schema(
    {
        "segment_id": pl.String,
        "session_id": pl.String,
        "wallet": pl.String,
        "frames": pl.Int64,
        "scenario_id": pl.String,  # null where none was armed or it is not known
        "manoeuvre": pl.String,  # left, right, straight; null for none
    }
)
# What the fraud rules say: one row per session and rule that it breaks.
EXCLUSIONS = pl.Schema(
    {"session_id": pl.String, "wallet": pl.String, "rule": pl.String, "severity": pl.String}
)


@dataclass(frozen=True, kw_only=True)
class Priced:
    """A day's prices.

    Attributes:
        sessions: `wallet, session_id, segments, frames, worth_lamports, lamports, status, rule`, sorted;
            worth is before eligibility and caps, lamports is what is earned.
        rates: The manoeuvres' bonuses that were used.
    """

    sessions: pl.DataFrame
    rates: tuple[Rate, ...]

    @property
    def lines(self) -> pl.DataFrame:
        """What goes into the ledger: the sessions that earn."""
        payable = self.sessions.filter(pl.col("status") == PAYABLE)
        return payable.select("wallet", "session_id", "segments", "frames", "lamports")

    @property
    def unpaid(self) -> pl.DataFrame:
        """Sessions that earn nothing by a rule; not those that earned on another day."""
        is_ruled = (pl.col("status") != PAYABLE) & ~pl.col("rule").str.starts_with(EARNED_ON)
        return self.sessions.filter(is_ruled).select("wallet", "session_id", "rule")


def price(
    *,
    accepted: pl.DataFrame,
    proven: pl.DataFrame,
    excluded: pl.DataFrame,
    rates: Sequence[Rate],
    policy: PricePolicy,
) -> Priced:
    """Price the accepted segments of a day.

    Args:
        accepted: ACCEPTED: the segments that passed.
        proven: `wallet, session_id` of sessions whose wallet signed for itself.
        excluded: EXCLUSIONS: what the fraud rules say; a session that is both excluded and held is excluded.
        rates: The manoeuvres' bonuses of the day.
        policy: The prices.

    Raises:
        ValueError: For a severity that is none.
    """
    unknown = excluded.filter(~pl.col("severity").is_in(SEVERITIES))
    if unknown.height:
        raise ValueError(f"severity {unknown['severity'][0]!r} is not one of {', '.join(SEVERITIES)}")
    worth = accepted.with_columns(_worth(rates, policy).alias("worth_lamports"))
    judged = _with_status(worth, proven, excluded, policy)
    capped = judged.sort("wallet", "session_id", "segment_id").with_columns(_capped(policy))
    sessions = (
        capped.group_by("wallet", "session_id", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("segments"),
            pl.col("frames", "worth_lamports", "lamports").sum().cast(pl.Int64),
            pl.col("status", "rule").first(),
        )
        .sort("wallet", "session_id")
    )
    return Priced(sessions=sessions, rates=tuple(rates))


def lacking_rates(stock: dict[str, int], policy: PricePolicy) -> list[Rate]:
    """The bonus for each manoeuvre that the dataset lacks.

    Args:
        stock: Accepted segments of the days before, by manoeuvre; those without one under "".
        policy: The targets. bonus = bonus_max * (1 - share / target), whole per cent, rounded down.
    """
    total, rates = sum(stock.values()), []
    for name in MANOEUVRES:
        target = policy.lacking.target_percent.get(name)
        share = 100.0 * stock.get(name, 0) / total if total else None
        missing = 0.0 if target is None or share is None else max(0.0, 1.0 - share / target)
        bonus = int(policy.lacking.bonus_max_percent * missing)
        rates.append(Rate(trait=name, share_percent=share, bonus_percent=bonus))
    return rates


def _worth(rates: Sequence[Rate], policy: PricePolicy) -> pl.Expr:
    """Lamports of a segment before eligibility and caps."""
    scenario = _percent("scenario_id", policy.scenario_bonus_percent)
    manoeuvre = _percent("manoeuvre", {rate.trait: rate.bonus_percent for rate in rates})
    return policy.base.segment_lamports * (100 + scenario + manoeuvre) // 100


def _percent(column: str, bonuses: dict[str, int]) -> pl.Expr:
    return pl.col(column).replace_strict(bonuses, default=0, return_dtype=pl.Int64).fill_null(0)


def _with_status(
    worth: pl.DataFrame, proven: pl.DataFrame, excluded: pl.DataFrame, policy: PricePolicy
) -> pl.DataFrame:
    """Each segment with its session's status and the rule behind it."""
    key = ["wallet", "session_id"]
    # "exclude" sorts before "hold", so the first is the graver one.
    gravest = excluded.sort("severity", "rule").group_by(key, maintain_order=True).first()
    known = proven.select(key).unique().with_columns(is_proven=pl.lit(value=True))
    joined = worth.join(gravest, on=key, how="left").join(known, on=key, how="left")
    is_proven = pl.col("is_proven").fill_null(value=False) | pl.lit(policy.eligibility.wallets == "any")
    status = (
        pl.when(pl.col("severity") == "exclude").then(pl.lit(EXCLUDED))
        .when(~is_proven).then(pl.lit(UNVERIFIED))
        .when(pl.col("severity") == "hold").then(pl.lit(HELD))
        .otherwise(pl.lit(PAYABLE))
    )  # fmt: skip
    named = joined.with_columns(status.alias("status")).drop("is_proven", "severity")
    unissued = pl.when(pl.col("status") == UNVERIFIED).then(pl.lit(NO_SERVER_SESSION))
    return named.with_columns(rule=unissued.otherwise("rule"))


def _capped(policy: PricePolicy) -> pl.Expr:
    """Lamports of each segment, in order, until its wallet's day is full."""
    pays = pl.col("status") == PAYABLE
    number = pays.cast(pl.Int64).cum_sum().over("wallet")
    wanted = (
        pl.when(pays & (number <= policy.caps.wallet_day_segments))
        .then(pl.col("worth_lamports"))
        .otherwise(0)
    )
    before = wanted.cum_sum().over("wallet") - wanted
    room = (policy.caps.wallet_day_lamports - before).clip(lower_bound=0)
    return pl.min_horizontal(wanted, room).alias("lamports")
