"""The checks of the graph, made by the factories of `check_factories.py` from what an asset's tables declare.

- `failure_rate` (blocking): an hour in which too many sessions failed stops there, so that nothing
  is trained on what a broken upload path or a broken machine left over. Single failed sessions
  never stop their hour.
- `leakage` (blocking): nobody is on both sides of a release's split.
- `skill` (blocking): a model that is worse than both rules that know nothing is not driven.
- `all_routes` (blocking): every route has a result. `expert_sanity`: the expert scores 95 on minitown-12.
- `painting_service` (not blocking): the real-time painting service is ready, or there is none.
- `gate`, `conditions` of the generation line: in `clip_checks.py`.
- `ledger`, `chain`, `all_paid` of `payouts`: in `payout_checks.py`.
- `shape` (not blocking): the tables are as declared in `schemas.py`: columns, types, nulls,
  ranges, unique keys.
"""

from dataclasses import dataclass

import dagster as dg
import polars as pl

from resources.diffusion import DiffusionService
from scalediff_assets.check_factories import partitioned_check, shape_check
from scalediff_assets.checkpoints.skill import skill_problem
from scalediff_assets.clip_checks import CLIP_CHECKS
from scalediff_assets.dataset_releases.release import leaks
from scalediff_assets.model_schemas import Checkpoint, DatasetRelease, LeaderboardResults
from scalediff_assets.pair_schemas import PairedClips, RepaintedSessions
from scalediff_assets.partitions import DAILY, HOURLY, RELEASES, SIMPLE_DRIVERS, TRAINING_RUNS
from scalediff_assets.payout_checks import PAYOUT_CHECKS
from scalediff_assets.payout_schemas import Payouts
from scalediff_assets.schemas import AlignedSessions, CilrsDataset, QualityScores, RawSessions, Segments
from scalediff_assets.tables import TableSet
from scalediff_contract.reasons import Reason

EXPERT_MIN = 95.0

# Failures that are ours, not the player's: a machine, a store or a network.
PLATFORM_REASONS = (Reason.WORKER_DIED, Reason.WORKER_TIMED_OUT, Reason.STORE_FAILED, Reason.OBJECT_MISSING)


@dataclass(frozen=True, kw_only=True)
class FailureLimits:
    """When an hour counts as bad.

    Attributes:
        platform_share: Largest share of sessions that may fail for reasons of ours.
        rejected_share: Largest share of sessions that may be rejected for any reason.
        sessions_min: Sessions from which on `rejected_share` means something.
    """

    platform_share: float = 0.1
    rejected_share: float = 0.5
    sessions_min: int = 10

    def problem(self, sessions: pl.DataFrame) -> str | None:
        """Why the hour is bad, in one sentence; None where it is not."""
        total = sessions.height
        platform = sessions["reason"].is_in([r.value for r in PLATFORM_REASONS]).sum()
        rejected = (sessions["verdict"] == "rejected").sum()
        if platform > self.platform_share * total:
            return (
                f"{platform} of {total} sessions failed for reasons of the platform "
                f"(limit {self.platform_share:.0%}); see their reasons, mend and run the hour again"
            )
        if total >= self.sessions_min and rejected > self.rejected_share * total:
            return (
                f"{rejected} of {total} sessions were rejected (limit {self.rejected_share:.0%}); "
                "see their reasons: a client or an upload path may be broken"
            )
        return None


def failure_rate_check(asset: str, kind: type[TableSet]) -> dg.AssetChecksDefinition:
    """The blocking check on an asset whose table set has `sessions` with verdicts."""
    limits = FailureLimits()

    def problem(tables: TableSet) -> str | None:
        return limits.problem(tables.sessions)  # type: ignore[attr-defined]

    return partitioned_check(
        asset, kind, HOURLY, "failure_rate", problem, blocking=True, description=FailureLimits.__doc__ or ""
    )


def pairing_problem(tables: PairedClips) -> str | None:
    """Why an hour's pairing is bad: sessions with both videos count, those with one do not."""
    recorded = tables.clips.filter((pl.col("origin") == "recorded") & (pl.col("state") != "no_source"))
    return FailureLimits().problem(recorded.rename({"state": "verdict"}))


def leakage_problem(tables: DatasetRelease) -> str | None:
    """Who is on both sides of the split, or None."""
    by_player = tables.segments["wallet"].n_unique() > 1
    found = leaks(tables.segments, "player" if by_player else "session")
    return f"on both sides of the split: {', '.join(found[:5])}" if found else None


def missing_routes_problem(tables: LeaderboardResults) -> str | None:
    """Route sets with routes that have no result, or None."""
    found = [
        f"{row['route_set']}: {row['n_results']} of {row['n_routes'] * row['repetitions']} routes"
        for row in tables.route_sets.iter_rows(named=True)
        if row["n_results"] != row["n_routes"] * row["repetitions"] or row["status"] != "Finished"
    ]
    return "not every route has a result: " + "; ".join(found) if found else None


def expert_problem(tables: LeaderboardResults) -> str | None:
    """The expert's score on minitown-12 where it is too low to be a scale, or None."""
    low = tables.route_sets.filter(
        (pl.col("agent") == "expert")
        & (pl.col("route_set") == "minitown-12")
        & (pl.col("driving_score") < EXPERT_MIN)
    )
    scores = ", ".join(f"{score:.1f}" for score in low["driving_score"])
    return (
        f"the expert's driving score is {scores} (minimum {EXPERT_MIN:g}); the world is broken"
        if scores
        else None
    )


FAILURE_RATE_CHECKS = [
    failure_rate_check("raw_sessions", RawSessions),
    failure_rate_check("aligned_sessions", AlignedSessions),
    failure_rate_check("segments", Segments),
    partitioned_check(
        "paired_clips",
        PairedClips,
        HOURLY,
        "failure_rate",
        pairing_problem,
        blocking=True,
        description=FailureLimits.__doc__ or "",
    ),
]
SHAPE_CHECKS = [
    shape_check("raw_sessions", RawSessions, HOURLY),
    shape_check("aligned_sessions", AlignedSessions, HOURLY),
    shape_check("segments", Segments, HOURLY),
    shape_check("repainted_sessions", RepaintedSessions, HOURLY),
    shape_check("paired_clips", PairedClips, HOURLY),
    shape_check("quality_scores", QualityScores, HOURLY),
    shape_check("payouts", Payouts, DAILY),
    shape_check("cilrs_datasets", CilrsDataset, DAILY),
    shape_check("dataset_releases", DatasetRelease, RELEASES),
    shape_check("checkpoints", Checkpoint, TRAINING_RUNS),
    shape_check("leaderboard_results", LeaderboardResults, TRAINING_RUNS),
]
MODEL_CHECKS = [
    partitioned_check(
        "dataset_releases", DatasetRelease, RELEASES, "leakage", leakage_problem, blocking=True,
        description="No session, and no player where the split is by player, is on both sides.",
    ),
    partitioned_check(
        "checkpoints", Checkpoint, TRAINING_RUNS, "skill", skill_problem, blocking=True,
        description="Steering and speed on held-out players beat the median or the frame before.",
    ),
    partitioned_check(
        "leaderboard_results", LeaderboardResults, TRAINING_RUNS, "all_routes", missing_routes_problem,
        blocking=True, description="Every route of every route set has a final result.",
    ),
    partitioned_check(
        "simple_drivers", LeaderboardResults, SIMPLE_DRIVERS, "expert_sanity", expert_problem, blocking=False,
        description="The expert scores 95 or more on minitown-12, so that scores have a scale.",
    ),
]  # fmt: skip


@dg.asset_check(
    asset="paired_clips",
    name="painting_service",
    blocking=False,
    description="The real-time painting service, whose players record the pairs, is ready; or there is none.",
)
def painting_service(diffusion: DiffusionService) -> dg.AssetCheckResult:
    """Ask the service now; run it from the UI at any time."""
    state = diffusion.state()
    return dg.AssetCheckResult(
        passed=state.is_good,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"state": state.condition, "detail": state.detail, "url": diffusion.url or "none"},
    )


CHECKS = [
    painting_service,
    *FAILURE_RATE_CHECKS,
    *SHAPE_CHECKS,
    *PAYOUT_CHECKS,
    *MODEL_CHECKS,
    *CLIP_CHECKS,
]
