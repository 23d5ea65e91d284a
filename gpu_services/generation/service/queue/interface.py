"""What a queue of jobs promises, whoever keeps it.

Order is by score, least first: the time of enqueueing less a boost of the priority. A waiting job
therefore ages: after a week a normal job is where a safety-critical one starts, and nothing starves.

A claim is a lease: until it expires, nobody else gets the job; after that anybody may. Each claim
carries a fencing token that is larger than every one before, also across a restart or a loss of the
queue's data, so that the jobs' table can refuse whoever comes late.

Every operation is atomic. Pushing a job that is known changes nothing; a queue that lost its data is
filled again from the jobs' table (`reconcile.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scalediff_contract.generation import Priority

_DAY_MS = 86_400_000
BOOST_MS: Mapping[Priority, int] = {
    "safety_critical": 7 * _DAY_MS,
    "high": _DAY_MS,
    "normal": 0,
    "batch": -7 * _DAY_MS,
}
LOOK_AHEAD = 64
"""How many of the next jobs are looked at for companions of the first."""


def score_of(enqueued_ms: int, priority: Priority) -> int:
    """Place in the order, epoch ms; less is sooner."""
    return enqueued_ms - BOOST_MS[priority]


class QueueUnavailableError(Exception):
    """The queue does not answer.

    Attributes:
        where: Which queue, without credentials.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        super().__init__(f"queue {where}: {problem}; jobs wait in the table and go on when it answers")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A job on its way into the queue.

    Attributes:
        job_id: Which.
        score: Its place, `score_of`.
        batch_key: Jobs of equal keys may be computed together.
        priority: For counting.
    """

    job_id: str
    score: int
    batch_key: str
    priority: Priority


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job that this worker may do until its lease expires.

    Attributes:
        job_id: Which.
        fence: Larger than that of any earlier claim.
    """

    job_id: str
    fence: int


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How full the queue is.

    Attributes:
        waiting: Jobs by priority; those that wait out a back-off are among them.
        leased: Jobs that somebody holds.
        delayed: Of the waiting ones, those that are not due yet.
    """

    waiting: Mapping[Priority, int]
    leased: int
    delayed: int

    @property
    def total_waiting(self) -> int:
        """All that wait."""
        return sum(self.waiting.values())


class JobQueue(Protocol):
    """The queue; every method may raise QueueUnavailableError."""

    def push(self, entries: Sequence[Entry]) -> int:
        """Add jobs; returns how many were new."""
        ...

    def claim(self, limit: int, lease_ms: int) -> list[Claim]:
        """Lease the next job and up to `limit - 1` of the following with its batch key.

        Jobs whose leases have expired come back first. Empty while halted.
        """
        ...

    def renew(self, claims: Sequence[Claim], lease_ms: int) -> list[Claim]:
        """Extend leases; returns the claims that are still held."""
        ...

    def ack(self, claims: Sequence[Claim]) -> int:
        """Forget jobs that are done; returns how many were still held."""
        ...

    def requeue(self, claims: Sequence[Claim], delay_ms: int) -> int:
        """Give jobs back in their old place, not to be claimed for a while; returns how many were held."""
        ...

    def remove(self, job_id: str) -> bool:
        """Take a waiting job out; False where it does not wait."""
        ...

    def rank(self, job_id: str) -> int | None:
        """How many waiting jobs are before it; None where it does not wait."""
        ...

    def missing(self, job_ids: Sequence[str]) -> list[str]:
        """Those that the queue does not know."""
        ...

    def depth(self) -> Depth:
        """How full it is."""
        ...

    def halt(self, reason: str) -> None:
        """Let nobody claim until `resume`; what waits stays."""
        ...

    def resume(self) -> None:
        """End a halt."""
        ...

    def halted(self) -> str | None:
        """Why it is halted; None where it is not."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
