"""Bearer tokens over HTTP: whose they are, or which problem to answer."""

from scalediff_contract import tokens
from scalediff_contract.tokens import TokenError
from scalediff_contract.web.problems import ProblemError

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_MISSING = "send the header Authorization: Bearer {token}; POST /v1/sign-in gives the token"


def wallet_of(key: bytes, token: str | None, *, now_ms: float) -> str:
    """The wallet that a token names.

    Raises:
        ProblemError: 401 `not-signed-in`, `invalid-token` or `expired-token`.
    """
    try:
        return tokens.wallet_of(key, token, now_ms=now_ms)
    except TokenError as error:
        detail = _MISSING if error.fault == "not-signed-in" else str(error)
        raise ProblemError(401, error.fault, detail, headers=_CHALLENGE) from error
