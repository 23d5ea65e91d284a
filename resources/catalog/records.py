"""The values that go into and come out of the catalog."""

from dataclasses import dataclass
from typing import Literal

from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile

ObjectState = Literal[
    "pending", "member", "duplicate", "superseded", "conflict", "unrecognised", "quarantined"
]
Status = Literal["collecting", "quarantined", "rejected", "accepted"]
STAGES = ("raw_sessions", "aligned_sessions", "segments", "quality_scores")


@dataclass(frozen=True, kw_only=True)
class ObjectRecord:
    """One stored object version that belongs to a session."""

    key: str
    etag: str
    file: BundleFile
    size_bytes: int
    event_ms: int
    hour: str
    upload_ms: int | None
    state: ObjectState


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """A session as arrival sees it."""

    wallet: str
    session_id: str
    status: Status
    reason: Reason | None
    revision: int
    last_event_ms: int


@dataclass(frozen=True, kw_only=True)
class BundleObject:
    """A file of a frozen bundle."""

    key: str
    etag: str
    size_bytes: int
    upload_ms: int | None


@dataclass(frozen=True, kw_only=True)
class BundleRecord:
    """A complete bundle, frozen: later objects do not change it.

    Attributes:
        revision: 1 for the session's first complete bundle, +1 for each re-opened one.
        hour: Hour of arrival: the partition that it belongs to for good.
        reason: A verdict that arrival itself gave; None where the content decides.
    """

    wallet: str
    session_id: str
    revision: int
    hour: str
    completed_ms: int
    objects: dict[BundleFile, BundleObject]
    reason: Reason | None = None
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A session that has pending objects, with all that its settlement depends on.

    A settlement is written only if the catalog still holds exactly this, so two settling
    processes, or a settling and a recording one, never write over each other's news.

    Attributes:
        objects: Every recorded object version of the session, by key and etag.
        bundle: The latest frozen bundle of this wallet.
        taken_by: Another wallet whose bundle holds the session id.
        requested_hours: Hours of the objects for which a run was already requested.
    """

    session: SessionRecord
    objects: tuple[ObjectRecord, ...]
    bundle: BundleRecord | None
    taken_by: str | None
    requested_hours: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What arrival decided for one session.

    Attributes:
        object_states: (key, etag) to state, reason and detail.
        status: The session's new status; None where only objects change.
        bundle: A bundle that became complete.
    """

    wallet: str
    session_id: str
    object_states: dict[tuple[str, str], tuple[ObjectState, Reason | None, str | None]]
    status: Status | None = None
    reason: Reason | None = None
    detail: str | None = None
    bundle: BundleRecord | None = None


@dataclass(frozen=True, kw_only=True)
class SessionOutcome:
    """What a stage says of a session; numbers that the stage does not know stay None."""

    session_id: str
    wallet: str
    revision: int
    stage: str
    status: Status
    reason: Reason | None
    detail: str | None
    schema_version: int | None = None
    align_method: str | None = None
    alignment_grade: str | None = None
    start_uncertainty_ms: float | None = None
    frames: int | None = None
    segments: int | None = None
    segments_passed: int | None = None


@dataclass(frozen=True, kw_only=True)
class HourVersion:
    """An hour with bundles and how often they changed."""

    hour: str
    version: int


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """The perceptual hashes of a segment: n x 32 bytes."""

    segment_id: str
    session_id: str
    completed_ms: int
    hashes: bytes
