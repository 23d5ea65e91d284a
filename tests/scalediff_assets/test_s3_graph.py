"""The whole graph on S3 and SQS (moto's server), from uploads with events to a published day."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.profiles import executor, resources_for
from resources.settings import read_settings
from resources.tables import written_partitions
from scalediff_assets.automation import JOBS
from scalediff_assets.checks import CHECKS
from scalediff_assets.definitions import STAGES, WORKER_MODULES
from scalediff_assets.partitions import day_of
from scalediff_assets.raw_sessions import sensors
from scalediff_assets.raw_sessions.sensors import reconcile_arrivals, uploads
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle

Record = Callable[..., RecordedBundle]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
TWO_HOURS_NS = 2 * 3_600_000_000_000


class LaterClock:
    """A clock two hours ahead, so that the hour of the uploads has closed."""

    def time_ns(self) -> int:
        return time.time_ns() + TWO_HOURS_NS


@pytest.fixture
def cloud(aws_endpoint: str, aws: Callable[[str], Any], tmp_path: Path) -> dict[str, Any]:
    """Three buckets, and a queue that hears of the raw one."""
    s3, sqs = aws("s3"), aws("sqs")
    queue = sqs.create_queue(QueueName="graph-uploads")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for bucket in ("graph-raw", "graph-lake", "graph-clean"):
        s3.create_bucket(Bucket=bucket)
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="graph-raw", NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    settings = read_settings(
        {
            "SCALEDIFF_HOME": str(tmp_path / "home"),
            "SCALEDIFF_WORKERS": "1",
            "SCALEDIFF_RAW_URL": "s3://graph-raw",
            "SCALEDIFF_LAKE_URL": "s3://graph-lake",
            "SCALEDIFF_CLEAN_URL": "s3://graph-clean",
            "SCALEDIFF_S3_ENDPOINT_URL": aws_endpoint,
            "SCALEDIFF_S3_REGION": "us-east-1",
            "SCALEDIFF_QUEUE_URL": queue,
        }
    )
    resources = resources_for(settings, worker_modules=WORKER_MODULES)
    return {
        "s3": s3,
        "sqs": sqs,
        "queue": queue,
        "connections": resources["connections"],
        "resources": resources,
    }


def put(s3: Any, bundle: RecordedBundle) -> None:
    for key, content in bundle.objects("recorded").items():
        s3.put_object(Bucket="graph-raw", Key=key, Body=content)


def put_in_parts(s3: Any, key: str, content: bytes) -> None:
    upload = s3.create_multipart_upload(Bucket="graph-raw", Key=key)["UploadId"]
    part = s3.upload_part(Bucket="graph-raw", Key=key, UploadId=upload, PartNumber=1, Body=content)
    s3.complete_multipart_upload(
        Bucket="graph-raw", Key=key, UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )  # fmt: skip


def disturb(cloud: dict[str, Any]) -> int:
    """Send the queue's messages again, the last one first; returns how many."""
    messages: list[dict[str, Any]] = []
    for _ in range(5):
        answer = cloud["sqs"].receive_message(
            QueueUrl=cloud["queue"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        messages += answer.get("Messages", [])
    bodies = list(dict.fromkeys(message["Body"] for message in messages))
    for body in reversed(bodies):
        cloud["sqs"].send_message(QueueUrl=cloud["queue"], MessageBody=body)
    return len(bodies)


def tick(cloud: dict[str, Any], instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"connections": cloud["connections"]}
    )
    result = uploads(context)
    assert isinstance(result, dg.SensorResult)
    return result


def hours_of(result: dg.SensorResult) -> list[str]:
    return [str(request.partition_key) for request in result.run_requests or []]


@pytest.mark.slow
def test_uploads_to_s3_become_a_published_day(
    cloud: dict[str, Any], recorded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "time", LaterClock())
    s3, connections = cloud["s3"], cloud["connections"]
    first, second, lost = recorded(1), recorded(2), recorded(3)
    put(s3, first)
    for key, content in second.objects("recorded").items():
        put_in_parts(s3, key, content) if key.endswith(BundleFile.VIDEO.value) else s3.put_object(
            Bucket="graph-raw", Key=key, Body=content
        )
    s3.put_object(Bucket="graph-raw", Key="wallet/a file+with%odd näme.txt", Body=b"x")
    assert disturb(cloud) > 1
    defs = dg.Definitions(
        assets=STAGES,
        asset_checks=CHECKS,
        jobs=[*JOBS, reconcile_arrivals],
        resources=cloud["resources"],
        executor=executor(),
    )
    with dg.DagsterInstance.ephemeral() as instance:

        def run(job: str, partition: str | None = None) -> None:
            result = defs.resolve_job_def(job).execute_in_process(
                partition_key=partition, instance=instance, run_config=QUIET
            )
            assert result.success

        arrived = tick(cloud, instance)
        assert connections.catalog().object_states() == {"member": 10, "unrecognised": 1}
        odd = connections.catalog().objects_in_state("unrecognised")
        assert odd["key"].to_list() == ["wallet/a file+with%odd näme.txt"]

        # Events that were lost are found by the nightly comparison with the listing.
        put(s3, lost)
        cloud["sqs"].purge_queue(QueueUrl=cloud["queue"])
        assert lost.session_id not in connections.catalog().sessions()["session_id"].to_list()
        run("reconcile_arrivals")
        found = tick(cloud, instance, arrived.cursor)
        assert hours_of(arrived)
        assert hours_of(found)

        hours = sorted({*hours_of(arrived), *hours_of(found)})
        for hour in hours:
            run("process_hours", hour)
        for day in sorted(set(map(day_of, hours))):
            run("pack_days", day)
        assert hours_of(tick(cloud, instance, found.cursor)) == []
    rows = connections.catalog().sessions()
    assert set(rows["session_id"]) == {bundle.session_id for bundle in (first, second, lost)}
    assert set(rows["status"]) == {"accepted"}
    for asset in ("raw_sessions", "aligned_sessions", "segments", "paired_clips", "quality_scores"):
        assert written_partitions(connections.lake(), asset) == [hour.replace(":", "") for hour in hours]
    manifest = json.loads(connections.clean().get(f"cilrs_datasets/{day_of(hours[-1])}/manifest.json"))
    assert manifest
    assert any(info.key.endswith(".parquet") for info in connections.clean().list("cilrs_datasets/"))
