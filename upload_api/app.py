"""The ASGI app."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.cors import CORSMiddleware

from scalediff_contract.uploads import ServerTime
from scalediff_contract.web import openapi
from scalediff_contract.web.guard import HEALTH, Bounds, Guard
from upload_api import earnings, files, issuing, objects, player, problems, sign_in
from upload_api.config import UploadConfig
from upload_api.object_urls import OBJECTS
from upload_api.service import ServiceDep, make_service

_PREFLIGHT_S = 3_600


def create_app(config: UploadConfig) -> FastAPI:
    """The app of a configuration; migrates its database.

    Example:
        app = create_app(config_from(read_settings()))
    """
    # Its pages for people would run scripts of another host on the game's origin.
    app = FastAPI(title="Scale Diffusion uploads", version="1", docs_url=None, redoc_url=None)
    app.state.service = make_service(config)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(Guard, bounds=_bounds(config))
    # Outermost, so that a page can read refusals, too.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(config.origins),
        allow_methods=["GET", "POST", "PUT"],
        allow_headers=["Authorization", "Content-Type", "If-None-Match"],
        expose_headers=["ETag", "Retry-After"],
        max_age=_PREFLIGHT_S,
    )
    _add_routes(app, config)
    return app


def _bounds(config: UploadConfig) -> Bounds:
    return Bounds(
        requests_per_minute=config.limits.requests_per_minute,
        body_bytes=config.limits.body_bytes,
        body_s=config.limits.body_s,
        trust_proxy=config.trust_proxy,
        monotonic_s=config.monotonic_s,
        streamed=(f"{OBJECTS}/",),
        large_mend="files go to their signed URLs",
    )


def _add_routes(app: FastAPI, config: UploadConfig) -> None:
    @app.get(HEALTH, include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/time", tags=["time"])
    async def read_time(service: ServiceDep) -> ServerTime:
        """The server's clock."""
        return ServerTime(server_ms=service.config.now_ms())

    for module in (sign_in, issuing, files, player, earnings):
        app.include_router(module.router)
    if app.state.service.object_urls is not None:
        app.include_router(objects.router)
    if config.game_dir is not None:
        app.mount("/", StaticFiles(directory=config.game_dir, html=True), name="game")
