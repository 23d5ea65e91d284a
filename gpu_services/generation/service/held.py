"""The jobs that a worker holds: renewed, shown and watched by a thread of its own.

The thread never decides: it renews leases in the queue and in the table, notes progress, looks whether
jobs were cancelled or lost and whether the running ones should be given back. An outage of the queue or
the database is logged and outlived: the table's fence decides in the end.
"""

import logging
import threading
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from gpu_services.generation.service.jobs import Jobs
from gpu_services.generation.service.queue import Claim, JobQueue, QueueUnavailableError

_log = logging.getLogger("scalediff.generation.held")


class GivenBackError(Exception):
    """The running jobs are to be given back."""


class Held:
    """Claims under renewal; use as a context manager."""

    def __init__(
        self, jobs: Jobs, queue: JobQueue, *, lease_ms: int, beat_s: float, now_ms: Callable[[], int],
        also: Callable[[], None],
    ) -> None:  # fmt: skip
        """Start holding nothing.

        Args:
            jobs: The table.
            queue: The queue.
            lease_ms: Length of a lease.
            beat_s: Between two renewals.
            now_ms: The clock.
            also: Called at every beat, for the worker's own signs of life.
        """
        self._jobs, self._queue = jobs, queue
        self._lease_ms, self._beat_s, self._now_ms, self._also = lease_ms, beat_s, now_ms, also
        self._lock = threading.Lock()
        self._claims: dict[str, Claim] = {}
        self._begun: dict[str, float] = {}
        self._lost: set[str] = set()
        self._stop = threading.Event()
        self.interrupt = threading.Event()
        self._thread = threading.Thread(target=self._run, name="held", daemon=True)

    def __enter__(self) -> "Held":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, claims: Sequence[Claim]) -> None:
        """Hold more."""
        with self._lock:
            self._claims.update({claim.job_id: claim for claim in claims})
            self._lost -= {claim.job_id for claim in claims}

    def begin(self, job_id: str) -> None:
        """A job is running under its fence now."""
        with self._lock:
            self._begun[job_id] = 0.0

    def drop(self, claim: Claim) -> None:
        """Hold one less."""
        with self._lock:
            self._claims.pop(claim.job_id, None)
            self._begun.pop(claim.job_id, None)

    def progress(self, job_ids: Sequence[str], share: float) -> None:
        """Note how far running jobs are.

        Raises:
            GivenBackError: They are to be given back, or nobody wants any of them any more.
        """
        with self._lock:
            self._begun.update(dict.fromkeys(job_ids, share))
            wanted = set(job_ids) - self._lost
        if self.interrupt.is_set() or not wanted:
            raise GivenBackError

    def is_lost(self, job_id: str) -> bool:
        """Whether a running job was cancelled, or taken by another worker."""
        with self._lock:
            return job_id in self._lost

    def beat(self) -> None:
        """Renew and show once."""
        with self._lock:
            claims, begun = list(self._claims.values()), dict(self._begun)
        try:
            if claims:
                self._queue.renew(claims, self._lease_ms)
        except QueueUnavailableError as error:
            _log.warning("leases not renewed error=%s", error)
        try:
            self._beat_table(claims, begun)
            self._also()
        except sa.exc.OperationalError as error:
            _log.warning("table not reached error=%s", error.orig)

    def _beat_table(self, claims: Sequence[Claim], begun: dict[str, float]) -> None:
        fences = {claim.job_id: claim.fence for claim in claims if claim.job_id in begun}
        if not fences:
            return
        ours = set(self._jobs.beat(fences, begun, self._now_ms() + self._lease_ms))
        with self._lock:
            self._lost |= {job_id for job_id in fences if job_id not in ours and job_id in self._begun}

    def _run(self) -> None:
        while not self._stop.wait(self._beat_s):
            self.beat()
