"""The partitions of the graph: hours of arrival, days, releases, training runs; categories by week.

An hour of arrival is a partition, a session is a row. The open hour and the open day are
included, so that `demo`, `ingest` and `play` can materialise what has just arrived.
"""

import datetime as dt

import dagster as dg

from scalediff_contract.scenarios import load_catalogue

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

# Of the generation line. A video model is a training run; so is the experiment that it is put up in.
CLIP_SETS = dg.DynamicPartitionsDefinition(name="clip_set")
VIDEO_MODELS = dg.DynamicPartitionsDefinition(name="video_model")
SCENARIOS = dg.StaticPartitionsDefinition(list(load_catalogue().ids))
# Weeks begin on Monday; this week and the next can be planned.
WEEKLY = dg.WeeklyPartitionsDefinition(start_date="2025-12-29", day_offset=1, end_offset=2)
MONTHLY = dg.MonthlyPartitionsDefinition(start_date=FIRST_DAY, end_offset=1)
CATEGORY_WEEKS = dg.MultiPartitionsDefinition({"category": SCENARIOS, "week": WEEKLY})
ALL_CATEGORIES = dg.BackfillPolicy.multi_run(max_partitions_per_run=len(SCENARIOS.get_partition_keys()))


def category_week(category: str, week: str) -> str:
    """The partition of a category and a week."""
    return str(dg.MultiPartitionKey({"category": category, "week": week}))


def of_category_week(key: str) -> tuple[str, str]:
    """Category and week of such a partition."""
    category, _, week = key.partition("|")
    return category, week


def week_range(week: str) -> tuple[str, str]:
    """The first and last partition of a week: a run over this range covers every category."""
    categories = SCENARIOS.get_partition_keys()
    return category_week(categories[0], week), category_week(categories[-1], week)


def week_of(moment: dt.datetime) -> str:
    """The week partition that holds a moment."""
    day = moment.astimezone(dt.UTC).date()
    return (day - dt.timedelta(days=day.weekday())).isoformat()


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
