"""The jobs' table: what was ordered, who does it, what became of it. Every change is conditional.

A worker changes a job only under its fence: whoever comes late (a frozen process, a lost lease) finds
another fence there and changes nothing. What ends a job also numbers it (`settled_no`) and leaves the
callback that is due, in the same transaction.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa

from gpu_services.generation.service.database import Database
from gpu_services.generation.service.queue import Entry, score_of
from gpu_services.generation.service.schema import callbacks
from gpu_services.generation.service.schema import jobs as t
from scalediff_contract.generation import JobStatus, Priority

_DAY_CAPACITY = 999_999
# As text: building the same statements for every order took half of an order's time.
_RAISE = sa.text("UPDATE generation_counters SET value = value + :by WHERE name = :name RETURNING value")
_MAKE = sa.text("INSERT INTO generation_counters (name, value) VALUES (:name, 0) ON CONFLICT DO NOTHING")


class DayFullError(Exception):
    """A day's job ids are used up."""

    def __init__(self, day: str) -> None:
        self.day = day
        super().__init__(f"{day} had its {_DAY_CAPACITY} jobs; order the rest tomorrow (UTC)")


class OtherBodyError(Exception):
    """An idempotency key came again with another body."""

    def __init__(self, key: str, job_id: str) -> None:
        self.key, self.job_id = key, job_id
        super().__init__(f"idempotency key {key!r} ordered {job_id} with another body; use a new key")


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """An order that was checked.

    Attributes:
        actor: Who orders.
        request_sha256: Of the request, to tell a repetition from another order.
        seed: None: by the job's id.
    """

    actor: str
    idempotency_key: str | None
    request_sha256: str
    prompt: str
    category: str
    seed: int | None
    steps: int
    guidance: float
    conditioning_image_url: str | None
    conditioning_sha256: str | None
    priority: Priority
    callback_url: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class JobRow:
    """A row of the table."""

    job_id: str
    actor: str
    idempotency_key: str | None
    request_sha256: str
    prompt: str
    category: str
    seed: int
    steps: int
    guidance: float
    conditioning_image_url: str | None
    conditioning_sha256: str | None
    priority: Priority
    callback_url: str | None
    tags: Mapping[str, str]
    status: JobStatus
    failure_reason: str | None
    failure_detail: str | None
    attempts: int
    fence: int
    lease_ms: int
    worker_id: str | None
    progress: float
    enqueued_ms: int
    started_ms: int | None
    finished_ms: int | None
    settled_no: int | None
    model_version: str | None
    training_release: str | None
    policy_hash: str | None
    arm: str | None
    content_key: str | None
    frames_sha256: str | None
    batch_size: int | None
    scores: Mapping[str, Any] | None
    stage_s: Mapping[str, float] | None
    verdict: Mapping[str, Any] | None

    @property
    def entry(self) -> Entry:
        """The job in the queue."""
        return Entry(
            job_id=self.job_id,
            score=score_of(self.enqueued_ms, self.priority),
            batch_key=f"{self.steps}/{self.guidance:g}",
            priority=self.priority,
        )


@dataclass(frozen=True, kw_only=True)
class Made:
    """A clip that lies in the store.

    Attributes:
        batch_size: Clips that were computed together; a stage's seconds over it are this clip's share.
        stage_s: Seconds of the job in each stage.
    """

    content_key: str
    model_version: str
    training_release: str | None
    policy_hash: str | None
    arm: str
    frames_sha256: str
    batch_size: int
    scores: Mapping[str, Any]
    verdict: Mapping[str, Any]
    stage_s: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which jobs to list.

    Attributes:
        settled_after: Ended jobs in the order of their ends, after this number; else the newest first.
        before: Job id to go on before, for the newest first.
    """

    status: JobStatus | None = None
    category: str | None = None
    tag: tuple[str, str] | None = None
    settled_after: int | None = None
    before: str | None = None
    limit: int = 100


@dataclass(frozen=True)
class Jobs:
    """The table in a database."""

    database: Database
    _columns: tuple[str, ...] = field(default=tuple(JobRow.__dataclass_fields__), repr=False)

    def add(self, new: Sequence[NewJob], now_ms: int) -> list[JobRow | OtherBodyError]:
        """Take orders in one transaction; a repeated key gives the job that it made.

        Returns:
            In the orders' sequence a job, or what is wrong with the key.

        Raises:
            DayFullError: No more ids today.
        """
        with self.database.writing() as connection:
            known = self._known(connection, new)
            fresh: dict[tuple[str, str | None] | int, NewJob] = {}
            for place, job in enumerate(new):
                name = place if job.idempotency_key is None else (job.actor, job.idempotency_key)
                if name not in known:
                    fresh.setdefault(name, job)
            ids = _reserve(connection, len(fresh), now_ms)
            made = {
                name: _row(job, job_id, now_ms)
                for (name, job), job_id in zip(fresh.items(), ids, strict=True)
            }
            if made:
                connection.execute(t.insert(), [_values(row) for row in made.values()])
        found: dict[Any, JobRow] = {**known, **made}
        return [_same(job, found, place) for place, job in enumerate(new)]

    def _known(self, connection: sa.Connection, new: Sequence[NewJob]) -> dict[Any, JobRow]:
        pairs = {(job.actor, job.idempotency_key) for job in new if job.idempotency_key is not None}
        if not pairs:
            return {}
        query = sa.select(t).where(sa.tuple_(t.c.actor, t.c.idempotency_key).in_(pairs))
        return {(row.actor, row.idempotency_key): row for row in self._rows(connection, query)}

    def get(self, job_id: str) -> JobRow | None:
        """A job."""
        with self.database.reading() as connection:
            rows = self._rows(connection, sa.select(t).where(t.c.job_id == job_id))
        return rows[0] if rows else None

    def find(self, wanted: Wanted) -> list[JobRow]:
        """Jobs, newest first or by their ends."""
        query = sa.select(t).limit(wanted.limit)
        if wanted.status is not None:
            query = query.where(t.c.status == wanted.status)
        if wanted.category is not None:
            query = query.where(t.c.category == wanted.category)
        if wanted.tag is not None:
            query = query.where(t.c.tags[wanted.tag[0]].as_string() == wanted.tag[1])
        if wanted.settled_after is not None:
            query = query.where(t.c.settled_no > wanted.settled_after).order_by(t.c.settled_no)
        else:
            query = query.order_by(t.c.job_id.desc())
            if wanted.before is not None:
                query = query.where(t.c.job_id < wanted.before)
        with self.database.reading() as connection:
            return self._rows(connection, query)

    def begin(
        self, job_id: str, *, fence: int, worker_id: str, now_ms: int, lease_ms: int, counts: bool = True
    ) -> JobRow | None:
        """Start a job under a fence; None where it has ended or a later claim has it.

        Args:
            job_id: Which.
            fence: Of the claim.
            worker_id: Who.
            now_ms: The clock.
            lease_ms: How long it is held without a sign of life.
            counts: Whether this is an attempt at the clip.
        """
        change = (
            t.update()
            .where(t.c.job_id == job_id, t.c.status.in_(("queued", "running")), t.c.fence < fence)
            .values(
                status="running", fence=fence, worker_id=worker_id, lease_ms=now_ms + lease_ms,
                attempts=t.c.attempts + int(counts), progress=0.0,
                started_ms=sa.func.coalesce(t.c.started_ms, now_ms),
            )
            .returning(t)
        )  # fmt: skip
        with self.database.writing() as connection:
            rows = self._rows(connection, change)
        return rows[0] if rows else None

    def intend(self, job_id: str, *, fence: int, content_key: str) -> bool:
        """Note the clip that is about to be written; False where the job is no longer ours."""
        with self.database.writing() as connection:
            return self._change(connection, job_id, fence, {"content_key": content_key})

    def beat(self, fences: Mapping[str, int], progress: Mapping[str, float], until_ms: int) -> list[str]:
        """Extend the leases in the table and show progress; returns the jobs that are still ours."""
        with self.database.writing() as connection:
            return [
                job_id
                for job_id, fence in fences.items()
                if self._change(
                    connection, job_id, fence, {"lease_ms": until_ms, "progress": progress.get(job_id, 0.0)}
                )
            ]

    def complete(self, job_id: str, *, fence: int, made: Made, now_ms: int) -> bool:
        """A clip is there; False where the job is no longer ours."""
        changes = {
            "status": "completed", "progress": 1.0, "content_key": made.content_key,
            "model_version": made.model_version, "training_release": made.training_release,
            "policy_hash": made.policy_hash, "arm": made.arm, "frames_sha256": made.frames_sha256,
            "batch_size": made.batch_size,
            "scores": dict(made.scores), "verdict": dict(made.verdict),
            "stage_s": dict(made.stage_s),
        }  # fmt: skip
        return self._end(job_id, fence, changes, now_ms)

    def fail(self, job_id: str, *, fence: int, reason: str, detail: str, now_ms: int) -> bool:
        """There will be no clip; False where the job is no longer ours."""
        changes = {"status": "failed", "failure_reason": reason, "failure_detail": detail[:2_000]}
        return self._end(job_id, fence, changes, now_ms)

    def give_back(self, job_id: str, *, fence: int, counts: bool, problem: str | None) -> bool:
        """Back to the queue.

        Args:
            job_id: Which.
            fence: Of the claim that gives it back.
            counts: Whether the attempt counts against the job.
            problem: What went wrong, for people.
        """
        changes: dict[str, Any] = {
            "status": "queued",
            "progress": 0.0,
            "lease_ms": 0,
            "failure_detail": problem,
        }
        if not counts:
            changes["attempts"] = t.c.attempts - 1
        with self.database.writing() as connection:
            return self._change(connection, job_id, fence, changes)

    def cancel(self, job_id: str, now_ms: int) -> JobRow | None:
        """Cancel a job that has not ended; None where it has, or is not there."""
        with self.database.writing() as connection:
            change = t.update().where(t.c.job_id == job_id, t.c.status.in_(("queued", "running")))
            rows = self._rows(
                connection, change.values(**self._ending(connection, "cancelled", now_ms)).returning(t)
            )
            if rows:
                _owe_callback(connection, rows[0], now_ms)
        return rows[0] if rows else None

    def judge(self, job_id: str, verdict: Mapping[str, Any]) -> bool:
        """Note the gate's verdict on a completed job."""
        change = t.update().where(t.c.job_id == job_id, t.c.status == "completed")
        with self.database.writing() as connection:
            return connection.execute(change.values(verdict=dict(verdict))).rowcount > 0

    def forgotten(self, now_ms: int, *, older_ms: int, limit: int = 5_000) -> list[JobRow]:
        """Jobs that should be in the queue: queued for a while, or running under a lease that is over."""
        query = (
            sa.select(t)
            .where(
                sa.or_(
                    sa.and_(t.c.status == "queued", t.c.enqueued_ms <= now_ms - older_ms),
                    sa.and_(t.c.status == "running", t.c.lease_ms <= now_ms - older_ms),
                )
            )
            .order_by(t.c.job_id)
            .limit(limit)
        )
        with self.database.reading() as connection:
            return self._rows(connection, query)

    def counts(self) -> dict[str, int]:
        """Jobs by status."""
        query = sa.select(t.c.status, sa.func.count()).group_by(t.c.status)
        with self.database.reading() as connection:
            return {status: int(count) for status, count in connection.execute(query)}

    def accepted_since(self, since_ms: int) -> dict[str, int]:
        """Clips by category that the gate passed, of jobs that ended since then."""
        passed = (t.c.status == "completed", t.c.finished_ms >= since_ms, t.c.verdict["passed"].as_boolean())
        query = sa.select(t.c.category, sa.func.count()).where(*passed).group_by(t.c.category)
        with self.database.reading() as connection:
            return {category: int(count) for category, count in connection.execute(query)}

    def _end(self, job_id: str, fence: int, changes: dict[str, Any], now_ms: int) -> bool:
        with self.database.writing() as connection:
            ending = {**changes, **self._ending(connection, changes["status"], now_ms)}
            change = t.update().where(t.c.job_id == job_id, t.c.status == "running", t.c.fence == fence)
            rows = self._rows(connection, change.values(**ending).returning(t))
            if rows:
                _owe_callback(connection, rows[0], now_ms)
        return bool(rows)

    def _ending(self, connection: sa.Connection, status: str, now_ms: int) -> dict[str, Any]:
        return {
            "status": status,
            "finished_ms": now_ms,
            "settled_no": _count(connection, "settled", 1),
            "lease_ms": 0,
        }

    def _change(self, connection: sa.Connection, job_id: str, fence: int, changes: dict[str, Any]) -> bool:
        mine = (t.c.job_id == job_id, t.c.status == "running", t.c.fence == fence)
        return connection.execute(t.update().where(*mine).values(**changes)).rowcount > 0

    def _rows(self, connection: sa.Connection, query: Any) -> list[JobRow]:
        return [_read(dict(row)) for row in connection.execute(query).mappings()]


def _read(row: dict[str, Any]) -> JobRow:
    # SQLite's RETURNING gives 4 for a column of 4.0, and what a clip is named by must not depend on that.
    floats = {"guidance": float(row["guidance"]), "progress": float(row["progress"])}
    return JobRow(**{**row, **floats})


def _same(job: NewJob, found: Mapping[Any, JobRow], place: int) -> JobRow | OtherBodyError:
    row = found[place if job.idempotency_key is None else (job.actor, job.idempotency_key)]
    if row.request_sha256 != job.request_sha256:
        return OtherBodyError(job.idempotency_key or "", row.job_id)
    return row


def _count(connection: sa.Connection, name: str, by: int) -> int:
    """Raise a counter; its row is locked until the transaction ends, so numbers commit in order."""
    given = {"name": name, "by": by}
    found = connection.execute(_RAISE, given).scalar()
    if found is None:
        connection.execute(_MAKE, {"name": name})
        found = connection.execute(_RAISE, given).scalar_one()
    return int(found)


def _reserve(connection: sa.Connection, count: int, now_ms: int) -> list[str]:
    day = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).strftime("%Y-%m%d")
    if not count:
        return []
    last = _count(connection, f"ids {day}", count)
    if last > _DAY_CAPACITY:
        raise DayFullError(day)
    return [f"gen-{day}-{number:06d}" for number in range(last - count + 1, last + 1)]


def _row(job: NewJob, job_id: str, now_ms: int) -> JobRow:
    seed = seed_of(job_id) if job.seed is None else job.seed
    given = {name: getattr(job, name) for name in NewJob.__dataclass_fields__ if name != "seed"}
    nothing = dict.fromkeys(JobRow.__dataclass_fields__)
    state = {"status": "queued", "attempts": 0, "fence": 0, "lease_ms": 0, "progress": 0.0}
    return JobRow(
        **cast(Any, {**nothing, **given, **state, "job_id": job_id, "seed": seed, "enqueued_ms": now_ms})
    )


def _values(row: JobRow) -> dict[str, Any]:
    empty = ("scores", "stage_s", "verdict")  # JSON's null is not SQL's
    return {name: value for name, value in vars(row).items() if name not in empty}


def _owe_callback(connection: sa.Connection, row: JobRow, now_ms: int) -> None:
    if row.callback_url is not None:
        owed = {
            "job_id": row.job_id,
            "url": row.callback_url,
            "status": "due",
            "attempts": 0,
            "due_ms": now_ms,
        }
        connection.execute(callbacks.insert().values(**owed))


def seed_of(job_id: str) -> int:
    """The seed of a job that named none: 63 bits of its id's hash."""
    import hashlib

    return int.from_bytes(hashlib.sha256(job_id.encode()).digest()[:8]) >> 1
