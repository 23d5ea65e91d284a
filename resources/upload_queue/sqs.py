"""The production feed: S3 event notifications in an SQS queue.

A message is deleted only after every event in it was acknowledged, so whatever dies in between is
delivered again after the queue's visibility timeout, which must be longer than a sensor's tick.
A message that is not a notification is left alone: the queue's redrive policy moves it to the
dead-letter queue after its last allowed receive.

S3 percent-encodes keys, may deliver an event twice or late, and reports a multipart upload as
CompleteMultipartUpload; some stand-ins report it as Put as well. A lost notification is found by
the nightly reconciliation (`listing_events`).
"""

import contextlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from resources.aws_clients import Endpoint, aws_client
from resources.upload_queue.events import FeedUnavailableError, ObjectEvent
from resources.upload_queue.hours import logical_key_of, partition_key

_BATCH = 10  # SQS's limit per request
_CREATED = "ObjectCreated:"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Receipt:
    """Where an event came from: one of `parts` events of a message."""

    message_id: str
    handle: str
    part: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> "_Receipt":
        message_id, handle, part, parts = json.loads(text)
        return cls(message_id=message_id, handle=handle, part=part, parts=parts)

    def __str__(self) -> str:
        return json.dumps([self.message_id, self.handle, self.part, self.parts])


@dataclass(frozen=True, kw_only=True)
class SqsFeed:
    """New objects of a raw bucket that notifies a queue.

    Attributes:
        queue_url: The queue.
        endpoint_url: Another endpoint than Amazon's.
        region: Region of the queue.
        prefix: The raw store's prefix in its bucket; events elsewhere are acknowledged unseen.
        wait_s: How long an empty queue is asked before it counts as empty; 0 may miss messages
            that some of the queue's servers hold.
        connect_timeout_s: Limit for one connection.
        read_timeout_s: Limit for a silence in one answer.
        max_attempts: Calls per request, the first included.
    """

    queue_url: str
    endpoint_url: str | None = None
    region: str | None = None
    prefix: str = ""
    wait_s: int = 1
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    max_attempts: int = 3
    _acknowledged: dict[str, set[int]] = field(default_factory=dict, repr=False, compare=False)

    def receive(self, max_events: int, deadline_s: float) -> list[ObjectEvent]:
        """New objects until the queue is empty, the limit or the deadline.

        A message with several events is not split, so the last one may exceed `max_events`.

        Raises:
            FeedUnavailableError: The queue does not answer or refuses.
        """
        deadline = time.monotonic() + deadline_s
        events: list[ObjectEvent] = []
        while len(events) < max_events and (left_s := deadline - time.monotonic()) > 0:
            messages = self._messages(min(_BATCH, max_events - len(events)), min(self.wait_s, int(left_s)))
            if not messages:
                break
            settled = []
            for message in messages:
                found = self._events(message)
                if found is None:
                    continue
                events.extend(found)
                if not found:
                    settled.append((message["MessageId"], message["ReceiptHandle"]))
            self._delete(settled)
        return events

    def acknowledge(self, events: Sequence[ObjectEvent]) -> None:
        """Delete the messages of which every event was acknowledged, in this call or before.

        Raises:
            FeedUnavailableError: The queue does not answer or refuses; the events come again.
        """
        complete = []
        for event in events:
            receipt = _Receipt.parse(event.receipt)
            parts = self._acknowledged.setdefault(receipt.message_id, set())
            parts.add(receipt.part)
            if len(parts) == receipt.parts:
                del self._acknowledged[receipt.message_id]
                complete.append((receipt.message_id, receipt.handle))
        self._delete(list(dict.fromkeys(complete)))

    def _messages(self, count: int, wait_s: int) -> Sequence[Any]:
        with self._reporting():
            answer = self._client().receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=count,
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        messages: Sequence[Any] = answer.get("Messages", ())
        return messages

    def _events(self, message: Any) -> list[ObjectEvent] | None:
        """The created objects that a message tells of; None where it cannot be read."""
        try:
            records = _created_records(json.loads(message["Body"]))
            found = [record for record in map(_object_of, records) if self._in_store(record[0])]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if message.get("Attributes", {}).get("ApproximateReceiveCount") == "1":
                _LOG.warning(
                    "message is no S3 notification and is left for the dead-letter queue "
                    "queue=%s message_id=%s error=%r",
                    self.queue_url,
                    message["MessageId"],
                    error,
                )
            return None
        return [self._event(record, _receipt(message, part, len(found))) for part, record in enumerate(found)]

    def _in_store(self, name: str) -> bool:
        return not self.prefix or name.startswith(f"{self.prefix}/")

    def _event(self, record: tuple[str, int, str, int], receipt: str) -> ObjectEvent:
        name, size_bytes, etag, event_ms = record
        key = name.removeprefix(f"{self.prefix}/") if self.prefix else name
        return ObjectEvent(
            key=key,
            logical_key=logical_key_of(key),
            size_bytes=size_bytes,
            etag=etag,
            event_ms=event_ms,
            hour=partition_key(event_ms),
            receipt=receipt,
        )

    def _delete(self, messages: Sequence[tuple[str, str]]) -> None:
        """Delete messages by (id, receipt handle); one that fails is delivered again."""
        for first in range(0, len(messages), _BATCH):
            batch = messages[first : first + _BATCH]
            entries = [{"Id": str(place), "ReceiptHandle": handle} for place, (_, handle) in enumerate(batch)]
            with self._reporting():
                answer = self._client().delete_message_batch(QueueUrl=self.queue_url, Entries=entries)
            for failure in answer.get("Failed", ()):
                _LOG.warning(
                    "message was not deleted and will come again queue=%s message_id=%s code=%s",
                    self.queue_url,
                    batch[int(failure["Id"])][0],
                    failure["Code"],
                )

    def _client(self) -> Any:
        endpoint = Endpoint(
            url=self.endpoint_url,
            region=self.region,
            connect_timeout_s=self.connect_timeout_s,
            read_timeout_s=self.read_timeout_s,
            max_attempts=self.max_attempts,
        )
        return aws_client("sqs", endpoint)

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            mend = "check SCALEDIFF_QUEUE_URL, the network and the role's sqs permissions, then run again"
            raise FeedUnavailableError(self.queue_url, f"no usable answer ({error}); {mend}") from error


def _receipt(message: Any, part: int, parts: int) -> str:
    return str(
        _Receipt(message_id=message["MessageId"], handle=message["ReceiptHandle"], part=part, parts=parts)
    )


def _created_records(body: Any) -> list[Any]:
    """The records of created objects; empty for S3's test event and for removals.

    Raises:
        KeyError, TypeError: For a body that is no notification.
    """
    if body.get("Event") == "s3:TestEvent":
        return []
    return [
        record for record in body["Records"] if record["eventName"].removeprefix("s3:").startswith(_CREATED)
    ]


def _object_of(record: Any) -> tuple[str, int, str, int]:
    """Key in the bucket, size in bytes, etag and epoch ms of a record.

    Raises:
        KeyError, TypeError, ValueError: For a record that lacks one of them.
    """
    found = record["s3"]["object"]
    moment = datetime.fromisoformat(record["eventTime"])
    if moment.tzinfo is None:
        raise ValueError(f"eventTime {record['eventTime']!r} has no time zone")
    event_ms = round(moment.timestamp() * 1000)
    return unquote_plus(found["key"], errors="strict"), int(found["size"]), str(found["eTag"]), event_ms
