"""The upload API's errors on the wire: the contract's problem documents, and a store that does not answer."""

import logging

from fastapi import FastAPI, Request
from starlette.responses import Response

from resources.object_store import StoreUnavailableError
from scalediff_contract.web import problems
from scalediff_contract.web.problems import ProblemError

_log = logging.getLogger("upload_api")


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    problems.install(app)
    app.add_exception_handler(StoreUnavailableError, _store)


async def _store(request: Request, error: Exception) -> Response:
    _log.error("store unavailable path=%s error=%s", request.url.path, error)
    return ProblemError(
        503, "store-unavailable", "the store does not answer; try again", headers={"Retry-After": "5"}
    ).response()
