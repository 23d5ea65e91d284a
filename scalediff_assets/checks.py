"""The checks of the graph, made by two factories from what an asset's tables declare.

- `failure_rate` (blocking): an hour in which too many sessions failed stops there, so that nothing
  is trained on what a broken upload path or a broken machine left over. Single failed sessions
  never stop their hour.
- `shape` (not blocking): the tables are as declared in `schemas.py`: columns, types, nulls,
  ranges, unique keys.

A check is per partition. Dagster gives a run over a range of hours one result of each check; such
a run reports every hour's own evaluation as well, and its one result says whether all hours hold.
"""

from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg
import polars as pl

from resources.connections import Connections
from resources.tables import read_tables
from scalediff_assets.partitions import DAILY, HOURLY
from scalediff_assets.schemas import AlignedSessions, CilrsDataset, QualityScores, RawSessions, Segments
from scalediff_assets.tables import TableSet
from scalediff_contract.reasons import Reason

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

    return _partitioned_check(
        asset, kind, HOURLY, "failure_rate", problem, blocking=True, description=FailureLimits.__doc__ or ""
    )


def shape_check(
    asset: str, kind: type[TableSet], partitions: dg.PartitionsDefinition[str]
) -> dg.AssetChecksDefinition:
    """The check that an asset's tables are as declared."""

    def problem(tables: TableSet) -> str | None:
        found = [
            text for name, table in kind.tables().items() for text in table.problems(getattr(tables, name))
        ]
        return "; ".join(found) or None

    return _partitioned_check(
        asset,
        kind,
        partitions,
        "shape",
        problem,
        blocking=False,
        description="Columns, types, nulls, ranges and unique keys are as declared.",
    )


def _partitioned_check(
    asset: str,
    kind: type[TableSet],
    partitions: dg.PartitionsDefinition[str],
    name: str,
    problem: Callable[[TableSet], str | None],
    *,
    blocking: bool,
    description: str,
) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset, name=name, blocking=blocking, partitions_def=partitions, description=description
    )
    def check(context: dg.AssetCheckExecutionContext, connections: Connections) -> dg.AssetCheckResult:
        lake = connections.lake()
        keys = context.op_execution_context.partition_keys
        found = {key: problem(read_tables(lake, asset, key, kind)) for key in keys}
        if len(keys) > 1:
            _report_each(context, dg.AssetCheckKey(dg.AssetKey(asset), name), found, blocking)
        bad = {key: text for key, text in found.items() if text is not None}
        return dg.AssetCheckResult(
            passed=not bad,
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            metadata={"partitions": len(keys), **bad},
        )

    return check


def _report_each(
    context: dg.AssetCheckExecutionContext,
    key: dg.AssetCheckKey,
    found: dict[str, str | None],
    blocking: bool,
) -> None:
    """Report one evaluation for each partition of a range run, under the run's own id.

    Dagster plans one for each partition when it starts the run; evaluations of no run would be
    refused the second time the same hour is checked.
    """
    for partition, text in found.items():
        evaluation = dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=text is None,
            metadata={} if text is None else {"problem": dg.MetadataValue.text(text)},
            severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
            blocking=blocking,
            partition=partition,
        )
        context.instance.report_dagster_event(
            dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
                event_specific_data=evaluation,
                job_name=context.run.job_name,
            ),
            run_id=context.run.run_id,
        )


FAILURE_RATE_CHECKS = [
    failure_rate_check("raw_sessions", RawSessions),
    failure_rate_check("aligned_sessions", AlignedSessions),
    failure_rate_check("segments", Segments),
]
SHAPE_CHECKS = [
    shape_check("raw_sessions", RawSessions, HOURLY),
    shape_check("aligned_sessions", AlignedSessions, HOURLY),
    shape_check("segments", Segments, HOURLY),
    shape_check("quality_scores", QualityScores, HOURLY),
    shape_check("cilrs_datasets", CilrsDataset, DAILY),
]
CHECKS = [*FAILURE_RATE_CHECKS, *SHAPE_CHECKS]
