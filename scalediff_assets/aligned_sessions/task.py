"""One session of `aligned_sessions` in a worker process: read the logs, demux the video, align."""

from dataclasses import dataclass
from typing import Any

from resources.object_store import ObjectStore
from scalediff_assets.aligned_sessions.align import AlignOptions, align_session
from scalediff_assets.aligned_sessions.flow import flow_signal
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.raw_sessions.bundle import parse_bundle
from scalediff_assets.schemas import ALIGNMENTS, AlignedSessions
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile

_LOGS = (BundleFile.INPUTS, BundleFile.CAMERA, BundleFile.LATENCY, BundleFile.META)


@dataclass(frozen=True, kw_only=True)
class AlignTask:
    """What a worker needs to align one session.

    Attributes:
        raw: Store of the uploads.
        session: The session's row of the manifest.
        content_refinement: Decode the video and refine a legacy start by optical flow.
    """

    raw: ObjectStore
    session: dict[str, Any]
    content_refinement: bool = False


def align_task(task: AlignTask) -> AlignedSessions:
    """Align one session; content that cannot be aligned is a rejected row."""
    row = task.session
    files = {file: task.raw.get(row[f"{file.label}_key"]) for file in _LOGS}
    bundle = parse_bundle(row["session_id"], row["wallet"], files)
    with task.raw.local_copy(row["video_key"]) as video:
        packets = read_packets(video)
        refine = task.content_refinement and bundle.schema_version == 1
        flow = flow_signal(video) if refine else None
    return align_session(
        bundle, packets, latency_upload_ms=row["latency_upload_ms"], options=AlignOptions(), flow=flow
    )


def failed_alignment(session_id: str, reason: Reason, detail: str) -> AlignedSessions:
    """The rejected row of a session whose worker gave no result."""
    row = dict.fromkeys(ALIGNMENTS.schema.names())
    row |= {"session_id": session_id, "verdict": "rejected", "reason": reason.value, "detail": detail}
    row |= {"frames": 0, "valid_frames": 0}
    return AlignedSessions(sessions=ALIGNMENTS.frame([row]))
