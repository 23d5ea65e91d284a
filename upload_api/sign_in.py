"""Sign-in by wallet: a challenge, its signature, a token."""

from fastapi import APIRouter

from scalediff_contract.tokens import make_token, token_key
from scalediff_contract.uploads import Challenge, ChallengeRequest, SignedIn, SignIn
from scalediff_contract.web.problems import ProblemError
from upload_api.challenge import make_nonce, message_of, read_nonce
from upload_api.service import ServiceDep
from upload_api.wallets import public_key, verify

router = APIRouter(prefix="/v1/sign-in", tags=["sign-in"])


@router.post("/challenges", status_code=201)
async def make_challenge(request: ChallengeRequest, service: ServiceDep) -> Challenge:
    """A message for the wallet to sign; good for some minutes and one sign-in."""
    lifetime_s = service.config.limits.challenge_s
    # Whole seconds, as the message shows them.
    expires_ms = (service.now_ms() // 1000 + lifetime_s) * 1000
    nonce = make_nonce(service.key_for("nonces"), public_key(request.wallet), expires_ms)
    message = message_of(nonce, domain=service.config.domain, lifetime_s=lifetime_s)
    return Challenge(nonce=nonce.text, message=message, expires_ms=expires_ms)


@router.post("")
def sign_in(request: SignIn, service: ServiceDep) -> SignedIn:
    """Exchange a signed challenge for a bearer token."""
    limits, now_ms = service.config.limits, service.now_ms()
    nonce = read_nonce(service.key_for("nonces"), request.nonce)
    if nonce.expires_ms <= now_ms:
        raise ProblemError(401, "expired-nonce", "the challenge has expired; ask for a new one")
    if nonce.wallet != request.wallet:
        raise ProblemError(
            401, "wrong-wallet", f"the challenge was made for {nonce.wallet}, not {request.wallet}"
        )
    message = message_of(nonce, domain=service.config.domain, lifetime_s=limits.challenge_s)
    if not verify(request.wallet, message, request.signature):
        detail = "the signature is not the wallet's over the challenge's message; sign the message as it is"
        raise ProblemError(401, "wrong-signature", detail)
    if not service.records.use_nonce(nonce.digest, expires_ms=nonce.expires_ms, now_ms=now_ms):
        raise ProblemError(409, "nonce-used", "this challenge was signed in with before; ask for a new one")
    expires_ms = (now_ms // 1000 + limits.token_s) * 1000
    token = make_token(token_key(service.config.secret), request.wallet, now_ms=now_ms, expires_ms=expires_ms)
    return SignedIn(token=token, expires_ms=expires_ms)
