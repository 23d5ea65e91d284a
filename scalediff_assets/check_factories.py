"""How checks are made: by partition, from what tables declare or by a function that says why not.

A check is per partition. Dagster gives a run over a range of partitions one result of each check; such
a run reports every partition's own evaluation as well, and its one result says whether all hold.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg

from resources.connections import Connections
from resources.tables import read_tables
from scalediff_assets.tables import TableSet


def shape_check(
    asset: str, kind: type[TableSet], partitions: dg.PartitionsDefinition[str]
) -> dg.AssetChecksDefinition:
    """The check that an asset's tables are as declared."""

    def problem(tables: TableSet) -> str | None:
        found = [
            text for name, table in kind.tables().items() for text in table.problems(getattr(tables, name))
        ]
        return "; ".join(found) or None

    return partitioned_check(
        asset,
        kind,
        partitions,
        "shape",
        problem,
        blocking=False,
        description="Columns, types, nulls, ranges and unique keys are as declared.",
    )


def partitioned_check(
    asset: str,
    kind: type[TableSet],
    partitions: dg.PartitionsDefinition[str],
    name: str,
    problem: Callable[[Any], str | None],
    *,
    blocking: bool,
    description: str,
) -> dg.AssetChecksDefinition:
    """The check of one partition at a time, by a function that says what is wrong, or None."""

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
