"""Event feeds: which raw objects are new, from an SQS queue or from the store's own listing.

Delivery is at least once and in no promised order. Importing this package imports no boto3 and
opens no connection.
"""

from resources.upload_queue.directory import DirectoryFeed, FeedPositions
from resources.upload_queue.events import EventFeed, FeedUnavailableError, ObjectEvent
from resources.upload_queue.hours import (
    hour_folder,
    hour_of,
    logical_key_of,
    partition_key,
    raw_key,
)
from resources.upload_queue.reconcile import listing_events
from resources.upload_queue.sqs import SqsFeed

__all__ = [
    "DirectoryFeed",
    "EventFeed",
    "FeedPositions",
    "FeedUnavailableError",
    "ObjectEvent",
    "SqsFeed",
    "hour_folder",
    "hour_of",
    "listing_events",
    "logical_key_of",
    "partition_key",
    "raw_key",
]
