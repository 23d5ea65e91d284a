"""The first thing every request meets: its address's rate, its body's size and time.

Bodies of JSON are read whole here, so that one without a Content-Length is bounded too. Some paths
have bounds of their own: uploads are bounded by their signature, a health check is free.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scalediff_contract.web.problems import ProblemError, too_many
from scalediff_contract.web.rates import TokenBuckets, address_of

HEALTH = "/healthz"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a guard lets through.

    Attributes:
        requests_per_minute: Of one address, to everything but the free paths.
        body_bytes: Largest JSON body.
        body_s: Time for a JSON body to arrive.
        trust_proxy: Believe the X-Forwarded-For of the one proxy in front.
        monotonic_s: The clock of the rates.
        free: Paths that are never refused.
        streamed: Beginnings of paths whose bodies are not read here.
        large_mend: Where something too large should go instead.
    """

    requests_per_minute: int
    body_bytes: int
    body_s: float
    trust_proxy: bool
    monotonic_s: Callable[[], float]
    free: frozenset[str] = frozenset({HEALTH})
    streamed: tuple[str, ...] = ()
    large_mend: str = "send less"


class Guard:
    """ASGI middleware; refuses with 408, 413 and 429."""

    def __init__(self, app: ASGIApp, bounds: Bounds) -> None:
        self._app = app
        self._bounds = bounds
        self._rates = TokenBuckets(bounds.requests_per_minute, bounds.monotonic_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http" or scope["path"] in self._bounds.free:
            await self._app(scope, receive, send)
            return
        try:
            self._check_rate(scope)
            if not scope["path"].startswith(self._bounds.streamed):
                receive = await self._bounded(scope, receive)
        except ProblemError as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_rate(self, scope: Scope) -> None:
        address = address_of(scope, trust_proxy=self._bounds.trust_proxy)
        if (wait_s := self._rates.take(address)) > 0:
            limit = self._bounds.requests_per_minute
            raise too_many(f"this address passed its {limit} requests a minute", wait_s)

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Read the body; returns what gives it to the app."""
        limit = self._bounds.body_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise _too_large(limit, self._bounds.large_mend)
        body = b""
        message: Message = {"type": "http.request", "more_body": True}
        try:
            async with asyncio.timeout(self._bounds.body_s):
                while message["type"] == "http.request" and message.get("more_body", False):
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise _too_large(limit, self._bounds.large_mend)
        except TimeoutError as error:
            detail = f"the body did not arrive in {self._bounds.body_s:g} s; send again"
            raise ProblemError(408, "request-timeout", detail) from error
        first: list[Message] = [
            {"type": "http.request", "body": body} if message["type"] == "http.request" else message
        ]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        return replay


def _too_large(limit: int, mend: str) -> ProblemError:
    return ProblemError(413, "body-too-large", f"the body is over {limit} bytes; {mend}")
