"""The rules of arrival: when a bundle is complete, and what becomes of objects that come later.

- A bundle is complete when its five files, and any other that its meta lists, are there. Meta is
  uploaded last, so it is the commit marker.
- Of several objects for one file the newest non-empty one counts; the others are superseded.
- A complete bundle is frozen and belongs to the hour of its last object for good. If a run of that
  hour was already requested, it belongs to the hour of now: closed hours stay closed.
- The first complete bundle of a session id wins, whatever wallet a later one comes under.
- What arrives for a frozen session is a duplicate (same content), re-opens the session (other
  content, and the session was rejected) or is a conflict (other content, session accepted). While
  the session is not yet judged, the object waits.
- What stays incomplete is quarantined, visibly, and picked up if the rest arrives.

Each session is settled in one transaction of its own, so settling can be killed and run again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from resources.catalog import (
    BundleObject,
    BundleRecord,
    Catalog,
    ObjectRecord,
    ObjectState,
    SessionRecord,
    Settlement,
)
from resources.object_store import ObjectMissingError
from resources.upload_queue import partition_key
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import REQUIRED_FILES, BundleFile

ContentHash = Callable[[str], str]
ListedFiles = Callable[[str], Collection[str]]


@dataclass(frozen=True, kw_only=True)
class IntakeSummary:
    """How many sessions a settling step completed, quarantined or re-opened."""

    completed: int = 0
    quarantined: int = 0
    reopened: int = 0


@dataclass(frozen=True, kw_only=True)
class Settling:
    """The knobs and connections of one settling step.

    Attributes:
        catalog: Where objects, sessions and bundles are.
        now_ms: Epoch ms.
        incomplete_after_ms: Quarantine a bundle when its last object is older than this.
        final: Nothing more will come: quarantine at once.
        content_hash: SHA-256 of a stored object, by key.
        listed_files: Labels of the files that a meta object lists, by key.
    """

    catalog: Catalog
    now_ms: int
    incomplete_after_ms: int
    final: bool
    content_hash: ContentHash
    listed_files: ListedFiles


States = dict[tuple[str, str], tuple[ObjectState, Reason | None, str | None]]


def settle(
    catalog: Catalog,
    *,
    now_ms: int,
    incomplete_after_ms: int,
    final: bool,
    content_hash: ContentHash,
    listed_files: ListedFiles,
) -> IntakeSummary:
    """Settle every session that has pending objects."""
    step = Settling(
        catalog=catalog,
        now_ms=now_ms,
        incomplete_after_ms=incomplete_after_ms,
        final=final,
        content_hash=content_hash,
        listed_files=listed_files,
    )
    completed = quarantined = reopened = 0
    for session in catalog.unsettled():
        settlement = decide(step, session)
        if settlement is None:
            continue
        catalog.settle(settlement)
        completed += settlement.bundle is not None
        reopened += settlement.bundle is not None and settlement.bundle.revision > 1
        quarantined += settlement.status == "quarantined"
    return IntakeSummary(completed=completed, quarantined=quarantined, reopened=reopened)


def decide(step: Settling, session: SessionRecord) -> Settlement | None:
    """What becomes of one session now; None while nothing can be decided."""
    objects = step.catalog.objects_of(session.wallet, session.session_id)
    frozen = [b for b in step.catalog.bundles_of(session.session_id) if b.wallet == session.wallet]
    if frozen:
        return _late(step, session, objects, frozen[-1])
    members = choose_members(objects)
    missing = missing_files(members, step.listed_files)
    if missing:
        return _incomplete(step, session, objects, missing)
    return _complete(step, session, objects, members, revision=1)


def choose_members(objects: list[ObjectRecord]) -> dict[BundleFile, ObjectRecord]:
    """For each file its newest non-empty object; the newest empty one where all are empty."""
    chosen: dict[BundleFile, ObjectRecord] = {}
    for item in sorted(objects, key=_newness):
        chosen[item.file] = item
    return chosen


def _newness(item: ObjectRecord) -> tuple[bool, int, int, str, str]:
    return (item.size_bytes > 0, item.upload_ms or item.event_ms, item.event_ms, item.key, item.etag)


def missing_files(members: dict[BundleFile, ObjectRecord], listed_files: ListedFiles) -> list[str]:
    """Labels of the files that are not there: the required ones, then what the meta lists."""
    missing = [file.label for file in REQUIRED_FILES if file not in members]
    if missing:
        return missing
    try:
        listed = listed_files(members[BundleFile.META].key)
    except ObjectMissingError:
        # Complete as recorded; that the object vanished since then is found when it is read.
        return []
    return [file.label for file in BundleFile if file.label in listed and file not in members]


def _incomplete(
    step: Settling, session: SessionRecord, objects: list[ObjectRecord], missing: list[str]
) -> Settlement | None:
    waits = step.now_ms - session.last_event_ms < step.incomplete_after_ms
    if waits and not step.final:
        return None
    detail = f"{session.session_id}: {', '.join(missing)} never arrived; upload the rest to have it judged"
    return Settlement(
        wallet=session.wallet,
        session_id=session.session_id,
        object_states={(o.key, o.etag): ("quarantined", Reason.INCOMPLETE, detail) for o in objects},
        status="quarantined",
        reason=Reason.INCOMPLETE,
        detail=detail,
    )


def _complete(
    step: Settling,
    session: SessionRecord,
    objects: list[ObjectRecord],
    members: dict[BundleFile, ObjectRecord],
    revision: int,
) -> Settlement:
    states: States = {}
    for item in objects:
        if members[item.file] == item:
            states[item.key, item.etag] = ("member", None, None)
        else:
            detail = f"{item.key}: a newer upload replaced it"
            states[item.key, item.etag] = ("superseded", Reason.SUPERSEDED, detail)
    bundle = _bundle(step, session, members, revision)
    return Settlement(
        wallet=session.wallet,
        session_id=session.session_id,
        object_states=states,
        status="collecting" if bundle.reason is None else "rejected",
        reason=bundle.reason,
        detail=bundle.detail or f"complete; waits for the run of {bundle.hour}",
        bundle=bundle,
    )


def _bundle(
    step: Settling, session: SessionRecord, members: dict[BundleFile, ObjectRecord], revision: int
) -> BundleRecord:
    hour = max(item.hour for item in members.values())
    others = [b for b in step.catalog.bundles_of(session.session_id) if b.wallet != session.wallet]
    taken = f"{session.session_id}: another wallet's bundle was complete first; record a session of your own"
    return BundleRecord(
        wallet=session.wallet,
        session_id=session.session_id,
        revision=revision,
        hour=partition_key(step.now_ms) if step.catalog.is_requested(hour) else hour,
        completed_ms=max(item.event_ms for item in members.values()),
        objects={
            file: BundleObject(
                key=item.key, etag=item.etag, size_bytes=item.size_bytes, upload_ms=item.upload_ms
            )
            for file, item in members.items()
        },
        reason=Reason.SESSION_ID_TAKEN if others else None,
        detail=taken if others else None,
    )


def _late(
    step: Settling, session: SessionRecord, objects: list[ObjectRecord], frozen: BundleRecord
) -> Settlement | None:
    """Objects that came after the bundle was frozen."""
    pending = [item for item in objects if item.state == "pending"]
    same = [item for item in pending if _same_content(step, item, frozen)]
    fresh = [item for item in pending if item not in same]
    states: States = {}
    for item in same:
        detail = f"{item.key}: the same content as {frozen.objects[item.file].key}"
        states[item.key, item.etag] = ("duplicate", Reason.DUPLICATE_CONTENT, detail)
    if fresh and session.status == "rejected" and frozen.reason is None:
        candidates = [item for item in objects if item not in same and item.state != "duplicate"]
        members = choose_members(candidates)
        if any((members[f].key, members[f].etag) != (o.key, o.etag) for f, o in frozen.objects.items()):
            settlement = _complete(step, session, candidates, members, frozen.revision + 1)
            return replace(settlement, object_states={**settlement.object_states, **states})
    if session.status != "collecting":
        for item in fresh:
            detail = (
                f"{item.key}: {session.session_id} is {session.status} already; its bundle stays as it was"
            )
            states[item.key, item.etag] = ("conflict", Reason.CONFLICTING_REUPLOAD, detail)
    if not states:
        return None
    return Settlement(wallet=session.wallet, session_id=session.session_id, object_states=states)


def _same_content(step: Settling, item: ObjectRecord, frozen: BundleRecord) -> bool:
    member = frozen.objects.get(item.file)
    if member is None or member.size_bytes != item.size_bytes or member.key == item.key:
        return False
    try:
        return step.content_hash(member.key) == step.content_hash(item.key)
    except ObjectMissingError:
        return False
