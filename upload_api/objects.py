"""The embedded store's side of an upload: what S3 checks for a signed URL, checked here.

A body is hashed while it arrives in a temporary file and reaches the store only when all of it is
right. In the store it lies under the folder of its hour of arrival, where the event feed looks for it.
"""

import asyncio
import hashlib
import tempfile
from pathlib import Path
from typing import IO, Annotated, cast

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from resources.object_store import ObjectExistsError, ObjectInfo
from resources.upload_queue import raw_key
from scalediff_contract.sessions import BundleFile, ObjectKey, UnrecognisedKeyError, parse_object_key
from scalediff_contract.web.problems import ProblemError, too_many
from upload_api.object_urls import OBJECTS, ObjectUrls, Permit
from upload_api.records import FileRecord
from upload_api.service import ClientAddress, Service, ServiceDep

router = APIRouter(prefix=OBJECTS, tags=["objects"])


@router.put("/{wallet}/{name}", response_class=Response)
async def put_object(
    wallet: str,
    name: str,
    request: Request,
    service: ServiceDep,
    address: ClientAddress,
    expires: Annotated[int, Query(ge=0, le=2**53)],
    size: Annotated[int, Query(ge=0, le=2**53)],
    sha256: str,
    type: str,
    signature: str,
    content_type: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Take one signed upload; every refusal leaves nothing in the store."""
    key = _key_of(wallet, name)
    permit = Permit(key=str(key), expires=expires, size=size, sha256=sha256, type=type)
    cast(ObjectUrls, service.object_urls).check(permit, signature)
    _check_headers(permit, request.headers.get("content-length"), content_type, if_none_match)
    await run_in_threadpool(_check_turn, service, key)
    limits = service.config.limits
    with (
        service.uploads.enter(address) as has_place,
        tempfile.NamedTemporaryFile(prefix="scalediff-upload-") as body,
    ):
        if not has_place:
            raise too_many(f"this address sends {limits.address_uploads_at_once} files already", 1)
        await _receive(request, permit, body, limit_s=limits.url_s)
        info = await run_in_threadpool(_store, service, key, permit, Path(body.name))
    return Response(status_code=200, headers={"ETag": f'"{info.etag}"'})


def _key_of(wallet: str, name: str) -> ObjectKey:
    try:
        return parse_object_key(f"{wallet}/{name}")
    except UnrecognisedKeyError as error:
        raise ProblemError(422, "invalid-key", str(error)) from error


def _check_headers(
    permit: Permit, length: str | None, content_type: str | None, if_none_match: str | None
) -> None:
    if length is None or not (length.isascii() and length.isdigit()):
        raise ProblemError(411, "length-required", "send the body with its Content-Length, not in chunks")
    if int(length) != permit.size:
        detail = (
            f"{permit.key}: Content-Length is {length[:20]} (signed: {permit.size}); send the declared file"
        )
        raise ProblemError(400, "wrong-size", detail, limitBytes=permit.size)
    if content_type != permit.type:
        detail = f"{permit.key}: Content-Type is {content_type!r} (signed: {permit.type!r})"
        raise ProblemError(415, "wrong-type", detail)
    if if_none_match != "*":
        raise ProblemError(
            428, "if-none-match-required", "send If-None-Match: * ; nothing is ever overwritten"
        )


def _check_turn(service: Service, key: ObjectKey) -> FileRecord:
    """The file's row, if it is declared, not there yet, and, for the meta, the last one missing."""
    records = service.records.files(key.session_id)
    if key.file not in records:
        raise ProblemError(
            409, "file-not-declared", f"{key} was not declared; declare the session's files first"
        )
    if service.is_stored(key, records[key.file]):
        raise _stored_before(key)
    if key.file is BundleFile.META:
        missing = [
            file.label
            for file, record in records.items()
            if file is not BundleFile.META
            and not service.is_stored(
                ObjectKey(wallet=key.wallet, session_id=key.session_id, file=file), record
            )
        ]
        if missing:
            detail = f"{key} completes the bundle and comes last; upload {', '.join(missing)} first"
            raise ProblemError(409, "meta-too-early", detail, missing=missing)
    return records[key.file]


async def _receive(request: Request, permit: Permit, body: IO[bytes], *, limit_s: float) -> None:
    """Write the body to the file; its size and hash are as signed when this returns."""
    digest, received_bytes = hashlib.sha256(), 0
    try:
        async with asyncio.timeout(limit_s):
            async for chunk in request.stream():
                digest.update(chunk)
                body.write(chunk)
                received_bytes += len(chunk)
                if received_bytes > permit.size:
                    break
    except TimeoutError as error:
        detail = f"{permit.key}: {received_bytes} of {permit.size} bytes in {limit_s:g} s; send again"
        raise ProblemError(408, "request-timeout", detail) from error
    except ClientDisconnect as error:
        detail = (
            f"{permit.key}: the connection broke after {received_bytes} of {permit.size} bytes; send again"
        )
        raise ProblemError(400, "incomplete-body", detail) from error
    body.flush()
    if received_bytes != permit.size:
        detail = (
            f"{permit.key}: received {received_bytes} bytes (signed: {permit.size}); send the declared file"
        )
        raise ProblemError(400, "wrong-size", detail, limitBytes=permit.size)
    if digest.hexdigest() != permit.sha256:
        detail = f"{permit.key}: the body's SHA-256 is {digest.hexdigest()} (signed: {permit.sha256})"
        raise ProblemError(400, "wrong-hash", detail)


def _store(service: Service, key: ObjectKey, permit: Permit, path: Path) -> ObjectInfo:
    _check_turn(service, key)
    now_ms = service.now_ms()
    store_key = service.records.claim(key.session_id, key.file, raw_key(str(key), now_ms), now_ms=now_ms)
    try:
        return service.store.put(store_key, path, if_absent=True, content_type=permit.type)
    except ObjectExistsError as error:
        raise _stored_before(key) from error


def _stored_before(key: ObjectKey) -> ProblemError:
    return ProblemError(412, "already-stored", f"{key} is stored already and is never overwritten; go on")
