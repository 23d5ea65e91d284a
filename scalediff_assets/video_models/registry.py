"""Stages of video models: promotion and rollback, in MLflow, in the service and in the audit log.

MLflow's aliases are the registry. What the service is to hold is also noted in one small object,
`video_models/stages.json`, so that a rollback needs neither MLflow's seconds nor MLflow: the service gets
the previous model first, the aliases follow, or are owed where MLflow is away.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from resources.connections import Connections
from resources.generation import GenerationService, GenerationServiceError
from resources.object_store import ObjectMissingError
from resources.tracking import ModelVersion, Tracking, TrackingUnavailableError
from scalediff_assets.video_models.launch import FOLDER
from scalediff_assets.video_models.record import MODEL, RUN_TAG
from scalediff_assets.video_models.versions import (
    RETAIN_TAG,
    SEMVER_TAG,
    NoPreviousVersionError,
    promoted,
    retain_until_ms,
    rolled_back,
)
from scalediff_contract.audit import AuditEvent
from scalediff_contract.generation import ReloadRequest

STAGES_KEY = f"{FOLDER}/stages.json"
KIND = "video_stages"


@dataclass(frozen=True, kw_only=True)
class Staged:
    """A model in a stage.

    Attributes:
        version: `v1.2.0`.
        training_run: Who made it.
        url: What the service loads.
    """

    version: str
    training_run: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Stages:
    """What is in production and what was before; None before the first."""

    production: Staged | None = None
    previous: Staged | None = None


@dataclass(frozen=True, kw_only=True)
class Switched:
    """What a promotion or rollback came to.

    Attributes:
        production: In force now.
        previous: In force before.
        reload_s: Until every worker held it; None where the service does not run: it is told at its start.
        workers: How many took it.
        mlflow: `recorded`, or `pending` where it did not answer.
    """

    production: Staged
    previous: Staged | None
    reload_s: float | None
    workers: int
    mlflow: str


def read_stages(connections: Connections) -> Stages:
    """What the service is to hold."""
    try:
        stored = json.loads(connections.models().get(STAGES_KEY))
    except ObjectMissingError:
        return Stages()
    return Stages(**{name: Staged(**each) if each else None for name, each in stored.items()})


def write_stages(connections: Connections, stages: Stages) -> None:
    """Note what the service is to hold."""
    connections.models().put(STAGES_KEY, json.dumps(asdict(stages), indent=1).encode())


def promote(
    staged: Staged,
    *,
    connections: Connections,
    tracking: Tracking,
    generation: GenerationService,
    actor: str,
    reason: str,
    now_ms: int,
) -> Switched:
    """Make a registered version production; the one before is kept for 30 days. Once or often.

    Raises:
        GenerationServiceError: The service refuses the model; nothing has changed then.
    """
    stages = read_stages(connections)
    if stages.production == staged:
        reload_s, workers = _reload(generation, staged, interrupt=False)
        return _done(staged, stages.previous, reload_s, workers, mlflow="recorded")
    reload_s, workers = _reload(generation, staged, interrupt=False)
    write_stages(connections, Stages(production=staged, previous=stages.production))
    mlflow = _aliases(connections, tracking, promoted, staged, now_ms)
    _tell(connections, "promote", staged, stages.production, actor, reason, now_ms)
    return _done(staged, stages.production, reload_s, workers, mlflow=mlflow)


def rollback(
    *,
    connections: Connections,
    tracking: Tracking,
    generation: GenerationService,
    actor: str,
    reason: str,
    now_ms: int,
) -> Switched:
    """Put the previous version back: running jobs are given back, queued ones stay queued.

    Raises:
        NoPreviousVersionError: There is none.
        GenerationServiceError: The service refuses it; nothing has changed then.
    """
    stages = read_stages(connections)
    if stages.production is None or stages.previous is None:
        raise NoPreviousVersionError(
            "there is no previous production version; promote a second version before rolling back"
        )
    reload_s, workers = _reload(generation, stages.previous, interrupt=True)
    write_stages(connections, Stages(production=stages.previous, previous=stages.production))
    mlflow = _aliases(connections, tracking, lambda aliases, _: rolled_back(aliases), stages.previous, now_ms)
    _tell(connections, "rollback", stages.previous, stages.production, actor, reason, now_ms)
    return _done(stages.previous, stages.production, reload_s, workers, mlflow=mlflow)


def follow(
    connections: Connections, tracking: Tracking, generation: GenerationService, *, now_ms: int
) -> str:
    """Bring the service to what MLflow's alias `production` says; what was done, in a sentence.

    Raises:
        TrackingUnavailableError: MLflow does not answer.
    """
    settle_owed(connections, tracking, now_ms)
    wanted = next((each for each in tracking.versions(MODEL) if "production" in each.aliases), None)
    if wanted is None:
        return "no version is production"
    stages = read_stages(connections)
    staged = _staged(connections, wanted)
    if stages.production != staged:
        write_stages(connections, Stages(production=staged, previous=stages.production))
        _tell(
            connections, "promote", staged, stages.production, "mlflow alias", "the alias was moved", now_ms
        )
    workers = generation.state().workers
    if workers and all(worker.model_version == staged.version for worker in workers):
        return f"the service holds {staged.version}"
    reload_s, count = _reload(generation, staged, interrupt=False)
    return f"the service was told {staged.version}: {count} workers in {reload_s or 0.0:.2f} s"


def settle_owed(connections: Connections, tracking: Tracking, now_ms: int) -> bool:
    """Move the aliases that MLflow missed; whether there were any.

    Raises:
        TrackingUnavailableError: MLflow still does not answer.
    """
    note = f"mlflow_pending/{KIND}.json"
    if connections.lake().head(note) is None:
        return False
    stages = read_stages(connections)
    if stages.production is not None:
        number = _number(tracking, stages.production)
        _move(tracking, promoted(tracking.aliases(MODEL), number), now_ms)
    connections.lake().delete(note)
    return True


def _reload(generation: GenerationService, staged: Staged, *, interrupt: bool) -> tuple[float | None, int]:
    """Tell the service; (None, 0) where none runs: it reads the stages when it starts."""
    if generation.health().status != "ok":
        return None, 0
    try:
        done = generation.reload(ReloadRequest(model_url=staged.url, interrupt=interrupt, wait_s=30.0))
    except GenerationServiceError as error:
        if error.status is None:
            return None, 0
        raise
    return done.seconds, len(done.workers)


def _aliases(
    connections: Connections,
    tracking: Tracking,
    change: Callable[[dict[str, int], int], dict[str, int | None]],
    staged: Staged,
    now_ms: int,
) -> str:
    try:
        _move(tracking, change(tracking.aliases(MODEL), _number(tracking, staged)), now_ms)
    except TrackingUnavailableError:
        connections.lake().put(f"mlflow_pending/{KIND}.json", json.dumps(asdict(staged)).encode())
        return "pending: MLflow did not answer; it is told as soon as it does"
    return "recorded"


def _move(tracking: Tracking, changes: dict[str, int | None], now_ms: int) -> None:
    before = tracking.aliases(MODEL).get("production")
    tracking.set_aliases(MODEL, changes)
    left = before if "production" in changes and changes["production"] != before else None
    if left is not None:
        tracking.tag_version(MODEL, left, {RETAIN_TAG: str(retain_until_ms(now_ms))})


def _number(tracking: Tracking, staged: Staged) -> int:
    """The registry's number of a version.

    Raises:
        ModelNotFoundError: It is not registered.
    """
    from resources.tracking import ModelNotFoundError

    for each in tracking.versions(MODEL):
        if each.tags.get(SEMVER_TAG) == staged.version and each.tags.get(RUN_TAG) == staged.training_run:
            return each.version
    raise ModelNotFoundError(f"{MODEL} {staged.version} is not registered; materialise model_releases for it")


def _staged(connections: Connections, version: ModelVersion) -> Staged:
    run = version.tags[RUN_TAG]
    latest: dict[str, Any] = json.loads(connections.models().get(f"{FOLDER}/{run}/latest.json"))
    url = f"{connections.models().url}/{FOLDER}/{run}/{latest['folder']}"
    return Staged(version=version.tags[SEMVER_TAG], training_run=run, url=url)


def _tell(
    connections: Connections,
    action: Any,
    now: Staged,
    before: Staged | None,
    actor: str,
    reason: str,
    now_ms: int,
) -> None:
    detail = {
        "training_run": now.training_run,
        "reason": reason,
        "before": before.version if before else None,
    }
    event = AuditEvent(
        event_id=f"{now.version}/{action}/{now_ms}",
        at_ms=now_ms,
        actor=actor,
        action=action,
        subject=now.version,
        detail=dict(detail),
    )
    connections.audit_log().append([event])


def _done(
    now: Staged, before: Staged | None, reload_s: float | None, workers: int, *, mlflow: str
) -> Switched:
    return Switched(production=now, previous=before, reload_s=reload_s, workers=workers, mlflow=mlflow)
