"""The queue's feed and the reconciliation, against a bucket that notifies a queue."""

import json
import logging
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from resources.object_store import S3Store
from resources.upload_queue import FeedUnavailableError, SqsFeed, listing_events, partition_key

REGION = "us-east-1"
NINE = int(datetime(2026, 2, 1, 9, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def s3(aws_endpoint: str, bucket: str) -> S3Store:
    return S3Store(bucket, endpoint_url=aws_endpoint, region=REGION)


@pytest.fixture
def feed(aws_endpoint: str, queue_url: str) -> SqsFeed:
    return SqsFeed(queue_url=queue_url, endpoint_url=aws_endpoint, region=REGION, wait_s=0)


@pytest.fixture
def notified(aws: Callable[[str], Any], bucket: str, queue_url: str) -> None:
    """The bucket tells the queue of every created and removed object."""
    attributes = aws("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    queue = {
        "QueueArn": attributes["Attributes"]["QueueArn"],
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
    }
    aws("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue]}
    )


@pytest.fixture
def send(aws: Callable[[str], Any], queue_url: str) -> Callable[[Any], str]:
    """Sends a message of this body; returns its id."""

    def send(body: Any) -> str:
        text = body if isinstance(body, str) else json.dumps(body)
        return str(aws("sqs").send_message(QueueUrl=queue_url, MessageBody=text)["MessageId"])

    return send


def waiting(aws: Callable[[str], Any], queue_url: str) -> int:
    """Messages in the queue, delivered ones that were not deleted included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = aws("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def record(key: str, name: str = "ObjectCreated:Put", **changes: Any) -> dict[str, Any]:
    made = {
        "eventName": name,
        "eventTime": "2026-02-01T09:59:59.999Z",
        "s3": {"object": {"key": key, "size": 3, "eTag": "e"}},
    }
    return made | changes


@pytest.mark.usefixtures("notified")
@pytest.mark.parametrize("key", ["w/f.json", "a b+c%20&é/ö.json"])
def test_a_put_becomes_an_event_of_the_listed_object(s3: S3Store, feed: SqsFeed, key: str) -> None:
    put = s3.put(key, b"123")
    [event] = feed.receive(10, 5)
    assert (event.key, event.logical_key, event.size_bytes, event.etag) == (key, key, 3, put.etag)
    assert event.hour == partition_key(event.event_ms)
    assert abs(event.event_ms - put.modified_ms) < 5000
    [listed] = listing_events(s3)
    assert (listed.key, listed.etag) == (event.key, event.etag)


def test_the_hour_is_that_of_the_event(feed: SqsFeed, send: Callable[[Any], str]) -> None:
    send({"Records": [record("w/f")]})
    send({"Records": [record("w/f", eventTime="2026-02-01T10:00:00.000Z")]})
    assert sorted(event.hour for event in feed.receive(10, 5)) == ["2026-02-01-09:00", "2026-02-01-10:00"]


@pytest.mark.usefixtures("notified")
def test_test_events_and_removals_are_settled_unseen(
    s3: S3Store, feed: SqsFeed, aws: Callable[[str], Any], queue_url: str
) -> None:
    assert waiting(aws, queue_url) == 1
    assert feed.receive(10, 5) == []
    assert waiting(aws, queue_url) == 0
    s3.put("a", b"")
    s3.delete("a")
    events = feed.receive(10, 5)
    assert [event.key for event in events] == ["a"]
    feed.acknowledge(events)
    assert waiting(aws, queue_url) == 0


@pytest.mark.usefixtures("notified")
def test_both_events_of_a_multipart_upload_name_the_same_object(
    s3: S3Store, feed: SqsFeed, aws: Callable[[str], Any], queue_url: str, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(17 * 1024**2))
    put = s3.put("w/large", tmp_path / "large")
    events = feed.receive(10, 5)
    assert len(events) == 2
    assert {(event.key, event.etag, event.size_bytes) for event in events} == {
        ("w/large", put.etag, 17 * 1024**2)
    }
    feed.acknowledge(events)
    assert waiting(aws, queue_url) == 0


def test_duplicates_and_disorder_are_delivered_as_they_come(
    feed: SqsFeed, send: Callable[[Any], str], aws: Callable[[str], Any], queue_url: str
) -> None:
    for second in (3, 1, 2, 1):
        send({"Records": [record("w/f", eventTime=f"2026-02-01T09:00:0{second}.000Z")]})
    events = feed.receive(10, 5)
    assert sorted(event.event_ms - NINE for event in events) == [1000, 1000, 2000, 3000]
    feed.acknowledge([*events, events[0]])
    assert waiting(aws, queue_url) == 0


def test_more_events_than_a_batch_come_up_to_the_limit(
    feed: SqsFeed, send: Callable[[Any], str], aws: Callable[[str], Any], queue_url: str
) -> None:
    for number in range(25):
        send({"Records": [record(f"w/{number}")]})
    first = feed.receive(12, 5)
    rest = feed.receive(100, 5)
    assert (len(first), len(rest)) == (12, 13)
    assert len({event.key for event in first + rest}) == 25
    feed.acknowledge(first + rest)
    assert waiting(aws, queue_url) == 0


def test_the_deadline_ends_the_look(feed: SqsFeed, send: Callable[[Any], str]) -> None:
    send({"Records": [record("w/f")]})
    assert feed.receive(10, 0) == []
    assert feed.receive(0, 5) == []


def test_what_was_not_acknowledged_comes_again(
    feed: SqsFeed, send: Callable[[Any], str], aws: Callable[[str], Any], queue_url: str
) -> None:
    send({"Records": [record("w/f")]})
    first = feed.receive(10, 5)
    assert feed.receive(10, 5) == []
    time.sleep(1.1)
    again = feed.receive(10, 5)
    assert [event.key for event in first] == [event.key for event in again] == ["w/f"]
    feed.acknowledge(again)
    assert waiting(aws, queue_url) == 0


def test_a_message_is_deleted_when_all_its_events_are_acknowledged(
    feed: SqsFeed, send: Callable[[Any], str], aws: Callable[[str], Any], queue_url: str
) -> None:
    send({"Records": [record("w/1"), record("w/gone", "ObjectRemoved:Delete"), record("w/2")]})
    events = feed.receive(10, 5)
    assert [event.key for event in events] == ["w/1", "w/2"]
    feed.acknowledge(events[:1])
    feed.acknowledge(events[:1])
    assert waiting(aws, queue_url) == 1
    feed.acknowledge(events[1:])
    assert waiting(aws, queue_url) == 0


def test_another_process_can_acknowledge(
    feed: SqsFeed, send: Callable[[Any], str], aws: Callable[[str], Any], queue_url: str
) -> None:
    send({"Records": [record("w/1"), record("w/2")]})
    events = feed.receive(10, 5)
    other = SqsFeed(queue_url=feed.queue_url, endpoint_url=feed.endpoint_url, region=REGION)
    other.acknowledge(events)
    assert waiting(aws, queue_url) == 0


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "{}",
        {"Records": [{}]},
        {"Records": [record("w/f", eventTime="yesterday")]},
        {"Records": [record("w/f", eventTime="2026-02-01T09:00:00")]},
        {"Records": [record("%FF")]},
        {"Records": [record("w/f"), record("w/g", s3={"object": {"key": "w/g"}})]},
    ],
)
def test_an_unreadable_message_is_left_for_the_dead_letter_queue(
    feed: SqsFeed,
    send: Callable[[Any], str],
    aws: Callable[[str], Any],
    queue_url: str,
    caplog: pytest.LogCaptureFixture,
    body: Any,
) -> None:
    message_id = send(body)
    assert feed.receive(10, 5) == []
    assert [message_id in text and "dead-letter" in text for text in warnings_of(caplog)] == [True]
    assert waiting(aws, queue_url) == 1


def test_an_unreadable_message_is_logged_once(
    feed: SqsFeed, send: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    send("not json")
    send({"Records": [record("w/f")]})
    assert [event.key for event in feed.receive(10, 5)] == ["w/f"]
    time.sleep(1.1)
    assert [event.key for event in feed.receive(10, 5)] == ["w/f"]
    assert len(warnings_of(caplog)) == 1


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [found.getMessage() for found in caplog.records if found.levelno >= logging.WARNING]


def test_only_events_of_the_stores_prefix_are_delivered(
    aws_endpoint: str, queue_url: str, send: Callable[[Any], str], aws: Callable[[str], Any]
) -> None:
    feed = SqsFeed(queue_url=queue_url, endpoint_url=aws_endpoint, region=REGION, prefix="raw", wait_s=0)
    send({"Records": [record("raw/w/f")]})
    send({"Records": [record("lake/w/f"), record("raw-2/w/f")]})
    events = feed.receive(10, 5)
    assert [(event.key, event.logical_key) for event in events] == [("w/f", "w/f")]
    feed.acknowledge(events)
    assert waiting(aws, queue_url) == 0


@pytest.mark.usefixtures("notified")
def test_lost_events_are_found_by_the_reconciliation(
    s3: S3Store, feed: SqsFeed, aws: Callable[[str], Any], queue_url: str
) -> None:
    infos = [s3.put(f"w/{number}", b"1") for number in range(3)]
    aws("sqs").purge_queue(QueueUrl=queue_url)
    assert feed.receive(10, 5) == []
    events = list(listing_events(s3))
    assert [(event.key, event.etag) for event in events] == [(info.key, info.etag) for info in infos]
    assert all(event.hour == partition_key(event.event_ms) for event in events)


def test_a_wrong_queue_is_reported(aws_endpoint: str) -> None:
    feed = SqsFeed(queue_url=f"{aws_endpoint}/123456789012/none", endpoint_url=aws_endpoint, region=REGION)
    with pytest.raises(FeedUnavailableError, match="SCALEDIFF_QUEUE_URL"):
        feed.receive(10, 5)


def test_a_silent_queue_is_reported_in_bounded_time(aws_endpoint: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        feed = SqsFeed(
            queue_url=f"{url}/1/q", endpoint_url=url, region=REGION, read_timeout_s=0.2, max_attempts=1
        )
        begin = time.monotonic()
        with pytest.raises(FeedUnavailableError, match="check"):
            feed.receive(10, 5)
        assert time.monotonic() - begin < 3
