"""What every event feed promises, and its error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from resources.object_store.store import ObjectInfo
from resources.upload_queue.hours import hour_of, logical_key_of, partition_key


class FeedUnavailableError(Exception):
    """A feed does not answer or refuses.

    Attributes:
        url: The feed.
        problem: What is wrong, with the mend.
    """

    def __init__(self, url: str, problem: str) -> None:
        self.url = url
        self.problem = problem
        super().__init__(url, problem)

    def __str__(self) -> str:
        return f"{self.url}: {self.problem}"


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """A raw object was created or overwritten.

    Attributes:
        key: The store key, as the store lists it.
        logical_key: `{wallet}/{file}`, without the hour folder.
        size_bytes: Its size.
        etag: Its version; (key, etag) makes an event unique.
        event_ms: Epoch ms of its creation.
        hour: Partition key of its hour of arrival, `2026-02-01-09:00`.
        receipt: What the feed needs to acknowledge it.
    """

    key: str
    logical_key: str
    size_bytes: int
    etag: str
    event_ms: int
    hour: str
    receipt: str


class EventFeed(Protocol):
    """New raw objects, at least once each and in no promised order."""

    def receive(self, max_events: int, deadline_s: float) -> list[ObjectEvent]:
        """New objects, empty where there are none now.

        Args:
            max_events: About how many events to return at most.
            deadline_s: Seconds from now after which to stop looking.
        """

    def acknowledge(self, events: Sequence[ObjectEvent]) -> None:
        """Never deliver these again; to be called after they are durable in the catalog."""


def event_of(info: ObjectInfo) -> ObjectEvent:
    """The event that a listed object stands for; its hour is its folder's, else that of its time stamp."""
    return ObjectEvent(
        key=info.key,
        logical_key=logical_key_of(info.key),
        size_bytes=info.size_bytes,
        etag=info.etag,
        event_ms=info.modified_ms,
        hour=hour_of(info.key) or partition_key(info.modified_ms),
        receipt="",
    )
