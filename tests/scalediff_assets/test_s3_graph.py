"""The whole graph on S3 and SQS (moto's server), from uploads with events to a published day."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
from moto.server import ThreadedMotoServer

from resources.profiles import executor, resources_for
from resources.settings import read_settings
from scalediff_assets.automation import JOBS
from scalediff_assets.checks import CHECKS
from scalediff_assets.definitions import STAGES, WORKER_MODULES
from scalediff_assets.partitions import day_of
from scalediff_assets.raw_sessions.arrivals import reconcile, take_in
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle

Record = Callable[..., RecordedBundle]
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
MONTH_MS = 31 * 24 * 3_600_000


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Three buckets, and a queue that hears of the raw one."""
    for name, value in {
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1")
    queue = sqs.create_queue(QueueName=f"uploads-{tmp_path.name}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for bucket in ("raw", "lake", "clean"):
        s3.create_bucket(Bucket=bucket)
    rule = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="raw", NotificationConfiguration={"QueueConfigurations": [rule]}
    )
    settings = read_settings(
        {
            "SCALEDIFF_HOME": str(tmp_path / "home"),
            "SCALEDIFF_WORKERS": "1",
            "SCALEDIFF_RAW_URL": "s3://raw",
            "SCALEDIFF_LAKE_URL": "s3://lake",
            "SCALEDIFF_CLEAN_URL": "s3://clean",
            "SCALEDIFF_S3_ENDPOINT_URL": endpoint,
            "SCALEDIFF_S3_REGION": "us-east-1",
            "SCALEDIFF_QUEUE_URL": queue,
        }
    )
    # A preload of its own, so that the fork server starts with this test's credentials.
    resources = resources_for(settings, worker_modules=(*WORKER_MODULES, "resources.aws_clients"))
    yield {
        "s3": s3,
        "sqs": sqs,
        "queue": queue,
        "connections": resources["connections"],
        "resources": resources,
    }
    server.stop()


def put(s3: Any, bundle: RecordedBundle) -> None:
    for key, content in bundle.objects("recorded").items():
        s3.put_object(Bucket="raw", Key=key, Body=content)


def put_in_parts(s3: Any, key: str, content: bytes) -> None:
    upload = s3.create_multipart_upload(Bucket="raw", Key=key)["UploadId"]
    part = s3.upload_part(Bucket="raw", Key=key, UploadId=upload, PartNumber=1, Body=content)
    s3.complete_multipart_upload(
        Bucket="raw", Key=key, UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )  # fmt: skip


@pytest.mark.slow
def test_uploads_to_s3_become_a_published_day(cloud: dict[str, Any], recorded: Record) -> None:
    s3, connections = cloud["s3"], cloud["connections"]
    first, second, lost = recorded(1), recorded(2), recorded(3)
    put(s3, first)
    for key, content in second.objects("recorded").items():
        put_in_parts(s3, key, content) if key.endswith(BundleFile.VIDEO.value) else s3.put_object(
            Bucket="raw", Key=key, Body=content
        )
    s3.put_object(Bucket="raw", Key="wallet/a file+with%odd näme.txt", Body=b"x")
    # The events arrive again, and the last first.
    messages = []
    for _ in range(2):
        answer = cloud["sqs"].receive_message(
            QueueUrl=cloud["queue"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        messages += answer.get("Messages", [])
    for message in reversed(messages):
        cloud["sqs"].send_message(QueueUrl=cloud["queue"], MessageBody=message["Body"])
    now_ms = next(iter(connections.raw().list())).modified_ms
    take_in(connections, now_ms=now_ms)
    assert connections.catalog().object_states() == {"member": 10, "unrecognised": 1}

    # Events that were lost are found by the nightly comparison with the listing.
    put(s3, lost)
    cloud["sqs"].purge_queue(QueueUrl=cloud["queue"])
    assert lost.session_id not in connections.catalog().sessions()["session_id"].to_list()
    reconcile(connections, now_ms=now_ms)
    (waiting,) = connections.catalog().hour_versions()

    defs = dg.Definitions(
        assets=STAGES, asset_checks=CHECKS, jobs=JOBS, resources=cloud["resources"], executor=executor()
    )
    with dg.DagsterInstance.ephemeral() as instance:
        for job, partition in (("process_hours", waiting.hour), ("pack_days", day_of(waiting.hour))):
            result = defs.resolve_job_def(job).execute_in_process(
                partition_key=partition, instance=instance, run_config=QUIET
            )
            assert result.success
    rows = connections.catalog().sessions()
    assert rows.height == 3
    assert set(rows["status"]) == {"accepted"}
    manifest = json.loads(connections.clean().get(f"cilrs_datasets/{day_of(waiting.hour)}/manifest.json"))
    assert manifest
    assert any(info.key.endswith(".parquet") for info in connections.clean().list("cilrs_datasets/"))
