"""The worker: holds models, claims compatible jobs, makes their clips, and loses nothing on the way.

A batch that fails is tried again job by job, so that one poisonous job takes no other with it: an
attempt counts from the moment a job is begun, a job that was begun before is begun alone, and after the
last attempt it has failed with its reason. Outages of queue, table and store are waited out; they count
against nobody.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from gpu_services.errors import JobError
from gpu_services.generation.generator import ClipGenerator
from gpu_services.generation.service import content
from gpu_services.generation.service.choice import Choices
from gpu_services.generation.service.config import WorkerLimits
from gpu_services.generation.service.crew import Crew, WorkerRow
from gpu_services.generation.service.held import GivenBackError, Held
from gpu_services.generation.service.jobs import JobRow, Jobs, Made
from gpu_services.generation.service.judging import Judge
from gpu_services.generation.service.making import At, Batch, find_made, generate, keep
from gpu_services.generation.service.metrics import Metrics
from gpu_services.generation.service.patience import patiently
from gpu_services.generation.service.queue import Claim, JobQueue, QueueUnavailableError
from gpu_services.generation.service.reconcile import reconcile
from gpu_services.generation.service.residents import Residents
from gpu_services.generation.service.store import ClipStore, StoreUnavailableError
from scoring.arms import Arm, arm_of

_OUTAGE = (QueueUnavailableError, sa.exc.OperationalError)
_SMOOTHING = 0.2
_log = logging.getLogger("scalediff.generation.worker")


@dataclass(frozen=True, kw_only=True)
class Places:
    """The connections of a worker."""

    jobs: Jobs
    queue: JobQueue
    store: ClipStore
    choices: Choices
    crew: Crew


@dataclass(frozen=True, kw_only=True)
class _Task:
    """A claim and its job as it was read."""

    claim: Claim
    row: JobRow
    arm: Arm


@dataclass(kw_only=True)
class Worker:
    """One worker process.

    Attributes:
        worker_id: Its name among the workers.
        places: Its connections.
        residents: Its models.
        judge: Measures its clips and says the gate's first word.
        limits: How it works.
        now_ms: The clock.
        metrics: What it counts.
        at: Told the name of every point that a crash could come after; for logs and tests.
    """

    worker_id: str
    places: Places
    residents: Residents
    judge: Judge
    limits: WorkerLimits
    now_ms: Callable[[], int]
    metrics: Metrics = field(default_factory=Metrics)
    at: At = lambda _point: None
    _stop: threading.Event = field(default_factory=threading.Event)
    _showing: threading.Lock = field(default_factory=threading.Lock)
    _state: str = "starting"
    _switched: bool = False
    _clip_s: float | None = None
    _clips_done: int = 0

    def __post_init__(self) -> None:
        self.held = Held(
            self.places.jobs, self.places.queue, lease_ms=self._lease_ms, beat_s=self.limits.beat_s,
            now_ms=self.now_ms, also=self._show,
        )  # fmt: skip

    @property
    def ready(self) -> bool:
        """Whether it holds a model and takes jobs."""
        return self.residents.choice is not None and not self._stop.is_set()

    def drain(self, *, at_once: bool = False) -> None:
        """Claim no more; finish what runs, or give it back."""
        self._stop.set()
        if at_once:
            self.held.interrupt.set()

    def run(self, *, until_empty: bool = False) -> None:
        """Work until drained; or until nothing waits, for tests and small plans."""
        reconciled_s = -self.limits.reconcile_s
        with self.held:
            self._follow()
            while not self._stop.is_set():
                try:
                    if time.monotonic() - reconciled_s >= self.limits.reconcile_s:
                        reconcile(self.places.jobs, self.places.queue, self.places.choices, self.now_ms())
                        reconciled_s = time.monotonic()
                    worked = self.step()
                except _OUTAGE as error:
                    _log.warning("outage error=%s", error)
                    worked = False
                    self._stop.wait(1.0)
                if not worked:
                    if until_empty:
                        break
                    self._stop.wait(self.limits.poll_s)
        patiently(lambda: self.places.crew.leave(self.worker_id), sa.exc.OperationalError, patience_s=5.0)

    def step(self) -> bool:
        """Follow the choice of models and do one batch; False where there was nothing to do."""
        self._follow()
        if self.residents.choice is None:
            return False
        # The first clip after a switch is made alone: whoever rolled back sees soon that it works.
        claims = self.places.queue.claim(1 if self._switched else self.limits.batch, self._lease_ms)
        if not claims:
            self._state = "idle"
            return False
        self._switched = False
        self._state = "busy"
        self.at("claimed")
        self.held.add(claims)
        try:
            for tasks in self._groups(claims):
                self._do(tasks)
        finally:
            for claim in claims:
                self.held.drop(claim)
        return True

    def _groups(self, claims: Sequence[Claim]) -> list[list[_Task]]:
        """What is computed together: by arm, new jobs; each that was begun before alone."""
        groups: dict[object, list[_Task]] = {}
        share = self.residents.choice.challenger_share if self.residents.choice else 0.0
        for claim in claims:
            row = self.places.jobs.get(claim.job_id)
            if row is None or row.status not in ("queued", "running"):
                self.places.queue.ack([claim])
                continue
            arm = arm_of(row.job_id, share)
            key = arm if row.attempts == 0 else claim
            groups.setdefault(key, []).append(_Task(claim=claim, row=row, arm=arm))
        return list(groups.values())

    def _do(self, tasks: Sequence[_Task]) -> None:
        if self._stop.is_set() or self.held.interrupt.is_set():
            self.places.queue.requeue([task.claim for task in tasks], 0)
            return
        started_s = time.monotonic()
        begun = [found for task in tasks if (found := self._begin(task)) is not None]
        self.at("begun")
        wanted = [task for task in begun if not self._found(task)]
        if wanted:
            self._make(wanted, started_s)

    def _begin(self, task: _Task) -> _Task | None:
        """Start a job under our fence; None where it is over, or used up its attempts."""
        last = task.row.attempts >= self.limits.attempts
        row = self.places.jobs.begin(
            task.claim.job_id, fence=task.claim.fence, worker_id=self.worker_id, now_ms=self.now_ms(),
            lease_ms=self._lease_ms, counts=not last,
        )  # fmt: skip
        if row is None:
            self.places.queue.ack([task.claim])
            return None
        if last:
            said = row.failure_detail or "the worker died each time"
            self._fail(task, "attempts-exhausted", f"{row.attempts} attempts: {said}")
            return None
        self.held.begin(row.job_id)
        return _Task(claim=task.claim, row=row, arm=task.arm)

    def _found(self, task: _Task) -> bool:
        """Whether the clip is there already, from an earlier attempt or another job; closes the job."""
        model = self.residents.model(task.arm)
        keys = {task.row.content_key, content.content_key(task.row, model.version, model.spec)} - {None}
        try:
            for key in keys:
                made = find_made(self.places.store, str(key), task.arm)
                if made is not None:
                    self.metrics.clips.labels("reused").inc()
                    self._complete(task, made)
                    return True
        except StoreUnavailableError as error:
            self._give_back(task, str(error), counts=False)
            return True
        return False

    def _make(self, tasks: Sequence[_Task], started_s: float) -> None:
        model = self.residents.model(tasks[0].arm)
        ids = [task.row.job_id for task in tasks]

        def on_steps(done: int, total: int) -> None:
            self.held.progress(ids, done / max(total, 1))
            self.at("generating")

        try:
            batch = generate(model, [task.row for task in tasks], self.places.store, on_steps)
        except GivenBackError:
            self._settle_all(tasks, "interrupted", counts=False)
        except StoreUnavailableError as error:
            self._settle_all(tasks, str(error), counts=False)
        except JobError as error:
            # The model says that it cannot: alone it is the job's fault, together anybody's.
            if len(tasks) == 1:
                self._fail(tasks[0], "cannot-generate", str(error))
            else:
                self._settle_all(tasks, str(error), counts=True)
        except Exception as error:  # noqa: BLE001 -- logged
            # The edge of somebody else's code: out of memory, a broken kernel, a bug of the model.
            _log.exception("batch failed jobs=%s", ",".join(ids))
            self._settle_all(tasks, f"{type(error).__name__}: {error}", counts=True)
        else:
            self.at("generated")
            self._keep_all(tasks, batch, model, started_s)

    def _keep_all(self, tasks: Sequence[_Task], batch: Batch, model: ClipGenerator, started_s: float) -> None:
        self.metrics.batch.observe(len(tasks))
        generated_s = time.monotonic()
        for task, frames in zip(tasks, batch.frames, strict=True):
            if self.held.is_lost(task.row.job_id):
                self._late(task)
                continue
            key = content.content_key(task.row, model.version, model.spec)
            if not self.places.jobs.intend(task.row.job_id, fence=task.claim.fence, content_key=key):
                self._late(task)
                continue
            self.at("intended")
            waited_s = time.monotonic() - generated_s
            try:
                made = keep(
                    self.places.store, task.row, frames, key=key, model=model, arm=task.arm,
                    judge=self.judge,
                    batch_size=len(tasks), stage_s={**batch.stage_s, "wait": waited_s},
                    patience_s=self.limits.patience_s, at=self.at, now_ms=self.now_ms(),
                )  # fmt: skip
            except StoreUnavailableError as error:
                self._give_back(task, str(error), counts=False)
                continue
            self._complete(task, made)
            self.metrics.clips.labels("made").inc()
            self._observe(made)
        self._measured(time.monotonic() - started_s, len(tasks))

    def _complete(self, task: _Task, made: Made) -> None:
        ours = patiently(
            lambda: self.places.jobs.complete(
                task.row.job_id, fence=task.claim.fence, made=made, now_ms=self.now_ms()
            ),
            sa.exc.OperationalError,
            patience_s=self.limits.patience_s,
        )
        self.at("completed")
        if not ours:
            self._late(task)
            return
        self._clips_done += 1
        self._ack(task.claim)
        self.at("acknowledged")
        _log.info("clip job=%s key=%s model=%s", task.row.job_id, made.content_key, made.model_version)

    def _late(self, task: _Task) -> None:
        """The job was cancelled, or another worker has it: what we made stands unclaimed."""
        self.metrics.clips.labels("refused late").inc()
        self._ack(task.claim)

    def _fail(self, task: _Task, reason: str, detail: str) -> None:
        self.places.jobs.fail(
            task.row.job_id, fence=task.claim.fence, reason=reason, detail=detail, now_ms=self.now_ms()
        )
        self._ack(task.claim)
        self.metrics.clips.labels("failed").inc()
        _log.error("failed job=%s reason=%s detail=%s", task.row.job_id, reason, detail)

    def _settle_all(self, tasks: Sequence[_Task], problem: str, *, counts: bool) -> None:
        for task in tasks:
            if counts and task.row.attempts >= self.limits.attempts:
                self._fail(task, "attempts-exhausted", f"{task.row.attempts} attempts, the last: {problem}")
            else:
                self._give_back(task, problem, counts=counts)

    def _give_back(self, task: _Task, problem: str, *, counts: bool) -> None:
        """Back into the queue: later after a failure or an outage, at once after an interruption."""
        tries = task.row.attempts if counts else 1
        delay_s = 0.0 if problem == "interrupted" else self.limits.back_off_s * 2 ** (tries - 1)
        self.places.jobs.give_back(task.row.job_id, fence=task.claim.fence, counts=counts, problem=problem)
        self.places.queue.requeue([task.claim], int(delay_s * 1000))
        self.metrics.clips.labels("given back").inc()
        _log.warning("given back job=%s delay_s=%g problem=%s", task.row.job_id, delay_s, problem)

    def _ack(self, claim: Claim) -> None:
        """Forget a job in the queue; where that fails, the next claim finds it ended and forgets it."""
        try:
            self.places.queue.ack([claim])
        except QueueUnavailableError as error:
            _log.warning("not acknowledged job=%s error=%s", claim.job_id, error)

    def _follow(self) -> None:
        choice = self.places.choices.current()
        held = self.residents.choice
        if choice is not None and self.residents.follow(choice):
            self._switched = held not in (None, self.residents.choice)
            self.held.interrupt.clear()
            self._show()

    def _show(self) -> None:
        """A sign of life; and whether the newest choice wants the running jobs back."""
        # One at a time: an older sign of life must not be written over a newer one.
        with self._showing:
            choice = self.places.choices.current()
            if choice is not None and choice.interrupt and choice.number > self.residents.seen_number:
                self.held.interrupt.set()
            self.places.crew.show(
                WorkerRow(
                    worker_id=self.worker_id,
                    state="draining" if self._stop.is_set() else self._state,  # type: ignore[arg-type]
                    model_version=self.residents.version,
                    model_number=self.residents.seen_number,
                    error=self.residents.error,
                    clip_s=self._clip_s,
                    clips_done=self._clips_done,
                    seen_ms=self.now_ms(),
                )
            )

    def _measured(self, seconds: float, clips: int) -> None:
        each_s = seconds / clips
        self.metrics.busy_s.inc(seconds)
        before_s = self._clip_s
        self._clip_s = each_s if before_s is None else before_s + _SMOOTHING * (each_s - before_s)

    def _observe(self, made: Made) -> None:
        self.metrics.verdicts.labels(str(made.verdict["passed"]).lower()).inc()
        for reason in made.verdict["reasons"]:
            self.metrics.refusals.labels(reason).inc()
        for stage, seconds in made.stage_s.items():
            self.metrics.stage_s.labels(stage).observe(seconds)
        self.metrics.stage_s.labels("total").observe(sum(made.stage_s.values()))

    @property
    def _lease_ms(self) -> int:
        return int(self.limits.lease_s * 1000)
