"""Bearer tokens: a JWT (HS256) that names a wallet for half an hour.

The upload API issues them after sign-in; whoever knows the same secret may check them, as the painting
service does. Keys are derived by purpose, so a checker of tokens holds nothing that signs URLs.
"""

import hashlib
import hmac
from typing import Literal

import jwt

_AUDIENCE = "scalediff-upload"
_ALGORITHM = "HS256"

TokenFault = Literal["not-signed-in", "invalid-token", "expired-token"]


class TokenError(ValueError):
    """A token that names nobody.

    Attributes:
        fault: The machine's word for what is wrong.
    """

    def __init__(self, fault: TokenFault, detail: str) -> None:
        self.fault: TokenFault = fault
        super().__init__(detail)


def token_key(secret: bytes) -> bytes:
    """The key of tokens: 32 bytes that say nothing of the secret's other keys."""
    return hmac.digest(secret, b"scalediff upload_api tokens", hashlib.sha256)


def make_token(key: bytes, wallet: str, *, now_ms: float, expires_ms: int) -> str:
    """A token for a wallet."""
    claims = {
        "sub": wallet,
        "aud": _AUDIENCE,
        "iat": int(now_ms) // 1000,
        "exp": expires_ms // 1000,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def wallet_of(key: bytes, token: str | None, *, now_ms: float) -> str:
    """The wallet that a token names.

    Raises:
        TokenError: It is missing, not one of ours, or expired by `now_ms`.
    """
    if not token:
        raise TokenError("not-signed-in", "there is no token; POST /v1/sign-in of the upload API gives one")
    try:
        # The time is checked below, by the caller's own clock.
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["sub", "exp", "aud"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise TokenError("invalid-token", f"the token is not one of ours ({error}); sign in again") from error
    if claims["exp"] * 1000 <= now_ms:
        raise TokenError("expired-token", "the token has expired; sign in again")
    return str(claims["sub"])
