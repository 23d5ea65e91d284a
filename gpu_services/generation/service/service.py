"""What every endpoint works with, made once per app, and who is asking."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gpu_services.generation.service.access import Actor, actor_of, key_for, require
from gpu_services.generation.service.acts import ActLog
from gpu_services.generation.service.addresses import CallbackRules
from gpu_services.generation.service.callbacks import Deliveries, Post
from gpu_services.generation.service.choice import Choices
from gpu_services.generation.service.cohorts import Cohorts
from gpu_services.generation.service.conditioning import Images
from gpu_services.generation.service.config import ServiceConfig
from gpu_services.generation.service.crew import Crew, WorkerRow, seconds_per_clip
from gpu_services.generation.service.database import Database
from gpu_services.generation.service.fresh import Fresh
from gpu_services.generation.service.intake import Intake
from gpu_services.generation.service.jobs import JobRow, Jobs
from gpu_services.generation.service.messages import job_message
from gpu_services.generation.service.metrics import Metrics
from gpu_services.generation.service.queue import JobQueue, QueueUnavailableError, open_queue
from gpu_services.generation.service.store import ClipStore, open_clip_store
from scalediff_contract.generation import Cohort, Job
from scalediff_contract.web.problems import too_many
from scalediff_contract.web.rates import TokenBuckets


@dataclass(frozen=True, kw_only=True)
class Service:
    """The connections and keys of one app."""

    config: ServiceConfig
    database: Database
    jobs: Jobs
    queue: JobQueue
    store: ClipStore
    choices: Choices
    crew: Crew
    cohorts: Cohorts
    acts: ActLog
    intake: Intake
    images: Images
    rules: CallbackRules
    metrics: Metrics
    actor_rates: TokenBuckets
    fresh_cohorts: Fresh[dict[tuple[str, str | None], Cohort]] = field(repr=False)
    fresh_crew: Fresh[list[WorkerRow]] = field(repr=False)
    fresh_halt: Fresh[str | None] = field(repr=False)

    def now_ms(self) -> int:
        """The wall clock."""
        return self.config.now_ms()

    def live(self) -> list[WorkerRow]:
        """Workers that showed themselves lately."""
        return self.crew.live(self.now_ms() - int(self.config.worker.live_s * 1000))

    def rank(self, job_id: str) -> int | None:
        """Place in the queue; None where it does not wait or the queue does not answer."""
        try:
            return self.queue.rank(job_id)
        except QueueUnavailableError:
            return None

    def ranked_message(self, row: JobRow) -> Job:
        """A job on the wire with its place in the queue, which is asked for it."""
        return self.message(row, self.rank(row.job_id) if row.status == "queued" else None)

    def message(self, row: JobRow, rank: int | None = None) -> Job:
        """A job on the wire."""
        from gpu_services.generation.service.media import media_url

        return job_message(
            row,
            self.store,
            self.fresh_cohorts(),
            rank=rank,
            estimated_ms=self._estimated_ms(row, rank),
            media_url=media_url(self, row),
        )

    def _estimated_ms(self, row: JobRow, rank: int | None) -> int | None:
        """When a job should be done: by what is before it, and what a clip takes all workers together."""
        each_s = seconds_per_clip(self.fresh_crew())
        if each_s is None or (rank is None and row.status != "running"):
            return None
        clips = 1 - row.progress if rank is None else rank + 1
        return self.now_ms() + int(clips * each_s * 1000)


def make_service(config: ServiceConfig) -> Service:
    """Open the database, its tables made, the queue and the store."""
    database = Database(config.database_url)
    database.create()
    store = open_clip_store(config.store_url, endpoint_url=config.s3_endpoint_url)
    jobs, queue, crew = Jobs(database), open_queue(config.queue_url), Crew(database)
    cohorts, choices = Cohorts(database), Choices(database)
    live_ms = int(config.worker.live_s * 1000)
    return Service(
        config=config,
        database=database,
        jobs=jobs,
        queue=queue,
        store=store,
        choices=choices,
        crew=crew,
        cohorts=cohorts,
        acts=ActLog(database),
        intake=Intake(jobs, queue, config.now_ms),
        images=Images(
            store=store,
            buckets=config.image_buckets,
            limit_bytes=config.api.image_bytes,
            limit_px=config.api.image_px,
            endpoint_url=config.s3_endpoint_url,
        ),
        rules=CallbackRules(hosts=config.callback_hosts, networks=config.callback_networks),
        metrics=Metrics(),
        actor_rates=TokenBuckets(config.api.actor_per_minute, config.monotonic_s),
        fresh_cohorts=Fresh(cohorts.newest, config.monotonic_s),
        fresh_crew=Fresh(lambda: crew.live(config.now_ms() - live_ms), config.monotonic_s),
        fresh_halt=Fresh(choices.halted, config.monotonic_s, fresh_s=0.2),
    )


def make_deliveries(service: Service, post: Post | None = None) -> Deliveries:
    """What delivers the service's callbacks."""

    def body_of(job_id: str) -> bytes | None:
        row = service.jobs.get(job_id)
        return None if row is None else service.ranked_message(row).model_dump_json().encode()

    return Deliveries(
        service.database,
        key=key_for(service.config.secret, "callbacks"),
        post=post or Post(rules=service.rules),
        body_of=body_of,
        now_ms=service.config.now_ms,
        metrics=service.metrics,
    )


async def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


ServiceDep = Annotated[Service, Depends(_service)]
_bearer = HTTPBearer(auto_error=False, description="A token of `scalediff-generate token`")


async def _signed_in(
    service: ServiceDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    token = None if credentials is None else credentials.credentials
    actor = actor_of(key_for(service.config.secret, "tokens"), token, now_ms=service.now_ms())
    if (wait_s := service.actor_rates.take(actor.name)) > 0:
        limit = service.config.api.actor_per_minute
        raise too_many(f"{actor.name} passed its {limit} requests a minute", wait_s)
    return actor


async def orderer(actor: Annotated[Actor, Depends(_signed_in)]) -> Actor:
    """Who may order and look."""
    require(actor, "generate")
    return actor


async def administrator(actor: Annotated[Actor, Depends(_signed_in)]) -> Actor:
    """Who may run the service."""
    require(actor, "admin")
    return actor


Orderer = Annotated[Actor, Depends(orderer)]
Administrator = Annotated[Actor, Depends(administrator)]
