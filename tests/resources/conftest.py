"""A moto server for the tests of the AWS connections."""

import functools
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
_NUMBERS = itertools.count()


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    """moto looks for the object and stores it in two steps; S3 does a conditional put in one."""
    lock = threading.Lock()

    @functools.wraps(method)
    def locked(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return locked


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """URL of a moto server that lives as long as the test run."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setattr(S3Response, "put_object", _one_at_a_time(S3Response.put_object))
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


@pytest.fixture(scope="session")
def aws(aws_endpoint: str) -> Callable[[str], Any]:
    """Makes a plain boto3 client of a service on the moto server."""
    return lambda service: boto3.client(service, endpoint_url=aws_endpoint, region_name=REGION)


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> str:
    """A new, empty bucket."""
    name = f"raw-{next(_NUMBERS)}"
    aws("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def queue_url(aws: Callable[[str], Any]) -> str:
    """A new, empty queue whose messages come again after 1 s."""
    name = f"uploads-{next(_NUMBERS)}"
    made = aws("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": "1"})
    return str(made["QueueUrl"])
