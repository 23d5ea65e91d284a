"""The nightly reconciliation: events for everything that lies in the raw store.

Whatever a queue lost, or arrived in a closed hour, is found here. It lists the whole store (about
10 requests per 10,000 objects in S3); a bucket too large for that is listed by S3 Inventory.
"""

from collections.abc import Iterator

from resources.object_store.store import ObjectStore
from resources.upload_queue.events import ObjectEvent, event_of


def listing_events(store: ObjectStore, start_hour: str | None = None) -> Iterator[ObjectEvent]:
    """An event for every object of the store, in key order.

    Args:
        store: The raw store.
        start_hour: Partition key; objects of earlier hours are left out.
    """
    events = map(event_of, store.list())
    return events if start_hour is None else (event for event in events if event.hour >= start_hour)
