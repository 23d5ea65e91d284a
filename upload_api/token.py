"""Bearer tokens: a JWT (HS256) that names a wallet for half an hour."""

import jwt

from scalediff_contract.web.problems import ProblemError

_AUDIENCE = "scalediff-upload"
_ALGORITHM = "HS256"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


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
        ProblemError: 401 `not-signed-in`, `invalid-token` or `expired-token`.
    """
    if token is None:
        detail = "send the header Authorization: Bearer {token}; POST /v1/sign-in gives the token"
        raise ProblemError(401, "not-signed-in", detail, headers=_CHALLENGE)
    try:
        # The time is checked below, by the app's own clock.
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["sub", "exp", "aud"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.InvalidTokenError as error:
        raise ProblemError(
            401, "invalid-token", f"the token is not one of ours ({error}); sign in again", headers=_CHALLENGE
        ) from error
    if claims["exp"] * 1000 <= now_ms:
        raise ProblemError(401, "expired-token", "the token has expired; sign in again", headers=_CHALLENGE)
    return str(claims["sub"])
