"""Errors on the wire: RFC 9457 problem documents for everything that is not a success.

All are ProblemErrors: made where the rule is (`ProblemError(409, "files-frozen", ...)`), or here from
FastAPI's validation (`invalid-request`), the framework's 404 and 405, and anything unexpected
(`internal-error`: its traceback stays in our log). An API adds handlers of its own after `install`.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_LISTED_ERRORS = 10


class ProblemError(Exception):
    """A request that is refused, with what the client is told.

    Attributes:
        status: The HTTP status.
        slug: Names the type: `urn:scalediff:problem:{slug}`.
        detail: What is wrong, with value, limit and mend.
        members: Further members of the document.
        headers: Further headers of the response.
    """

    def __init__(
        self,
        status: int,
        slug: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        self.status = status
        self.slug = slug
        self.detail = detail
        self.members = members
        self.headers = dict(headers or {})
        super().__init__(f"{status} {slug}: {detail}")

    def response(self) -> Response:
        """The problem document."""
        document = {
            "type": f"urn:scalediff:problem:{self.slug}",
            "title": self.slug.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        # ASCII only: a lone surrogate in the client's text can be escaped but not encoded.
        body = json.dumps(document).encode()
        return Response(body, self.status, self.headers, media_type=MEDIA_TYPE)


def too_many(detail: str, retry_after_s: float) -> ProblemError:
    """429 with the seconds to wait."""
    wait_s = max(1, int(-(-retry_after_s // 1)))
    return ProblemError(
        429,
        "too-many-requests",
        f"{detail}; try again in {wait_s} s",
        headers={"Retry-After": str(wait_s)},
        retryAfterS=wait_s,
    )


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""
    app.add_exception_handler(ProblemError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_request: Request, error: Exception) -> Response:
    return cast(ProblemError, error).response()


async def _invalid(_request: Request, error: Exception) -> Response:
    found = [
        {"at": ".".join(str(part) for part in item["loc"]), "problem": str(item["msg"])}
        for item in cast(RequestValidationError, error).errors()[:_LISTED_ERRORS]
    ]
    detail = "; ".join(f"{item['at']}: {item['problem']}" for item in found)
    return ProblemError(422, "invalid-request", detail, errors=found).response()


async def _framework(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    slug = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return ProblemError(error.status_code, slug, detail, headers=error.headers).response()


async def _unexpected(request: Request, _error: Exception) -> Response:
    # Starlette raises the error again after this answer, and the server logs its traceback.
    detail = f"{request.method} {request.url.path} failed on our side; try again"
    return ProblemError(500, "internal-error", detail).response()
