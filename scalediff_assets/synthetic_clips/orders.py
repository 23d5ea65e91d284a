"""From a plan's rows to the service and back: order, wait, and what became of it.

Ordering is idempotent, so a plan that was half ordered when something died is simply ordered again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import polars as pl

from resources.compute import notify
from resources.generation import GenerationService
from scalediff_assets.clip_schemas import GENERATED_CLIPS, STAGE_SECONDS, GeneratedClips
from scalediff_assets.partitions import category_week, of_category_week
from scalediff_contract.audit import AuditEvent
from scalediff_contract.generation import ENDED, Act, GenerateRequest, Job, PlannedJob

_POLL_S = 1.0
KEY_TAG = "key"


def planned_jobs(orders: pl.DataFrame) -> list[PlannedJob]:
    """The orders of a plan's rows; the key is a tag, too, so that a job is found back."""
    return [
        PlannedJob(
            idempotency_key=row["idempotency_key"],
            request=GenerateRequest(
                prompt=row["prompt"],
                category=row["category"],
                priority=row["priority"],
                seed=row["seed"],
                num_inference_steps=row["num_inference_steps"],
                guidance_scale=row["guidance_scale"],
                tags={"plan": row["week"], KEY_TAG: row["idempotency_key"]},
            ),
        )
        for row in orders.iter_rows(named=True)
    ]


def order_and_wait(
    generation: GenerationService, plan: Sequence[PlannedJob], *, wait_s: float, label: str
) -> list[Job]:
    """Order a plan and wait for its end, at most so long; jobs as they are then, in the plan's order.

    Args:
        generation: The service.
        plan: Orders; those that were ordered before are only looked up.
        wait_s: 0 does not wait.
        label: For progress listeners.

    Raises:
        GenerationServiceError: It refuses, or does not answer.
    """
    jobs = {job.job_id: job for job in generation.order(plan)}
    deadline_s, cursor = time.monotonic() + wait_s, _first_open(jobs.values())
    while (done := _ended(jobs)) != len(jobs):
        notify(label, done, len(jobs))
        if time.monotonic() >= deadline_s:
            break
        time.sleep(_POLL_S)
        for job in generation.ended(cursor):
            cursor = max(cursor, job.settled_no or 0)
            if job.job_id in jobs:
                jobs[job.job_id] = job
    notify(label, _ended(jobs), len(jobs))
    return list(jobs.values())


def clip_tables(jobs: Iterable[Job]) -> dict[str, GeneratedClips]:
    """The tables of jobs by partition."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        found.setdefault(category_week(job.category, job.tags["plan"]), []).append(job)
    return {
        key: GeneratedClips(
            jobs=GENERATED_CLIPS.frame([_row(job) for job in group]).sort("job_id"),
            stages=STAGE_SECONDS.frame([row for job in group for row in _stages(job)]).sort(
                "job_id", "stage"
            ),
        )
        for key, group in found.items()
    }


def with_empty(keys: Iterable[str], tables: Mapping[str, GeneratedClips]) -> dict[str, GeneratedClips]:
    """One entry for every partition of the run."""
    return {key: tables.get(key, GeneratedClips()) for key in keys}


def plan_events(jobs: Iterable[Job]) -> list[AuditEvent]:
    """What the audit log is told of jobs that ended: who ordered what, and what was made of it."""
    events = []
    for job in jobs:
        if job.status not in ENDED:
            continue
        asked = {"prompt": job.prompt, "seed": job.seed, "priority": job.priority}
        events.append(_event(job, "request", int(job.created_at.timestamp() * 1000), dict(asked)))
        made = {
            "status": job.status,
            "model_version": job.model_version,
            "content_key": job.content_key,
            "frames_sha256": job.frames_sha256,
            "attempts": job.attempts,
        }
        at = job.completed_at or job.created_at
        action = "cancel" if job.status == "cancelled" else "generate"
        events.append(_event(job, action, int(at.timestamp() * 1000), dict(made)))
    return events


def act_events(acts: Iterable[Act]) -> list[AuditEvent]:
    """What the audit log is told of halts and models at the service, whoever did it."""
    return [
        AuditEvent(
            event_id=f"service/act/{act.number}/{int(act.at.timestamp() * 1000)}",
            at_ms=int(act.at.timestamp() * 1000),
            actor=act.actor,
            action=act.action,
            subject="generation service",
            detail=dict(act.detail),
        )
        for act in acts
    ]


def stage_seconds(tables: Iterable[GeneratedClips]) -> dict[str, float]:
    """Mean seconds of a clip by stage, over some partitions."""
    frames = [each.stages for each in tables if each.stages.height]
    if not frames:
        return {}
    mean = pl.concat(frames).group_by("stage").agg(pl.col("seconds").mean()).sort("stage")
    return dict(mean.iter_rows())


def _event(job: Job, action: str, at_ms: int, detail: dict[str, object]) -> AuditEvent:
    return AuditEvent.model_validate(
        {
            "event_id": f"{job.job_id}/{action}",
            "at_ms": at_ms,
            "actor": job.actor or "unknown",
            "action": action,
            "subject": job.job_id,
            "detail": detail,
        }
    )


def _first_open(jobs: Iterable[Job]) -> int:
    """A cursor before anything that is still to end: the newest end that is known."""
    return max((job.settled_no or 0 for job in jobs), default=0)


def _ended(jobs: Mapping[str, Job]) -> int:
    return sum(job.status in ENDED for job in jobs.values())


def _row(job: Job) -> dict[str, object]:
    same = (
        "job_id", "category", "prompt", "seed", "status", "content_key", "model_version", "training_release",
        "frames_sha256", "arm", "attempts",
    )  # fmt: skip
    shares = [row["seconds"] for row in _stages(job)]
    return {name: getattr(job, name) for name in same} | {
        "idempotency_key": job.tags.get(KEY_TAG, ""),
        "week": job.tags["plan"],
        "origin": "synthetic",
        "failure": job.failure.detail if job.failure else None,
        "completed_ms": int(job.completed_at.timestamp() * 1000) if job.completed_at else None,
        "gpu_s": sum(float(each) for each in shares) if shares else None,
    }


def _stages(job: Job) -> list[dict[str, float | str]]:
    """Stages of the batch by its size; those after it are the clip's own. Waiting is no work."""
    size = job.batch_size or 1
    own: Callable[[str], bool] = {"gate", "h264", "store"}.__contains__
    return [
        {
            "job_id": job.job_id,
            "category": job.category,
            "stage": stage,
            "seconds": seconds if own(stage) else seconds / size,
        }
        for stage, seconds in job.stage_seconds.items()
        if stage != "wait"
    ]


def partitions_of(jobs: Iterable[Job]) -> set[str]:
    """The partitions that jobs of plans belong to."""
    return {category_week(job.category, job.tags["plan"]) for job in jobs if "plan" in job.tags}


def weeks_of(keys: Iterable[str]) -> set[str]:
    """The weeks of some partitions."""
    return {of_category_week(key)[1] for key in keys}
