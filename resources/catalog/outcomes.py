"""What stages say of sessions, and which of two sayings counts."""

import sqlalchemy as sa

from resources.catalog.records import STAGES, SessionOutcome
from resources.database import tables as t

NUMBERS = (
    "schema_version",
    "align_method",
    "alignment_grade",
    "start_uncertainty_ms",
    "frames",
    "segments",
    "segments_passed",
)


def outcome_update(outcome: SessionOutcome) -> sa.Update:
    """The update that an outcome stands for.

    A refusal always counts. That an earlier stage found a session fine again does not undo what
    a later stage said; a session of another revision is not touched.
    """
    s = t.sessions.c
    numbers = {name: value for name in NUMBERS if (value := getattr(outcome, name)) is not None}
    verdict = {
        "status": outcome.status,
        "reason": None if outcome.reason is None else outcome.reason.value,
        "detail": outcome.detail,
        "stage": outcome.stage,
    }
    update = sa.update(t.sessions).where(
        s.wallet == outcome.wallet, s.session_id == outcome.session_id, s.revision == outcome.revision
    )
    if outcome.status != "collecting":
        return update.values(**verdict, **numbers)
    later = list(STAGES[STAGES.index(outcome.stage) + 1 :])
    keeps = sa.and_(s.stage.in_(later), s.stage.is_not(None))
    kept = {name: sa.case((keeps, s[name]), else_=value) for name, value in verdict.items()}
    return update.values(**kept, **numbers)
