"""The partitions of the graph: hours of arrival, days, releases, training runs.

An hour of arrival is a partition, a session is a row. The open hour and the open day are
included, so that `demo`, `ingest` and `play` can materialise what has just arrived.
"""

import datetime as dt

import dagster as dg

FIRST_DAY = "2026-01-01"
HOURS_PER_RUN = 6

HOURLY = dg.HourlyPartitionsDefinition(start_date=f"{FIRST_DAY}-00:00", end_offset=1)
DAILY = dg.DailyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1)

# A run of 6 hours costs about as much bookkeeping as a run of one; more would make a bad hour's
# split (automation.py) dearer than what batching saves.
HOURS_IN_BATCHES = dg.BackfillPolicy.multi_run(max_partitions_per_run=HOURS_PER_RUN)
ONE_DAY_PER_RUN = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)

RELEASES = dg.DynamicPartitionsDefinition(name="release")
TRAINING_RUNS = dg.DynamicPartitionsDefinition(name="training_run")
SIMPLE_DRIVERS = dg.StaticPartitionsDefinition(["expert", "noop", "random"])


def day_of(hour: str) -> str:
    """The day partition that holds an hour partition: `2026-02-01-09:00` -> `2026-02-01`."""
    return hour[: len(FIRST_DAY)]


def days_before(day: str, days: int) -> list[str]:
    """The `days` day partitions before another one, the oldest first."""
    date = dt.date.fromisoformat(day)
    return [(date - dt.timedelta(days=back)).isoformat() for back in range(days, 0, -1)]


def hours_before(hour: str, hours: int) -> str:
    """The hour partition that lies `hours` before another one."""
    return (dt.datetime.strptime(hour, HOURLY.fmt) - dt.timedelta(hours=hours)).strftime(HOURLY.fmt)  # noqa: DTZ007
