"""New objects become catalog rows, and catalog rows become complete bundles.

The order makes every crash harmless: a row is durable before its event is acknowledged, and each
settling step is a transaction of its own that can be run again.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from resources.connections import Connections
from resources.upload_queue import listing_events
from scalediff_assets.raw_sessions.intake import IntakeSummary, settle
from scalediff_contract.limits import BundleLimits

EVENTS_PER_BATCH = 2_000
INCOMPLETE_AFTER_MS = 30 * 60 * 1000


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """What one look at the feed brought."""

    events: int
    exhausted: bool
    summary: IntakeSummary


def take_in(
    connections: Connections, *, now_ms: int, final: bool = False, deadline_s: float = 3600.0
) -> Arrivals:
    """Drain the feed within the deadline, then settle what can be settled.

    Args:
        connections: Stores, feed and catalog.
        now_ms: Epoch ms.
        final: Nothing more will come: incomplete bundles are quarantined at once.
        deadline_s: Stop draining after this time; the rest waits in the feed.
    """
    deadline = time.monotonic() + deadline_s
    feed, catalog = connections.feed(), connections.catalog()
    received, exhausted = 0, False
    while not exhausted and (left_s := deadline - time.monotonic()) > 0:
        events = feed.receive(EVENTS_PER_BATCH, left_s)
        catalog.record_objects(events, now_ms)
        feed.acknowledge(events)
        received += len(events)
        exhausted = not events
    # What the deadline left in the feed may complete a bundle: then this look is not the final one.
    summary = _settle(connections, now_ms, final and exhausted)
    return Arrivals(events=received, exhausted=exhausted, summary=summary)


def reconcile(connections: Connections, *, now_ms: int) -> Arrivals:
    """Record everything that the raw store lists, whatever a queue lost, and settle."""
    catalog = connections.catalog()
    events = list(listing_events(connections.raw()))
    catalog.record_objects(events, now_ms)
    return Arrivals(events=len(events), exhausted=True, summary=_settle(connections, now_ms, final=False))


def _settle(connections: Connections, now_ms: int, final: bool) -> IntakeSummary:
    raw = connections.raw()

    def content_hash(key: str) -> str:
        # A video may be larger than the memory of a sensor.
        with raw.local_copy(key) as path, path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def listed_files(key: str) -> frozenset[str]:
        return files_in_meta(raw.get(key, max_bytes=BundleLimits().meta_bytes))

    return settle(
        connections.catalog(),
        now_ms=now_ms,
        incomplete_after_ms=INCOMPLETE_AFTER_MS,
        final=final,
        content_hash=content_hash,
        listed_files=listed_files,
    )


def files_in_meta(content: bytes) -> frozenset[str]:
    """The labels of the files that a meta file lists; none where it cannot be read.

    An unreadable meta is not an error here: the bundle goes on and is rejected with its reason.
    """
    try:
        files = json.loads(content)["files"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return frozenset()
    return frozenset(map(str, files)) if isinstance(files, dict) else frozenset()


@contextmanager
def hours_to_run(connections: Connections) -> Iterator[list[str]]:
    """The hours whose bundles changed since they were last run; marked as requested at the end.

    A crash inside leaves them to be run again.
    """
    catalog = connections.catalog()
    waiting = catalog.hour_versions()
    yield [item.hour for item in waiting]
    for item in waiting:
        catalog.mark_requested(item.hour, item.version)
