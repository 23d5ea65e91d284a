"""Whether a check stopped a run: such a range is split, so that what is bad stops itself alone."""

import dagster as dg


def check_failed(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether any check of a run did not pass; other failures are retried as they are."""
    evaluations = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    return not all(_passed(record) for record in evaluations)


def _passed(record: dg.EventLogRecord) -> bool:
    event = record.event_log_entry.dagster_event
    return event is None or bool(event.asset_check_evaluation_data.passed)
