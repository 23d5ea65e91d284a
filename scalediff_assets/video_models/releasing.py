"""Whether a whole version becomes production: the first does, later ones by an experiment or by a person."""

from dataclasses import dataclass

from resources.connections import Connections
from resources.generation import GenerationService
from resources.tracking import Tracking, TrackingUnavailableError
from scalediff_assets.tracking_outbox import deliver_or_owe
from scalediff_assets.video_models.record import MODEL, deliver_model, read_training
from scalediff_assets.video_models.registry import Staged, Switched, promote, read_stages
from scalediff_contract.audit import AuditEvent

KIND = "video_model"


@dataclass(frozen=True, kw_only=True)
class Released:
    """What was decided of a version.

    Attributes:
        staged: The version.
        registry_version: Its number in MLflow; None where MLflow is owed.
        promotes: It is production now.
        reason: Why, in one sentence.
        switched: What its promotion came to; None where it stays a candidate.
    """

    staged: Staged
    registry_version: int | None
    promotes: bool
    reason: str
    switched: Switched | None


def staged_of(connections: Connections, training_run: str) -> Staged:
    """A training run's version and what the service would load."""
    spec, result = read_training(connections, training_run)
    url = f"{spec.output_url}/{result.checkpoint}"
    return Staged(version=result.version, training_run=training_run, url=url)


def decide_release(
    connections: Connections, staged: Staged, *, outcome: str | None, by_hand: str
) -> tuple[bool, str]:
    """Whether a version becomes production, and why.

    Args:
        connections: Where the stages are noted.
        staged: The version.
        outcome: Of its experiment; None where there was none.
        by_hand: A person's reason; empty: none was given.
    """
    production = read_stages(connections).production
    if production == staged:
        return True, "it is production already"
    if production is None:
        return True, "it is the first version that is whole and passed its evaluation"
    if by_hand:
        return True, f"by hand: {by_hand}"
    if outcome == "promote":
        return True, f"its experiment against {production.version} says promote"
    said = outcome or "was not run"
    return False, f"its experiment against {production.version}: {said}; it stays a candidate"


def release(
    training_run: str,
    *,
    outcome: str | None,
    by_hand: str,
    connections: Connections,
    tracking: Tracking,
    generation: GenerationService,
    actor: str,
    tags: dict[str, str],
    now_ms: int,
) -> Released:
    """Register a whole version as a candidate, and promote it where that is decided.

    Raises:
        ArtefactsMissingError: It is not whole.
        GenerationServiceError: The service refuses the model.
    """
    staged = staged_of(connections, training_run)
    made = deliver_or_owe(KIND, training_run, deliver_model, connections, tracking, tags)
    number = made if isinstance(made, int) else None
    detail = {"training_run": training_run, "registry_version": number}
    event = AuditEvent(
        event_id=f"{staged.version}/register",
        at_ms=now_ms,
        actor=actor,
        action="register",
        subject=staged.version,
        detail=dict(detail),
    )
    connections.audit_log().append([event])
    promotes, reason = decide_release(connections, staged, outcome=outcome, by_hand=by_hand)
    switched = None
    if promotes:
        switched = promote(
            staged, connections=connections, tracking=tracking, generation=generation, actor=actor,
            reason=reason, now_ms=now_ms,
        )  # fmt: skip
    elif number is not None:
        _candidate(tracking, number)
    return Released(
        staged=staged, registry_version=number, promotes=promotes, reason=reason, switched=switched
    )


def _candidate(tracking: Tracking, number: int) -> None:
    try:
        tracking.set_aliases(MODEL, {"candidate": number})
    except TrackingUnavailableError:
        return  # owed with the registration; the release says that it is pending
