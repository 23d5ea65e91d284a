"""The queue made anew from the table: what was ordered and is nowhere on its way is pushed again.

So an order that reached the table is never lost: not when the API died before pushing it, not when
Redis lost its last second, not when it lost everything. Jobs that a worker still shows signs of life
for are left alone.
"""

import logging

from gpu_services.generation.service.choice import Choices
from gpu_services.generation.service.jobs import Jobs
from gpu_services.generation.service.queue import JobQueue

_OLDER_MS = 5_000
_log = logging.getLogger("scalediff.generation.reconcile")


def reconcile(
    jobs: Jobs, queue: JobQueue, choices: Choices, now_ms: int, *, older_ms: int = _OLDER_MS
) -> int:
    """Push forgotten jobs; returns how many there were.

    Args:
        jobs: The table.
        queue: The queue.
        choices: Knows of a halt that the queue may have lost.
        now_ms: The clock.
        older_ms: Younger orders may still be on their way.
    """
    reason = choices.halted()
    if reason is not None and queue.halted() is None:
        queue.halt(reason)
    rows = {row.job_id: row for row in jobs.forgotten(now_ms, older_ms=older_ms)}
    missing = queue.missing(list(rows))
    pushed = queue.push([rows[job_id].entry for job_id in missing])
    if pushed:
        _log.warning("pushed again jobs=%d", pushed)
    return pushed
