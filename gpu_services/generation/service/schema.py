"""The service's tables; `generation_jobs` is the prompt database. Times are epoch ms.

A job is `queued` until a worker begins it, `running` under that worker's fence, and then `completed`,
`failed` or `cancelled` for good. From a row its clip can be made again (`scalediff-generate regenerate`).
"""

import sqlalchemy as sa

metadata = sa.MetaData()

jobs = sa.Table(
    "generation_jobs",
    metadata,
    sa.Column("job_id", sa.String, primary_key=True),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("idempotency_key", sa.String),
    sa.Column("request_sha256", sa.String, nullable=False),
    sa.Column("prompt", sa.String, nullable=False),
    sa.Column("category", sa.String, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("guidance", sa.Float, nullable=False),
    sa.Column("conditioning_image_url", sa.String),
    sa.Column("conditioning_sha256", sa.String),
    sa.Column("priority", sa.String, nullable=False),
    sa.Column("callback_url", sa.String),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("failure_reason", sa.String),
    sa.Column("failure_detail", sa.String),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("lease_ms", sa.BigInteger, nullable=False, default=0),
    sa.Column("worker_id", sa.String),
    sa.Column("progress", sa.Float, nullable=False, default=0.0),
    sa.Column("enqueued_ms", sa.BigInteger, nullable=False),
    sa.Column("started_ms", sa.BigInteger),
    sa.Column("finished_ms", sa.BigInteger),
    sa.Column("settled_no", sa.BigInteger, unique=True),
    sa.Column("model_version", sa.String),
    sa.Column("training_release", sa.String),
    sa.Column("policy_hash", sa.String),
    sa.Column("arm", sa.String),
    sa.Column("content_key", sa.String, index=True),
    sa.Column("frames_sha256", sa.String),
    sa.Column("batch_size", sa.Integer),
    sa.Column("scores", sa.JSON),
    sa.Column("stage_s", sa.JSON),
    sa.Column("verdict", sa.JSON),
    sa.UniqueConstraint("actor", "idempotency_key"),
    sa.Index("generation_jobs_by_status", "status", "job_id"),
    sa.Index("generation_jobs_by_category", "category", "job_id"),
)

counters = sa.Table(
    "generation_counters",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

settings = sa.Table(
    "generation_settings",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.JSON, nullable=False),
)

workers = sa.Table(
    "generation_workers",
    metadata,
    sa.Column("worker_id", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("model_version", sa.String),
    sa.Column("model_number", sa.Integer, nullable=False),
    sa.Column("error", sa.String),
    sa.Column("clip_s", sa.Float),
    sa.Column("clips_done", sa.Integer, nullable=False),
    sa.Column("seen_ms", sa.BigInteger, nullable=False),
)

callbacks = sa.Table(
    "generation_callbacks",
    metadata,
    sa.Column("job_id", sa.String, primary_key=True),
    sa.Column("url", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_ms", sa.BigInteger, nullable=False, index=True),
    sa.Column("problem", sa.String),
)

acts = sa.Table(
    "generation_acts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)

cohorts = sa.Table(
    "generation_cohorts",
    metadata,
    sa.Column("cohort_id", sa.String, primary_key=True),
    sa.Column("model_version", sa.String, nullable=False),
    sa.Column("category", sa.String),
    sa.Column("extractor", sa.String, nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("fvd", sa.Float, nullable=False),
    sa.Column("published_ms", sa.BigInteger, nullable=False),
    sa.Index("generation_cohorts_by_model", "model_version", "category"),
)
