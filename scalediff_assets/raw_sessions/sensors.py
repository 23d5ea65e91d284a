"""The sensors of arrival: uploads become runs of closed hours; nightly, the listing is compared."""

import json
import time

import dagster as dg

from resources.connections import Connections

# A tick gives the code server back before Dagster's 60 s limit, with room for settling.
TICK_BUDGET_S = 25.0


@dg.sensor(
    job_name="process_hours",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Takes new raw objects into the catalog; requests one run for each closed hour.",
)
def uploads(context: dg.SensorEvaluationContext, connections: Connections) -> dg.SensorResult:
    """One tick: bounded by its budget; what is left waits in the feed.

    An hour is marked as requested one tick later, from the cursor: the cursor is stored together
    with the run requests, so that a crash in between loses no hour.
    """
    from resources.upload_queue import partition_key
    from scalediff_assets.raw_sessions.arrivals import take_in

    now_ms = time.time_ns() // 1_000_000
    catalog = connections.catalog()
    for hour, version in json.loads(context.cursor or "{}").items():
        catalog.mark_requested(hour, version)
    arrivals = take_in(connections, now_ms=now_ms, deadline_s=TICK_BUDGET_S)
    open_hour = partition_key(now_ms)
    closed = [item for item in catalog.hour_versions() if item.hour < open_hour]
    context.log.info("uploads events=%d hours=%d", arrivals.events, len(closed))
    if not closed:
        return dg.SensorResult(
            skip_reason=f"{arrivals.events} new objects; no closed hour to run", cursor="{}"
        )
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"{item.hour}:{item.version}", partition_key=item.hour) for item in closed
        ],
        cursor=json.dumps({item.hour: item.version for item in closed}),
    )


@dg.op(description="Records whatever the raw store lists and the catalog does not know.")
def reconcile_listing(context: dg.OpExecutionContext, connections: Connections) -> None:
    """Compare the store's listing with the catalog."""
    from scalediff_assets.raw_sessions.arrivals import reconcile

    arrivals = reconcile(connections, now_ms=time.time_ns() // 1_000_000)
    context.add_output_metadata({"objects": arrivals.events})


@dg.job(description="The nightly comparison of the raw store's listing with the catalog.")
def reconcile_arrivals() -> None:
    """One op: the events of a queue are hints, the listing is the truth."""
    reconcile_listing()


reconcile_nightly = dg.ScheduleDefinition(
    name="reconcile_nightly",
    job=reconcile_arrivals,
    cron_schedule="15 2 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Finds uploads whose events were lost.",
)
