"""What a player sees of their recordings."""

from typing import cast

from fastapi import APIRouter

from scalediff_contract.uploads import PlayerSession, PlayerSessions, PlayerStatus
from upload_api.records import SessionState
from upload_api.service import ServiceDep, SignedInWallet
from upload_api.verdicts import verdict_of

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@router.get("")
def list_sessions(wallet: SignedInWallet, service: ServiceDep) -> PlayerSessions:
    """My newest sessions, newest first, and what became of them."""
    states = service.records.states(wallet)
    earned = service.ledger.session_lamports(wallet, [state.session_id for state in states])
    unpaid = service.ledger.unpaid_rules(wallet, [state.session_id for state in states])
    return PlayerSessions(
        sessions=tuple(
            _as_seen(state, earned.get(state.session_id), unpaid.get(state.session_id)) for state in states
        )
    )


def _as_seen(state: SessionState, earned_lamports: int | None, unpaid_rule: str | None) -> PlayerSession:
    status = cast(PlayerStatus, state.status or "issued")
    return PlayerSession(
        session_id=state.session_id,
        issued_ms=state.issued_ms,
        status=status,
        verdict=verdict_of(status, state.reason, state.segments, state.segments_passed, unpaid_rule),
        reason=state.reason or unpaid_rule,
        segments=state.segments,
        segments_passed=state.segments_passed,
        alignment_grade=state.alignment_grade,
        earned_lamports=earned_lamports,
    )
