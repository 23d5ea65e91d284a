"""A job's row in the API's words."""

import datetime as dt
from collections.abc import Mapping

from gpu_services.generation.service.jobs import JobRow
from gpu_services.generation.service.store import ClipStore, clip_key, sidecar_key
from scalediff_contract.generation import Cohort, Failure, Job, QualityScores, Verdict

CohortsByModel = Mapping[tuple[str, str | None], Cohort]


def job_message(
    row: JobRow,
    store: ClipStore,
    cohorts: CohortsByModel,
    *,
    rank: int | None = None,
    estimated_ms: int | None = None,
    media_url: str | None = None,
) -> Job:
    """The job as its orderer sees it.

    Args:
        row: The job.
        store: Knows the clip's address.
        cohorts: The newest ones.
        rank: Jobs before it.
        estimated_ms: When it should be done, epoch ms.
        media_url: To look at the clip.
    """
    made = row.status == "completed" and row.content_key is not None
    key = str(row.content_key)
    return Job(
        job_id=row.job_id,
        status=row.status,
        prompt=row.prompt,
        category=row.category,
        priority=row.priority,
        seed=row.seed,
        num_inference_steps=row.steps,
        guidance_scale=row.guidance,
        conditioning_image_url=row.conditioning_image_url,
        callback_url=row.callback_url,
        tags=dict(row.tags),
        created_at=_time(row.enqueued_ms),
        started_at=_time_or_none(row.started_ms),
        completed_at=_time_or_none(row.finished_ms),
        estimated_completion=_time_or_none(estimated_ms),
        queue_position=rank,
        progress=row.progress,
        actor=row.actor,
        arm=row.arm,
        model_version=row.model_version,
        training_release=row.training_release,
        policy_hash=row.policy_hash,
        content_key=row.content_key if made else None,
        video_url=store.url(clip_key(key)) if made else None,
        sidecar_url=store.url(sidecar_key(key)) if made else None,
        media_url=media_url,
        frames_sha256=row.frames_sha256,
        batch_size=row.batch_size,
        quality_scores=_scores(row, cohorts) if made else None,
        verdict=None if row.verdict is None else Verdict(**row.verdict),
        failure=_failure(row),
        stage_seconds=dict(row.stage_s or {}),
        attempts=row.attempts,
        settled_no=row.settled_no,
    )


def _failure(row: JobRow) -> Failure | None:
    if row.failure_reason is None:
        return None
    return Failure(reason=row.failure_reason, detail=row.failure_detail or "")


def _scores(row: JobRow, cohorts: CohortsByModel) -> QualityScores:
    model = row.model_version or ""
    cohort = cohorts.get((model, row.category)) or cohorts.get((model, None))
    of_cohort = (
        {}
        if cohort is None
        else {
            "fvd": cohort.fvd,
            "cohort_fvd": cohort.fvd,
            "cohort_id": cohort.cohort_id,
            "n": cohort.n,
            "extractor": cohort.extractor,
        }
    )
    return QualityScores(**{**dict(row.scores or {}), **of_cohort})


def _time(epoch_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(epoch_ms / 1000, dt.UTC)


def _time_or_none(epoch_ms: int | None) -> dt.datetime | None:
    return None if epoch_ms is None else _time(epoch_ms)
