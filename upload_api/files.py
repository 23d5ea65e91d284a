"""The files of a session: declared once by size and hash, then signed for as often as it takes."""

from collections.abc import Mapping
from typing import Annotated, cast

from fastapi import APIRouter, Path, Request

from scalediff_contract.limits import BundleLimits
from scalediff_contract.sessions import SESSION_ID_PATTERN, BundleFile, ObjectKey
from scalediff_contract.uploads import (
    DeclaredFile,
    DeclareFiles,
    StoredFile,
    StoredFiles,
    UploadLabel,
    UploadTarget,
    UploadTargets,
)
from scalediff_contract.web.problems import ProblemError
from upload_api.records import FileRecord, UploadSession
from upload_api.service import Service, ServiceDep, SignedInWallet

router = APIRouter(prefix="/v1/sessions/{session_id}/files", tags=["files"])
SessionId = Annotated[str, Path(pattern=f"^{SESSION_ID_PATTERN.pattern}$")]


@router.put("")
def declare_files(
    session_id: SessionId, body: DeclareFiles, request: Request, wallet: SignedInWallet, service: ServiceDep
) -> UploadTargets:
    """Upload URLs for the declared files; the same declaration again gives fresh ones."""
    session = _session_of(service, wallet, session_id)
    if session.expires_ms <= service.now_ms():
        detail = f"{session_id} expired at {session.expires_ms} (epoch ms); record again in a new session"
        raise ProblemError(410, "session-expired", detail)
    wanted = body.files.by_file()
    check_sizes(wanted, service.config.bundle_limits)
    found = before = service.records.files(session_id)
    if not before:
        service.records.declare(session_id, wanted)
        found = service.records.files(session_id)
    _check_same(session_id, wanted, found)
    base_url = service.config.public_url or str(request.base_url).rstrip("/")
    return UploadTargets(
        files={
            label_of(file): _target(service, session, found[file], base_url, fresh=not before)
            for file in wanted
        }
    )


@router.get("")
def list_files(session_id: SessionId, wallet: SignedInWallet, service: ServiceDep) -> StoredFiles:
    """Which of the declared files have arrived: what an interrupted upload need not send again."""
    session = _session_of(service, wallet, session_id)
    return StoredFiles(
        files={
            label_of(record.file): StoredFile(stored=service.is_stored(key_of(session, record.file), record))
            for record in service.records.files(session_id).values()
        }
    )


def key_of(session: UploadSession, file: BundleFile) -> ObjectKey:
    """The object key of a session's file."""
    return ObjectKey(wallet=session.wallet, session_id=session.session_id, file=file)


def label_of(file: BundleFile) -> UploadLabel:
    """The file's name on the wire."""
    return cast(UploadLabel, file.label)


def content_type_of(file: BundleFile) -> str:
    """The MIME type that the upload must name."""
    return "video/webm" if file.value.endswith(".webm") else "application/json"


def check_sizes(files: Mapping[BundleFile, DeclaredFile], limits: BundleLimits) -> None:
    """Check the declared sizes.

    Raises:
        ProblemError: 422 `wrong-size`, naming file, value and limit.
    """
    for file, declared in files.items():
        limit = _limit_of(file, limits)
        if 1 <= declared.size_bytes <= limit:
            continue
        bound, mend = ("maximum", limit) if declared.size_bytes > limit else ("minimum", 1)
        detail = f"{file.label} has {declared.size_bytes} bytes ({bound} {mend}); record again"
        raise ProblemError(
            422, "wrong-size", detail, file=file.label, sizeBytes=declared.size_bytes, limitBytes=mend
        )


def _limit_of(file: BundleFile, limits: BundleLimits) -> int:
    if file.value.endswith(".webm"):
        return limits.video_bytes
    return limits.meta_bytes if file is BundleFile.META else limits.json_bytes


def _session_of(service: Service, wallet: str, session_id: str) -> UploadSession:
    session = service.records.session(wallet, session_id)
    if session is None:
        raise ProblemError(404, "no-such-session", f"{session_id}: you have no such session; get one first")
    return session


def _check_same(
    session_id: str, wanted: Mapping[BundleFile, DeclaredFile], found: Mapping[BundleFile, FileRecord]
) -> None:
    """The declaration is frozen: a recording edited after the fact is refused."""
    differing = [file.label for file in BundleFile if _content(wanted.get(file)) != _content(found.get(file))]
    if differing:
        detail = (
            f"{session_id}: {', '.join(differing)} declared with another content before; a recording "
            "edited after the fact is not taken: upload what was recorded, or record again"
        )
        raise ProblemError(409, "files-frozen", detail, files=differing)


def _content(declared: DeclaredFile | FileRecord | None) -> tuple[int, str] | None:
    return None if declared is None else (declared.size_bytes, declared.sha256)


def _target(
    service: Service, session: UploadSession, record: FileRecord, base_url: str, *, fresh: bool
) -> UploadTarget:
    key = key_of(session, record.file)
    signed = service.signer.sign_put(
        str(key),
        size_bytes=record.size_bytes,
        sha256=record.sha256,
        content_type=content_type_of(record.file),
        lifetime_s=service.config.limits.url_s,
        base_url=base_url,
    )
    return UploadTarget(
        url=signed.url, headers=signed.headers, stored=not fresh and service.is_stored(key, record)
    )
