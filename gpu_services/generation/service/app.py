"""The ASGI app: orders, jobs, administration, media, pages; the document's paths under /api/v1 and /v1."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from fastapi import FastAPI, Request
from starlette.responses import Response

from gpu_services.generation.service import admin, listing, media, observing, orders, pages
from gpu_services.generation.service.config import ServiceConfig
from gpu_services.generation.service.queue import QueueUnavailableError
from gpu_services.generation.service.service import make_deliveries, make_service
from gpu_services.generation.service.store import StoreUnavailableError
from scalediff_contract.web import openapi, problems
from scalediff_contract.web.guard import HEALTH, Bounds, Guard
from scalediff_contract.web.problems import ProblemError

_OUTAGES: dict[type[Exception], str] = {
    StoreUnavailableError: "store",
    QueueUnavailableError: "queue",
    sa.exc.OperationalError: "table",
}
_log = logging.getLogger("scalediff.generation.api")


def create_app(config: ServiceConfig, *, deliver: bool = True) -> FastAPI:
    """The app of a configuration; makes the tables that are missing.

    Args:
        config: Places, keys, limits.
        deliver: Deliver callbacks while the app runs.

    Example:
        app = create_app(read_config())
    """
    service = make_service(config)
    deliveries = make_deliveries(service)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if deliver:
            deliveries.start()
        yield
        deliveries.stop()
        service.intake.close()
        service.queue.close()

    app = FastAPI(
        title="Scale Diffusion scenario clips", version="1", docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.service = service
    problems.install(app)
    for outage in _OUTAGES:
        app.add_exception_handler(outage, _unavailable)
    openapi.install(app)
    app.add_middleware(Guard, bounds=_bounds(config))
    for module in (orders, listing, admin):
        app.include_router(module.router, prefix="/api/v1")
        # The case study's callback example leaves `/api` out.
        app.include_router(module.router, prefix="/v1", include_in_schema=False)
    app.include_router(admin.router, include_in_schema=False)
    for module in (media, observing, pages):
        app.include_router(module.router)
    return app


def _bounds(config: ServiceConfig) -> Bounds:
    return Bounds(
        requests_per_minute=config.api.address_per_minute,
        body_bytes=config.api.body_bytes,
        body_s=config.api.body_s,
        trust_proxy=config.trust_proxy,
        monotonic_s=config.monotonic_s,
        free=frozenset({HEALTH, observing.READY, observing.METRICS}),
        large_mend="a prompt has at most 400 characters, a plan at most 1,000 jobs",
    )


async def _unavailable(request: Request, error: Exception) -> Response:
    _log.error("unavailable path=%s error=%s", request.url.path, error)
    what = {"StoreUnavailableError": "store", "QueueUnavailableError": "queue"}.get(
        type(error).__name__, "table"
    )
    detail = f"the {what} does not answer; nothing was ordered or changed, try again"
    return ProblemError(503, f"{what}-unavailable", detail, headers={"Retry-After": "5"}).response()
