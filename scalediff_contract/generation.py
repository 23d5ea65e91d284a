"""The generation service's messages: orders for scenario clips, and what became of them.

Names that the case study gives are kept as they are (`prompt`, `conditioning_image_url`, `priority`,
`callback_url`, `job_id`, `estimated_completion`, `quality_scores.fvd`); the rest is ours, in its style.
A Frechet distance belongs to a cohort of clips, never to one: `fvd` repeats `cohort_fvd`, which stands
beside the cohort's name, size and extractor, or is null.

Unknown fields of a request are refused and nothing is coerced. Times are ISO 8601 in UTC.
"""

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Priority = Literal["safety_critical", "high", "normal", "batch"]
JobStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
ENDED: frozenset[JobStatus] = frozenset({"completed", "failed", "cancelled"})

JOB_ID = r"^gen-[0-9]{4}-[0-9]{4}-[0-9]{6}$"
IDEMPOTENCY_KEY = r"^[A-Za-z0-9._:-]{1,128}$"
MAX_STEPS = 1_000
MAX_GUIDANCE = 30.0
MAX_SEED = 2**63 - 1
MAX_BATCH = 1_000
MAX_LISTED = 500

JobId = Annotated[str, StringConstraints(pattern=JOB_ID)]
IdempotencyKey = Annotated[str, StringConstraints(pattern=IDEMPOTENCY_KEY)]
TagName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_/]{0,39}$")]
TagText = Annotated[str, StringConstraints(max_length=200)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GenerateRequest(_Asked):
    """An order for one clip.

    Attributes:
        prompt: By the template "dashcam view of [event] during [conditions] on [road type]".
        category: One of the 23; the prompt's own category where it is left out, and no other.
        conditioning_image_url: First picture, PNG or JPEG: `s3://` in an allowed bucket, or `store:{key}`.
        priority: Who goes first; waiting jobs age.
        callback_url: Told when the job has ended, signed; https on an allowed host.
        seed: Of the clip's noise; by the job's id where it is left out.
        num_inference_steps: Denoising steps.
        guidance_scale: Weight of the prompt, w; 1 is without guidance.
        tags: For the one who orders: plan, run, ticket.
    """

    prompt: str
    category: str | None = None
    conditioning_image_url: Annotated[str, Field(max_length=1_024)] | None = None
    priority: Priority = "normal"
    callback_url: Annotated[str, Field(max_length=2_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    num_inference_steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] = 50
    guidance_scale: Annotated[float, Field(ge=0, le=MAX_GUIDANCE)] = 4.0
    tags: Annotated[dict[TagName, TagText], Field(max_length=16)] = {}


class PlannedJob(_Asked):
    """One order of a plan, with the key that makes ordering it twice harmless."""

    idempotency_key: IdempotencyKey
    request: GenerateRequest


class Plan(_Asked):
    """Many orders at once; all are taken or none."""

    jobs: Annotated[list[PlannedJob], Field(min_length=1, max_length=MAX_BATCH)]


class QualityScores(_Said):
    """What was measured on a clip, and on the cohort that it belongs to.

    Attributes:
        temporal_coherence: Mean cosine of neighbouring frames, the case study's score.
        tcs_flow: 1 - warp error along the optical flow.
        tcs_flow_worst: 1 - the largest warp error of two neighbours.
        motion: Mean change from frame to frame, share of the full range.
        flicker: Largest mean change of two frames.
        colour_drift: Farthest that a channel's mean gets from the first frame's.
        sharpness: Mean Sobel gradient.
        flow_share: Mean length of the flow, share of the width.
        clip_score: Cosine of text and picture; null where no such model is loaded.
        fvd: The cohort's distance; kept for compatibility, never of this clip alone.
        cohort_fvd: Frechet video distance of the cohort; null before one was measured.
        cohort_id: Which cohort.
        n: Clips of the cohort.
        extractor: Whose features; distances of different extractors are not comparable.
    """

    temporal_coherence: float
    tcs_flow: float
    tcs_flow_worst: float
    motion: float
    flicker: float
    colour_drift: float
    sharpness: float
    flow_share: float
    clip_score: float | None = None
    fvd: float | None = None
    cohort_fvd: float | None = None
    cohort_id: str | None = None
    n: int | None = None
    extractor: str | None = None

    @model_validator(mode="after")
    def _cohort_is_whole(self) -> Self:
        if self.fvd != self.cohort_fvd:
            raise ValueError(f"fvd {self.fvd} is not the cohort's {self.cohort_fvd}")
        if self.cohort_fvd is not None and None in (self.cohort_id, self.n, self.extractor):
            raise ValueError("cohort_fvd needs cohort_id, n and extractor")
        return self


class Verdict(_Said):
    """What the gate said.

    Attributes:
        passed: Whether the clip goes on.
        reasons: Codes of the limits that it broke.
        policy_hash: Of the policy that said so.
    """

    passed: bool
    reasons: Annotated[list[str], Field(max_length=50)] = []
    policy_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8,64}$")]


class Failure(_Said):
    """Why a job failed: a machine's word and a sentence."""

    reason: str
    detail: str


class Job(_Said):
    """An order and what became of it.

    Attributes:
        job_id: `gen-YYYY-MMDD-NNNNNN`.
        estimated_completion: By rank and measured seconds a clip; null where no worker has measured any.
        queue_position: Jobs before this one.
        progress: Share of the denoising that is done.
        actor: Who ordered it.
        arm: `production`, or `challenger` where an experiment ran.
        model_version: Who made the clip.
        training_release: What that model was trained on.
        policy_hash: Gate policy that was in force when the clip was made.
        content_key: Name of the clip, by all that it depends on.
        video_url: Where the clip lies, H.264 MP4.
        sidecar_url: Its provenance, JSON.
        media_url: To look at, for some minutes.
        frames_sha256: Of the frames before encoding.
        batch_size: Clips computed together; a stage's seconds over it are this clip's share.
        stage_seconds: Where the job's time went.
        attempts: How often a worker began it.
        settled_no: Grows with every job that ends; to ask for those after one.
    """

    job_id: JobId
    status: JobStatus
    prompt: str
    category: str
    priority: Priority
    seed: int
    num_inference_steps: int
    guidance_scale: float
    conditioning_image_url: str | None = None
    callback_url: str | None = None
    tags: dict[str, str] = {}
    created_at: dt.datetime
    started_at: dt.datetime | None = None
    completed_at: dt.datetime | None = None
    estimated_completion: dt.datetime | None = None
    queue_position: int | None = None
    progress: float = 0.0
    actor: str | None = None
    arm: str | None = None
    model_version: str | None = None
    training_release: str | None = None
    policy_hash: str | None = None
    content_key: str | None = None
    video_url: str | None = None
    sidecar_url: str | None = None
    media_url: str | None = None
    frames_sha256: str | None = None
    batch_size: int | None = None
    quality_scores: QualityScores | None = None
    verdict: Verdict | None = None
    failure: Failure | None = None
    stage_seconds: dict[str, float] = {}
    attempts: int = 0
    settled_no: int | None = None


class Jobs(_Said):
    """A page of jobs.

    Attributes:
        next: For the page after; null at the end.
    """

    jobs: Annotated[list[Job], Field(max_length=MAX_BATCH)]
    next: str | None = None


class ReloadRequest(_Asked):
    """Which model the workers should hold.

    Attributes:
        model_url: The production model's folder, under the service's models.
        challenger_url: A second model, for an experiment.
        challenger_share: Share of jobs that it gets, by the hash of the job's id.
        interrupt: Give running jobs back now rather than letting the old model finish them.
        wait_s: How long to wait for the workers.
    """

    model_url: Annotated[str, Field(min_length=1, max_length=1_024)]
    challenger_url: Annotated[str, Field(min_length=1, max_length=1_024)] | None = None
    challenger_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    interrupt: bool = False
    wait_s: Annotated[float, Field(ge=0, le=60)] = 5.0


class WorkerState(_Said):
    """A worker as it last showed itself."""

    worker_id: str
    state: Literal["starting", "idle", "busy", "draining"]
    model_version: str | None
    model_number: int
    error: str | None
    seconds_per_clip: float | None
    clips_done: int
    seen_at: dt.datetime


class Reloaded(_Said):
    """What came of a reload.

    Attributes:
        number: Of this choice of models; workers report the one that they follow.
        done: Whether every live worker follows it.
        seconds: From the request to the last worker.
    """

    number: int
    done: bool
    seconds: float
    workers: list[WorkerState]


class HaltRequest(_Asked):
    """Stop taking and making jobs; what waits stays."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Act(_Said):
    """Something that a person or a program did to the service itself.

    Attributes:
        number: Grows with every act; to ask for those after one.
        at: When.
        actor: Who.
        action: What.
        detail: With what: a reason, a model.
    """

    number: int
    at: dt.datetime
    actor: str
    action: Literal["halt", "resume", "reload"]
    detail: dict[str, str | float | bool | None]


class Acts(_Said):
    """Acts in their order, at most 500."""

    acts: Annotated[list[Act], Field(max_length=MAX_LISTED)]


class ServiceState(_Said):
    """The service at a glance."""

    halted: str | None
    waiting: dict[Priority, int]
    leased: int
    delayed: int
    seconds_per_clip: float | None
    workers: list[WorkerState]


class Cohort(_Asked):
    """A measured cohort: clips of one model and category in a window of time.

    Attributes:
        cohort_id: Its name.
        model_version: Who made its clips.
        category: Of its clips; null for all.
        extractor: Whose features.
        n: Clips measured.
        fvd: Their Frechet distance to real clips.
    """

    cohort_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,128}$")]
    model_version: Annotated[str, Field(min_length=1, max_length=40)]
    category: Annotated[str, Field(max_length=40)] | None = None
    extractor: Annotated[str, Field(min_length=1, max_length=80)]
    n: Annotated[int, Field(ge=2)]
    fvd: Annotated[float, Field(ge=0)]


class Health(_Said):
    """Whether the service stands and can work."""

    status: Literal["ok", "degraded"]
    problems: list[str] = []
