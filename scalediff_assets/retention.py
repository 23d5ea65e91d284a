"""Raw clips go after 90 days: a bucket rule on S3, this job in a folder. Accepted ones stay."""

import time

import dagster as dg

from resources.connections import Connections
from scalediff_assets.synthetic_clips.lake import RAW, expired, put_lifecycle
from scalediff_contract.audit import AuditEvent


@dg.op(description="Deletes raw clips of more than 90 days, or puts the bucket's rule that does.")
def remove_expired(context: dg.OpExecutionContext, connections: Connections) -> int:
    """How many objects were deleted; 0 on S3, where the bucket does it."""
    lake = connections.lake()
    if lake.url.startswith("s3://"):
        _put_rule(connections)
        context.log.info("the bucket's rule stands")
        return 0
    now_ms = time.time_ns() // 1_000_000
    due = expired(lake.list(RAW), now_ms)
    actor = f"dagster run {context.run_id}"
    # Told first: a deletion that was announced and not done is found again the next day.
    connections.audit_log().append(_deleted(key, actor, now_ms) for key in due)
    for key in due:
        lake.delete(key)
    context.log.info("deleted objects=%d", len(due))
    return len(due)


@dg.job(description="Raw clips of more than 90 days are deleted; each deletion is in the audit log.")
def apply_retention() -> None:
    """One step."""
    remove_expired()


def _put_rule(connections: Connections) -> None:
    import boto3

    bucket, _, prefix = connections.lake_url.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=connections.s3_endpoint_url, region_name=connections.s3_region)
    put_lifecycle(client, bucket, prefix)


def _deleted(key: str, actor: str, now_ms: int) -> AuditEvent:
    return AuditEvent(
        event_id=f"{key}/delete",
        at_ms=now_ms,
        actor=actor,
        action="delete",
        subject=key[:200],
        detail={"reason": "raw clips are kept for 90 days"},
    )
