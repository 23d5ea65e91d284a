"""One bundle of `raw_sessions` in a worker process: read, hash, parse, probe, judge."""

from dataclasses import dataclass
from typing import Any

from resources.catalog import BundleRecord
from resources.object_store import ObjectMissingError, ObjectStore
from scalediff_assets.raw_sessions.validate import RawObject, validate_bundle
from scalediff_assets.schemas import MANIFEST
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile, trace_id


@dataclass(frozen=True, kw_only=True)
class BundleTask:
    """What a worker needs to judge one bundle.

    Attributes:
        raw: Store of the uploads.
        session_id: The session by the objects' keys.
        wallet: The wallet by the objects' keys.
        revision: 1 for the first complete bundle.
        completed_ms: Epoch ms at which the bundle became complete.
        objects: The bundle's objects.
        reason: A verdict that arrival already gave (a session id that another wallet holds).
        detail: The sentence to that reason.
    """

    raw: ObjectStore
    session_id: str
    wallet: str
    revision: int
    completed_ms: int
    objects: dict[BundleFile, RawObject]
    reason: Reason | None = None
    detail: str | None = None


def task_of(raw: ObjectStore, bundle: BundleRecord) -> BundleTask:
    """The task for a bundle of the catalog."""
    objects = {
        file: RawObject(key=o.key, size_bytes=o.size_bytes, upload_ms=o.upload_ms)
        for file, o in bundle.objects.items()
    }
    return BundleTask(
        raw=raw,
        session_id=bundle.session_id,
        wallet=bundle.wallet,
        revision=bundle.revision,
        completed_ms=bundle.completed_ms,
        objects=objects,
        reason=bundle.reason,
        detail=bundle.detail,
    )


def bundle_task(task: BundleTask) -> dict[str, Any]:
    """The bundle's row of the manifest."""
    row = validate_bundle(
        session_id=task.session_id,
        wallet=task.wallet,
        revision=task.revision,
        completed_ms=task.completed_ms,
        objects=task.objects,
        read=task.raw.get,
        open_video=task.raw.local_copy,
        missing=ObjectMissingError,
    )
    if task.reason is not None:
        row |= {"verdict": "rejected", "reason": task.reason.value, "detail": task.detail}
    return row


def failed_row(task: BundleTask, reason: Reason, detail: str) -> dict[str, Any]:
    """The row of a bundle whose worker gave no result."""
    row: dict[str, Any] = dict.fromkeys(MANIFEST.schema.names())
    row |= {f"{file.label}_key": item.key for file, item in task.objects.items()}
    if (video := task.objects.get(BundleFile.VIDEO)) is not None:
        row["video_bytes"] = video.size_bytes
    if (latency := task.objects.get(BundleFile.LATENCY)) is not None:
        row["latency_upload_ms"] = latency.upload_ms
    return row | {
        "session_id": task.session_id,
        "wallet": task.wallet,
        "trace_id": trace_id(task.wallet, task.session_id),
        "revision": task.revision,
        "completed_ms": task.completed_ms,
        "verdict": "rejected",
        "reason": reason.value,
        "detail": f"{task.session_id}: {detail}",
        "total_bytes": sum(item.size_bytes for item in task.objects.values()),
        "bundle_sha256": "",
    }
