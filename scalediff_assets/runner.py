"""Materialise partitions from the command line, in this process, on the home's instance.

The same jobs that the sensors launch, so that what a command does is in the UI as a Dagster run.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from resources.compute import progress_to
from resources.jobs import JobFailedError
from resources.settings import Settings
from scalediff_assets.automation_tags import range_tags
from scalediff_assets.partitions import day_of

# Assets made of several steps.
STEPPED = ("video_models",)
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(kw_only=True)
class RunReport:
    """What a sequence of Dagster runs did.

    Attributes:
        seconds_per_asset: Step time by asset, summed over partitions.
        failures: One sentence for each failed step or blocking check.
    """

    seconds_per_asset: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def materialise(
    instance: dg.DagsterInstance,
    hours: Sequence[str],
    *,
    console: Console,
    days: Iterable[str] = (),
    pack: bool = True,
) -> RunReport:
    """Run `process_hours` for each hour, then `pack_days` for their days and for `days`."""
    from scalediff_assets.definitions import defs

    report = RunReport()
    runs = [("process_hours", hour) for hour in sorted(hours)]
    if pack:
        runs += [("pack_days", day) for day in sorted({*map(day_of, hours), *days})]
    with progress_bars(console):
        for job_name, partition in runs:
            result = defs.resolve_job_def(job_name).execute_in_process(
                partition_key=partition, instance=instance, raise_on_error=False, run_config=_QUIET
            )
            collect(report, partition, result)
    return report


def run_partition(
    settings: Settings, job_name: str, partition: str | None, configs: Mapping[str, Mapping[str, Any]]
) -> None:
    """Run a job for one partition with its assets' configuration; a dynamic partition is added first.

    Raises:
        JobFailedError: With the sentence of the step or check that failed.
    """
    from scalediff_assets.definitions import defs
    from scalediff_assets.home import instance

    job = defs.resolve_job_def(job_name)
    config = run_config(configs)
    report = RunReport()
    with instance(settings) as dagster_instance:
        if partition is not None and isinstance(job.partitions_def, dg.DynamicPartitionsDefinition):
            dagster_instance.add_dynamic_partitions(str(job.partitions_def.name), [partition])
        result = job.execute_in_process(
            partition_key=partition, instance=dagster_instance, raise_on_error=False, run_config=config
        )
        collect(report, partition or job_name, result)
    if report.failures:
        raise JobFailedError("; ".join(report.failures))


def run_range(
    settings: Settings,
    job_name: str,
    partitions: tuple[str, str],
    configs: Mapping[str, Mapping[str, Any]],
) -> None:
    """Run a job once for a range of partitions, both ends included.

    Raises:
        JobFailedError: With the sentence of the step or check that failed.
    """
    from scalediff_assets.definitions import defs
    from scalediff_assets.home import instance

    job, report = defs.resolve_job_def(job_name), RunReport()
    with instance(settings) as dagster_instance:
        result = job.execute_in_process(
            tags=range_tags(*partitions), instance=dagster_instance, raise_on_error=False,
            run_config=run_config(configs),
        )  # fmt: skip
        collect(report, partitions[0], result)
    if report.failures:
        raise JobFailedError("; ".join(report.failures))


def run_config(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Run configuration by asset, quiet; an asset of several steps (`STEPPED`) has one for each step."""
    ops = {
        asset: {"ops": {step: {"config": dict(each)} for step, each in values.items()}}
        if asset in STEPPED
        else {"config": dict(values)}
        for asset, values in configs.items()
    }
    return dict(_QUIET) | {"ops": ops}


def collect(report: RunReport, partition: str, result: dg.ExecuteInProcessResult) -> None:
    """Add what a run did to a report."""
    from scalediff_assets.definitions import STAGES

    assets = {definition.key.to_user_string() for definition in STAGES}
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS and event.step_key in assets:
            seconds = event.step_success_data.duration_ms / 1000
            asset = str(event.step_key)
            report.seconds_per_asset[asset] = report.seconds_per_asset.get(asset, 0.0) + seconds
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            text = error.message.strip() if error is not None else "no message"
            report.failures.append(f"{event.step_key} of {partition}: {text}")


@contextmanager
def progress_bars(console: Console) -> Iterator[Progress]:
    """A bar for each label that the worker pool reports."""
    progress = Progress(
        TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=console,
    )  # fmt: skip
    bars: dict[str, TaskID] = {}

    def show(label: str, done: int, total: int) -> None:
        if label not in bars:
            bars[label] = progress.add_task(label)
        progress.update(bars[label], completed=done, total=total)

    with progress, progress_to(show):
        yield progress
