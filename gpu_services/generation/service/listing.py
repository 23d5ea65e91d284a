"""Looking at jobs, cancelling them, and the gate's verdict on them."""

import contextlib
import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gpu_services.generation.service.jobs import JobRow, Wanted
from gpu_services.generation.service.queue import QueueUnavailableError
from gpu_services.generation.service.service import Administrator, Orderer, Service, ServiceDep, orderer
from scalediff_contract.generation import JOB_ID, MAX_LISTED, Job, Jobs, JobStatus, Verdict
from scalediff_contract.web.problems import ProblemError

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[Depends(orderer)])
_log = logging.getLogger("scalediff.generation.jobs")
JobIdPath = Annotated[str, Path(pattern=JOB_ID)]


@router.get("")
def list_jobs(
    service: ServiceDep,
    status: JobStatus | None = None,
    category: Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{1,39}$")] = None,
    plan: Annotated[str | None, Query(max_length=200)] = None,
    settled_after: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    before: Annotated[str | None, Query(pattern=JOB_ID)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LISTED)] = 100,
) -> Jobs:
    """Jobs, newest first; with `settled_after` those that ended after it, in the order of their ends.

    `next` is what `before` or `settled_after` is on the next page. `plan` is the tag of that name.
    """
    wanted = Wanted(
        status=status, category=category, tag=None if plan is None else ("plan", plan),
        settled_after=settled_after, before=before, limit=limit,
    )  # fmt: skip
    rows = service.jobs.find(wanted)
    following = _next(rows, wanted)
    return Jobs(jobs=[service.message(row) for row in rows], next=following)


@router.get("/{job_id}")
def read_job(job_id: JobIdPath, service: ServiceDep) -> Job:
    """A job and what became of it."""
    return service.ranked_message(_job(service, job_id))


@router.post("/{job_id}/cancel")
def cancel_job(job_id: JobIdPath, actor: Orderer, service: ServiceDep) -> Job:
    """Cancel a job that has not ended; a cancelled one stays cancelled."""
    row = service.jobs.cancel(job_id, service.now_ms())
    if row is None:
        row = _job(service, job_id)
        if row.status != "cancelled":
            raise ProblemError(409, "job-ended", f"{job_id} is {row.status}; it cannot be cancelled")
        return service.message(row)
    _log.info("cancelled actor=%s job=%s", actor.name, job_id)
    with contextlib.suppress(QueueUnavailableError):  # whoever claims it finds it cancelled
        service.queue.remove(job_id)
    return service.message(row)


@router.put("/{job_id}/verdict")
def put_verdict(job_id: JobIdPath, body: Verdict, actor: Administrator, service: ServiceDep) -> Job:
    """The gate's verdict on a completed job; a new policy's replaces the old one's."""
    _log.info("verdict actor=%s job=%s passed=%s", actor.name, job_id, body.passed)
    if not service.jobs.judge(job_id, body.model_dump()):
        row = _job(service, job_id)
        raise ProblemError(409, "job-not-completed", f"{job_id} is {row.status}; only clips have verdicts")
    return service.ranked_message(_job(service, job_id))


def _job(service: Service, job_id: str) -> JobRow:
    row = service.jobs.get(job_id)
    if row is None:
        raise ProblemError(404, "no-such-job", f"{job_id}: there is no such job")
    return row


def _next(rows: list[JobRow], wanted: Wanted) -> str | None:
    if len(rows) < wanted.limit:
        return None
    last = rows[-1]
    return str(last.settled_no) if wanted.settled_after is not None else last.job_id
