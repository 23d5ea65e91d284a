"""Purging: a version's weights and its place in the registry go; what explains its clips stays.

Kept are specification, number, result and evaluation of the training: an accepted clip leads back to them for
as long as there are clips, and a number is never given twice. The rule is `versions.require_purgeable`;
when a version left production is the tag that the promotion set or, where somebody moved the alias by
hand, what the audit log says: the later one counts.

The log is told first, the registry last: a purge that was cut short is found and ended by the next one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from resources.audit_log import AuditLog
from resources.connections import Connections
from resources.object_store import ObjectInfo
from resources.tables import has_tables, read_tables
from resources.tracking import ModelNotFoundError, ModelVersion, Tracking
from scalediff_assets.clip_schemas import AbExperiment
from scalediff_assets.video_models.launch import FOLDER, PURGED, version_key
from scalediff_assets.video_models.record import MODEL, RUN_TAG
from scalediff_assets.video_models.registry import read_stages
from scalediff_assets.video_models.versions import (
    RETAIN_TAG,
    SEMVER_TAG,
    Kept,
    RetentionError,
    left_production_ms,
    require_purgeable,
)
from scalediff_contract.audit import AuditEvent

_WEIGHTS = ("step_", "latest.json")


@dataclass(frozen=True, kw_only=True)
class Purge:
    """A version that may go.

    Attributes:
        version: `v1.0.0`.
        training_run: Who made it.
        registry_version: Its number in MLflow.
        weights: What is deleted from the store of models.
        retired: It has been in production; else it never was.
    """

    version: str
    training_run: str
    registry_version: int
    weights: tuple[ObjectInfo, ...]
    retired: bool

    @property
    def size_bytes(self) -> int:
        """Of its weights."""
        return sum(info.size_bytes for info in self.weights)


def plan_purge(connections: Connections, tracking: Tracking, version: str, *, now_ms: int) -> Purge:
    """What purging a version would delete.

    Raises:
        ModelNotFoundError: It is not registered.
        RetentionError: It is in use, or its 30 days are not over.
        TrackingUnavailableError: MLflow does not answer.
    """
    versions = tracking.versions(MODEL)
    found = next((each for each in versions if each.tags.get(SEMVER_TAG) == version), None)
    if found is None:
        known = ", ".join(each.tags.get(SEMVER_TAG, "?") for each in versions) or "none"
        raise ModelNotFoundError(f"{MODEL} {version} is not registered; registered: {known}")
    return _planned(connections, found, versions, now_ms)


def plan_overdue(
    connections: Connections, tracking: Tracking, *, now_ms: int
) -> tuple[list[Purge], list[str]]:
    """Versions that left production over 30 days ago, and why each other one stays.

    One that never was in production goes only by name: nothing says that nobody wants it any more.

    Raises:
        TrackingUnavailableError: MLflow does not answer.
    """
    versions, due, kept = tracking.versions(MODEL), [], []
    for each in versions:
        try:
            purge = _planned(connections, each, versions, now_ms)
        except RetentionError as refusal:
            kept.append(str(refusal))
            continue
        if purge.retired:
            due.append(purge)
        else:
            kept.append(f"{purge.version} never was in production; name it to purge it")
    return due, kept


def carry_out(purge: Purge, connections: Connections, tracking: Tracking, *, actor: str, now_ms: int) -> None:
    """Delete what was planned; once or often.

    Raises:
        TrackingUnavailableError: MLflow does not answer: the weights are gone, purge again.
    """
    connections.audit_log().append([_event(purge, actor, now_ms)])
    models, note_key = connections.models(), version_key(purge.training_run)
    note = json.loads(models.get(note_key))
    models.put(note_key, json.dumps(note | {PURGED: now_ms}).encode())
    for info in purge.weights:
        models.delete(info.key)
    tracking.delete_version(MODEL, purge.registry_version)


def _planned(
    connections: Connections, found: ModelVersion, versions: Sequence[ModelVersion], now_ms: int
) -> Purge:
    version, run = found.tags[SEMVER_TAG], found.tags[RUN_TAG]
    left_ms = _left_ms(connections.audit_log(), found, versions)
    kept = Kept(version=version, stages=_stages(connections, found, run), left_production_ms=left_ms)
    require_purgeable(kept, now_ms)
    _require_decided(connections, version, run)
    start = f"{FOLDER}/{run}/"
    weights = tuple(
        info for info in connections.models().list(start) if info.key.removeprefix(start).startswith(_WEIGHTS)
    )
    return Purge(
        version=version, training_run=run, registry_version=found.version, weights=weights,
        retired=left_ms is not None,
    )  # fmt: skip


def _stages(connections: Connections, found: ModelVersion, run: str) -> tuple[str, ...]:
    """Aliases, and what the service is to hold: MLflow may be behind."""
    stages = read_stages(connections)
    named = {"production": stages.production, "previous_production": stages.previous}
    held = {stage for stage, staged in named.items() if staged is not None and staged.training_run == run}
    return tuple(sorted(held | set(found.aliases)))


def _left_ms(log: AuditLog, found: ModelVersion, versions: Sequence[ModelVersion]) -> int | None:
    """When it left production: by its tag, or by who followed it; None where it never did."""
    version = found.tags[SEMVER_TAG]
    events = (entry.event for each in versions for entry in log.entries(subject=each.tags[SEMVER_TAG]))
    told = [
        event.at_ms
        for event in events
        if event.action in ("promote", "rollback") and event.detail.get("before") == version
    ]
    tagged = [left_production_ms(int(found.tags[RETAIN_TAG]))] if RETAIN_TAG in found.tags else []
    return max(told + tagged, default=None)


def _require_decided(connections: Connections, version: str, run: str) -> None:
    """An experiment's challenger may have lost its alias to a newer candidate, and is in use all the same.

    Raises:
        RetentionError: Its experiment runs.
    """
    if not has_tables(connections.lake(), "ab_experiments", run):
        return
    outcome = read_tables(connections.lake(), "ab_experiments", run, AbExperiment).decisions["outcome"][0]
    if outcome == "inconclusive":
        raise RetentionError(f"{version} is in an experiment that is not decided; end it before purging it")


def _event(purge: Purge, actor: str, now_ms: int) -> AuditEvent:
    return AuditEvent(
        event_id=f"{purge.version}/delete",
        at_ms=now_ms,
        actor=actor,
        action="delete",
        subject=purge.version,
        detail={
            "training_run": purge.training_run,
            "registry_version": purge.registry_version,
            "weights_bytes": purge.size_bytes,
            "reason": "purged: not in use, and not to be kept any longer",
        },
    )
