"""Who is next: one interface, SQLite when embedded, Redis in production."""

from gpu_services.generation.service.queue.interface import (
    BOOST_MS,
    Claim,
    Depth,
    Entry,
    JobQueue,
    QueueUnavailableError,
    score_of,
)
from gpu_services.generation.service.queue.opening import open_queue

__all__ = [
    "BOOST_MS", "Claim", "Depth", "Entry", "JobQueue", "QueueUnavailableError", "open_queue", "score_of",
]  # fmt: skip
