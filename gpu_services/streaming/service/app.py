"""The addresses of the service.

| address | what |
|---|---|
| `WS /v1/stream`, `/v1/stream-trial` | WebRTC signalling, dialects A and C |
| `WS /ws` | JPEG pictures, dialect B |
| `GET /v1/ice-servers` | STUN and TURN for this client; needs a token where streams do |
| `GET /healthz` | the process answers and its painter runs |
| `GET /readyz` | another player would be let in; 503 where not |
| `GET /metrics` | Prometheus |
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from gpu_services.streaming.service.jpeg import jpeg
from gpu_services.streaming.service.painting_service import PaintingService
from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.signalling import signalling
from gpu_services.streaming.service.turn import ice_servers
from scalediff_contract.web.rates import address_of


def create_app(service: PaintingService) -> Starlette:
    """The app of a service; it starts and stops with the app."""

    async def stream(socket: WebSocket) -> None:
        await signalling(service, socket)

    async def pictures(socket: WebSocket) -> None:
        await jpeg(service, socket)

    async def servers(request: Request) -> Response:
        try:
            address = address_of(request.scope, trust_proxy=service.settings.trust_proxy)
            visitor = service.gate.visitor(request.scope, address)
        except RefusalError as refusal:
            return JSONResponse(refusal.document().model_dump(), refusal.status)
        name = visitor.wallet or "guest"
        found = ice_servers(service.settings.transport, visitor=name, now_ms=time.time() * 1000)
        return JSONResponse(found.model_dump(by_alias=True, exclude_none=True))

    async def healthy(_: Request) -> Response:
        alive = service.studio.is_running
        status = "ok" if alive else "the painter's loop ended; restart this process"
        return JSONResponse({"status": status, "worker": service.settings.worker}, 200 if alive else 500)

    async def ready(_: Request) -> Response:
        found = service.readiness()
        return JSONResponse(found.model_dump(), 200 if found.ready else 503)

    async def metrics(_: Request) -> Response:
        return Response(service.instruments.text(), media_type="text/plain; version=0.0.4")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    return Starlette(
        routes=[
            WebSocketRoute("/v1/stream", stream),
            WebSocketRoute("/v1/stream-trial", stream),
            WebSocketRoute("/ws", pictures),
            Route("/v1/ice-servers", servers),
            Route("/healthz", healthy),
            Route("/readyz", ready),
            Route("/metrics", metrics),
        ],
        # Any page may ask: a token, where one is needed, is in the request and never in a cookie.
        middleware=[Middleware(CORSMiddleware, allow_origins=["*"], allow_headers=["authorization"])],
        lifespan=lifespan,
    )
