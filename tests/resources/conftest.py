"""Buckets and queues on the moto server for the tests of the AWS connections."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

_NUMBERS = itertools.count()


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
