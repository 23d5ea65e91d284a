"""Clips for people: URLs that a browser may read for some minutes, ours or the bucket's own."""

import hashlib
import hmac
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from gpu_services.generation.service.access import key_for
from gpu_services.generation.service.jobs import JobRow
from gpu_services.generation.service.service import Service, ServiceDep
from gpu_services.generation.service.store import ObjectMissingError, clip_key
from scalediff_contract.web.problems import ProblemError

router = APIRouter(include_in_schema=False)
_KEY = r"^[0-9a-f]{32}$"


def media_url(service: Service, row: JobRow) -> str | None:
    """Where a browser finds the clip; None before there is one."""
    if row.status != "completed" or row.content_key is None:
        return None
    lifetime_s = service.config.api.media_s
    signed = service.store.signed_url(clip_key(row.content_key), lifetime_s)
    if signed is not None:
        return signed
    expires_s = service.now_ms() // 1000 + lifetime_s
    signature = _sign(service, row.content_key, expires_s)
    return f"/media/{row.content_key}.mp4?expires={expires_s}&signature={signature}"


@router.get("/media/{content_key}.mp4")
def read_clip(
    content_key: Annotated[str, Path(pattern=_KEY)],
    expires: Annotated[int, Query(ge=0, le=2**53)],
    signature: Annotated[str, Query(max_length=64)],
    service: ServiceDep,
) -> Response:
    """The clip of the embedded store."""
    if not hmac.compare_digest(_sign(service, content_key, expires), signature):
        raise ProblemError(403, "wrong-signature", "this media URL was not signed by this service")
    if expires * 1000 <= service.now_ms():
        raise ProblemError(410, "expired-url", "this media URL has expired; ask for the job again")
    try:
        film = service.store.get(clip_key(content_key))
    except ObjectMissingError as error:
        raise ProblemError(404, "no-such-clip", str(error)) from error
    return Response(film, media_type="video/mp4", headers={"Cache-Control": "private, max-age=600"})


def _sign(service: Service, content_key: str, expires_s: int) -> str:
    key = key_for(service.config.secret, "media")
    return hmac.new(key, f"{content_key} {expires_s}".encode(), hashlib.sha256).hexdigest()
