"""The first thing every request meets: its address's rate, its body's size and time.

Bodies of JSON are read whole here, so that one without a Content-Length is bounded too; uploads to
the embedded store are bounded by their signature instead. `/healthz` is free.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from upload_api.config import UploadConfig
from upload_api.object_urls import OBJECTS
from upload_api.problems import ProblemError, too_many
from upload_api.rates import TokenBuckets
from upload_api.service import address_of

HEALTH = "/healthz"


class Guard:
    """ASGI middleware; refuses with 408, 413 and 429."""

    def __init__(self, app: ASGIApp, config: UploadConfig) -> None:
        self._app = app
        self._config = config
        self._rates = TokenBuckets(config.limits.requests_per_minute, config.monotonic_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer it."""
        if scope["type"] != "http" or scope["path"] == HEALTH:
            await self._app(scope, receive, send)
            return
        try:
            self._check_rate(scope)
            if not scope["path"].startswith(f"{OBJECTS}/"):
                receive = await self._bounded(scope, receive)
        except ProblemError as problem:
            await problem.response()(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_rate(self, scope: Scope) -> None:
        address = address_of(scope, trust_proxy=self._config.trust_proxy)
        if (wait_s := self._rates.take(address)) > 0:
            limit = self._config.limits.requests_per_minute
            raise too_many(f"this address passed its {limit} requests a minute", wait_s)

    async def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Read the body; returns what gives it to the app."""
        limit = self._config.limits.body_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > limit:
            raise _too_large(limit)
        body = b""
        message: Message = {"type": "http.request", "more_body": True}
        try:
            async with asyncio.timeout(self._config.limits.body_s):
                while message["type"] == "http.request" and message.get("more_body", False):
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > limit:
                        raise _too_large(limit)
        except TimeoutError as error:
            detail = f"the body did not arrive in {self._config.limits.body_s:g} s; send again"
            raise ProblemError(408, "request-timeout", detail) from error
        first: list[Message] = [
            {"type": "http.request", "body": body} if message["type"] == "http.request" else message
        ]

        async def replay() -> Message:
            return first.pop() if first else await receive()

        return replay


def _too_large(limit: int) -> ProblemError:
    return ProblemError(
        413, "body-too-large", f"the body is over {limit} bytes; files go to their signed URLs"
    )
