"""The embedded feed: the raw store's own listing, hour folder by hour folder.

There is no queue; an object is new until the catalog knows it. The feed's position is the first
hour that may still bring something. It moves past an hour only when the hour ended `grace_s` ago
and a full look at it found nothing new, so an object is missed only if it becomes visible later
than that; the nightly reconciliation (`listing_events`) finds such an object, and objects outside
hour folders.

A look costs about 6 us per object of the hours from the position on, known ones included.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Protocol

from resources.object_store.store import ObjectInfo, ObjectStore
from resources.upload_queue.events import ObjectEvent, event_of
from resources.upload_queue.hours import folder_of, hour_folder, hour_of

GRACE_S = 600
_AFTER_DIGITS = ":"  # hour folders start with a digit; no key from here on lies in one


class FeedPositions(Protocol):
    """Where feeds keep their positions durably."""

    def load(self, name: str) -> str | None:
        """The position saved under `name`, or None."""

    def save(self, name: str, value: str) -> None:
        """Keep `value` under `name`; durable when it returns."""


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class DirectoryFeed:
    """New objects of a raw store with hour folders.

    Attributes:
        store: The raw store.
        positions: Where the feed keeps its position.
        known: Partition key of an hour to the (store key, etag) pairs that the catalog holds for it.
        name: Name of the position.
        grace_s: How long after its end an hour may still bring objects.
        now_ms: The clock, epoch ms.
    """

    store: ObjectStore
    positions: FeedPositions
    known: Callable[[str], set[tuple[str, str]]]
    name: str = "raw"
    grace_s: int = GRACE_S
    now_ms: Callable[[], int] = _wall_clock_ms

    def receive(self, max_events: int, deadline_s: float) -> list[ObjectEvent]:
        """New objects from the position on, in key order; moves the position.

        The deadline cannot stop the look at an hour before its first new object, because a look
        that never ends would never move the position.
        """
        deadline = time.monotonic() + deadline_s
        start = self.positions.load(self.name) or ""
        # Taken before the look: what appears during it must not be passed over.
        position = hour_folder(self.now_ms() - self.grace_s * 1000)
        events: list[ObjectEvent] = []
        for count, (hour, infos) in enumerate(self._hours(start)):
            enough = len(events) >= max_events or (count > 0 and time.monotonic() > deadline)
            if not enough:
                self._look(hour, infos, events, max_events, deadline)
            if events or enough:
                position = min(position, folder_of(hour))
            if enough:
                break
        if position > start:
            self.positions.save(self.name, position)
        return events

    def acknowledge(self, events: Sequence[ObjectEvent]) -> None:
        """Nothing to do: what the catalog knows is not delivered again."""

    def _hours(self, start: str) -> Iterator[tuple[str, Iterator[ObjectInfo]]]:
        infos = takewhile(lambda info: info.key < _AFTER_DIGITS, self.store.list(start_after=start))
        for hour, group in groupby(infos, key=lambda info: hour_of(info.key)):
            if hour is not None:
                yield hour, group

    def _look(
        self,
        hour: str,
        infos: Iterable[ObjectInfo],
        events: list[ObjectEvent],
        max_events: int,
        deadline: float,
    ) -> None:
        """Append the hour's new objects; after the first, until the limit or the deadline."""
        known = self.known(hour)
        for info in infos:
            if (info.key, info.etag) in known:
                continue
            events.append(event_of(info))
            if len(events) >= max_events or time.monotonic() > deadline:
                return
