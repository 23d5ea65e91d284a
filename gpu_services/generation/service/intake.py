"""Orders on their way into the table and the queue: those that arrive together share one transaction.

A commit syncs the disk; one per order would be the limit of the API. A thread takes whatever waits,
writes it at once, then pushes it: the more there is to do, the more goes into one commit. The table
comes first. A queue that does not answer delays a job and loses none (`reconcile.py`).
"""

import logging
import queue as queues
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import sqlalchemy as sa

from gpu_services.generation.service.jobs import DayFullError, JobRow, Jobs, NewJob, OtherBodyError
from gpu_services.generation.service.queue import JobQueue, QueueUnavailableError


@dataclass(frozen=True, kw_only=True)
class Taken:
    """An order that is in the table.

    Attributes:
        row: The job.
        rank: Jobs before it, where its order came alone; None in a plan or where no queue answers.
    """

    row: JobRow
    rank: int | None


Answer = list[Taken | OtherBodyError]
Waiting = tuple[Sequence[NewJob], Future[Answer]]
_MOST = 2_000
_log = logging.getLogger("scalediff.generation.intake")


class Intake:
    """The one writer of new jobs in this process."""

    def __init__(self, jobs: Jobs, queue: JobQueue, now_ms: Callable[[], int]) -> None:
        self._jobs, self._queue, self._now_ms = jobs, queue, now_ms
        self._waiting: queues.SimpleQueue[tuple[Sequence[NewJob], Future[Answer]] | None] = (
            queues.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

    def submit(self, orders: Sequence[NewJob]) -> "Future[Answer]":
        """Take orders; the future has the jobs, or what was wrong with a key, in the same sequence."""
        future: Future[Answer] = Future()
        self._waiting.put((orders, future))
        return future

    def close(self) -> None:
        """Write what waits and stop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._next()
            if batch:
                self._write(batch)

    def _next(self) -> tuple[list[tuple[Sequence[NewJob], "Future[Answer]"]], bool]:
        """All that waits, up to a limit; and whether to go on after it."""
        found, count = [], 0
        item = self._waiting.get()
        while item is not None:
            found.append(item)
            count += len(item[0])
            if count >= _MOST or self._waiting.empty():
                return found, True
            item = self._waiting.get()
        return found, False

    def _write(self, batch: "list[tuple[Sequence[NewJob], Future[Answer]]]") -> None:
        try:
            answers = self._add([job for orders, _ in batch for job in orders])
        except (sa.exc.SQLAlchemyError, DayFullError) as error:
            for _, future in batch:
                future.set_exception(error)
            return
        # The answer waits for the push: what is told as queued is queued.
        self._push([row for row in answers if isinstance(row, JobRow) and row.status == "queued"])
        for orders, future in batch:
            mine, answers = answers[: len(orders)], answers[len(orders) :]
            future.set_result([self._taken(each, alone=len(orders) == 1) for each in mine])

    def _taken(self, row: JobRow | OtherBodyError, *, alone: bool) -> Taken | OtherBodyError:
        if isinstance(row, OtherBodyError):
            return row
        try:
            rank = self._queue.rank(row.job_id) if alone and row.status == "queued" else None
        except QueueUnavailableError:
            rank = None
        return Taken(row=row, rank=rank)

    def _add(self, orders: Sequence[NewJob]) -> list[JobRow | OtherBodyError]:
        try:
            return self._jobs.add(orders, self._now_ms())
        except sa.exc.IntegrityError:
            # Another process took one of the keys in the same moment; now it is seen.
            return self._jobs.add(orders, self._now_ms())

    def _push(self, rows: Sequence[JobRow]) -> None:
        try:
            self._queue.push([row.entry for row in rows])
        except QueueUnavailableError as error:
            _log.warning("not pushed jobs=%d error=%s", len(rows), error)
