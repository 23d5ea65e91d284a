"""Who may ask: bearer tokens (JWT, HS256) that name an actor and what it may do.

`scalediff-generate token ACTOR --scope generate` makes one. Keys are derived by purpose, so that what
signs a callback cannot make a token.
"""

import functools
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal, get_args

import jwt
from jwt.types import Options

from scalediff_contract.web.problems import ProblemError

Scope = Literal["generate", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
_AUDIENCE, _ALGORITHM = "scalediff-generation", "HS256"
_TOKENS = 1_024
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks."""

    name: str
    scopes: frozenset[str]


def key_for(secret: bytes, purpose: Literal["tokens", "callbacks", "media"]) -> bytes:
    """The key of one purpose: 32 bytes that say nothing of the others."""
    return hmac.digest(secret, f"scalediff generation {purpose}".encode(), hashlib.sha256)


def make_token(secret: bytes, name: str, scopes: tuple[Scope, ...], *, now_ms: int, days: float) -> str:
    """A token for an actor; `admin` may do all that `generate` may."""
    now_s = now_ms // 1000
    claims = {
        "sub": name, "aud": _AUDIENCE, "scope": " ".join(scopes),
        "iat": now_s, "exp": now_s + int(days * 86_400),
    }  # fmt: skip
    return jwt.encode(claims, key_for(secret, "tokens"), algorithm=_ALGORITHM)


def actor_of(key: bytes, token: str | None, *, now_ms: int) -> Actor:
    """Whom a token names.

    Raises:
        ProblemError: 401 `not-signed-in`, `invalid-token` or `expired-token`.
    """
    if not token:
        detail = "send the header Authorization: Bearer {token}; `scalediff-generate token` makes one"
        raise ProblemError(401, "not-signed-in", detail, headers=_CHALLENGE)
    actor, expires_s = _read(key, token)
    if expires_s * 1000 <= now_ms:
        raise ProblemError(401, "expired-token", "the token has expired; ask for another", headers=_CHALLENGE)
    return actor


# Of one token thousands of requests come: its signature is checked once, its time at each of them.
@functools.lru_cache(maxsize=_TOKENS)
def _read(key: bytes, token: str) -> tuple[Actor, int]:
    options: Options = {"require": ["sub", "exp", "aud", "scope"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM], audience=_AUDIENCE, options=options)
    except jwt.InvalidTokenError as error:
        detail = f"the token is not one of ours ({error}); ask for another"
        raise ProblemError(401, "invalid-token", detail, headers=_CHALLENGE) from error
    actor = Actor(name=str(claims["sub"]), scopes=frozenset(str(claims["scope"]).split()))
    return actor, int(claims["exp"])


def require(actor: Actor, scope: Scope) -> None:
    """Check what an actor may do.

    Raises:
        ProblemError: 403 `not-allowed`.
    """
    if scope not in actor.scopes and "admin" not in actor.scopes:
        held = " ".join(sorted(actor.scopes)) or "none"
        raise ProblemError(403, "not-allowed", f"this needs the scope {scope!r}, the token has: {held}")
