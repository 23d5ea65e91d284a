"""Session ids: made by the server, so that nobody chooses the name of a recording."""

import secrets
import string

from fastapi import APIRouter

from scalediff_contract.uploads import IssuedSession
from scalediff_contract.web.problems import too_many
from upload_api.records import QuotaError, UploadSession
from upload_api.service import ClientAddress, ServiceDep, SignedInWallet

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
_BASE36 = string.digits + string.ascii_lowercase
_RANDOM_CHARS = 8


@router.post("", status_code=201)
def issue_session(wallet: SignedInWallet, address: ClientAddress, service: ServiceDep) -> IssuedSession:
    """A new session id for the wallet, within its quota and its address's."""
    limits, now_ms = service.config.limits, service.now_ms()
    session = UploadSession(
        session_id=new_session_id(now_ms),
        wallet=wallet,
        address=address,
        issued_ms=now_ms,
        expires_ms=now_ms + limits.session_s * 1000,
    )
    try:
        service.records.issue(
            session,
            per_wallet=limits.wallet_sessions_per_hour,
            per_address=limits.address_sessions_per_hour,
        )
    except QuotaError as error:
        raise too_many(str(error), error.retry_after_s) from error
    return IssuedSession(
        session_id=session.session_id, issued_ms=session.issued_ms, expires_ms=session.expires_ms
    )


def new_session_id(now_ms: int) -> str:
    """`session_{13 digits epoch ms}_{8 random base36 characters}`."""
    return f"session_{now_ms:013d}_{''.join(secrets.choice(_BASE36) for _ in range(_RANDOM_CHARS))}"
