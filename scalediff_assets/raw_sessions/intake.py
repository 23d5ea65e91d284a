"""The rules of arrival: when a bundle is complete, and what becomes of objects that come later.

- A bundle is complete when its five files, and any other that its meta lists, are there. Meta is
  uploaded last, so it is the commit marker.
- Of several objects for one file the newest non-empty one counts; the others are superseded.
- A complete bundle is frozen and belongs to the hour of its last object for good. If a run of that
  hour was already requested, it belongs to the hour of now: closed hours stay closed.
- The first complete bundle of a session id wins, whatever wallet a later one comes under.
- What arrives for a frozen session is a duplicate (same content), re-opens the session (other
  content, and the session was rejected) or is a conflict (other content, session accepted). While
  the session is not yet judged, the object waits. A re-opened session starts from the files of its
  last revision; until it is complete again it stays rejected, and the new objects wait.
- What stays incomplete is quarantined, visibly, and picked up if the rest arrives.

Everything under one session id is settled in one transaction, and only if the catalog still holds
what was decided from; so settling can be killed, run again, or run twice at the same time.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from resources.catalog import (
    Arrival,
    BundleObject,
    BundleRecord,
    Catalog,
    ObjectRecord,
    ObjectState,
    Settlement,
)
from resources.object_store import ObjectMissingError, ObjectTooLargeError
from resources.upload_queue import partition_key
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import REQUIRED_FILES, BundleFile

ContentHash = Callable[[str], str]
ListedFiles = Callable[[str], Collection[str]]
States = dict[tuple[str, str], tuple[ObjectState, Reason | None, str | None]]
Members = dict[BundleFile, ObjectRecord]

# A transaction costs about 2 ms on a disk; this many session ids share one.
_SESSION_IDS_PER_TRANSACTION = 100


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
        now_ms: Epoch ms.
        incomplete_after_ms: Quarantine a bundle when its last object is older than this.
        final: Nothing more will come: quarantine at once.
        content_hash: SHA-256 of a stored object, by key.
        listed_files: Labels of the files that a meta object lists, by key.
    """

    now_ms: int
    incomplete_after_ms: int
    final: bool
    content_hash: ContentHash
    listed_files: ListedFiles


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
        now_ms=now_ms,
        incomplete_after_ms=incomplete_after_ms,
        final=final,
        content_hash=content_hash,
        listed_files=listed_files,
    )
    by_session_id = itertools.groupby(catalog.arrivals(), key=lambda item: item.session.session_id)
    groups = [list(group) for _, group in by_session_id]
    written: list[Settlement] = []
    for start in range(0, len(groups), _SESSION_IDS_PER_TRANSACTION):
        batch = groups[start : start + _SESSION_IDS_PER_TRANSACTION]
        decided = [settlement for group in batch for settlement in decide(step, group)]
        if decided:
            written += catalog.settle(list(itertools.chain.from_iterable(batch)), decided)
    bundles = [item.bundle for item in written if item.bundle is not None]
    return IntakeSummary(
        completed=len(bundles),
        quarantined=sum(item.status == "quarantined" for item in written),
        reopened=sum(bundle.revision > 1 for bundle in bundles),
    )


def decide(step: Settling, arrivals: Sequence[Arrival]) -> Iterator[Settlement]:
    """What becomes of the sessions under one session id, the first complete one first."""
    holder: str | None = None
    for arrival in sorted(arrivals, key=_completion):
        known = arrival if arrival.taken_by or not holder else replace(arrival, taken_by=holder)
        settlement = _decide_one(step, known)
        if settlement is None:
            continue
        if settlement.bundle is not None and settlement.bundle.reason is None:
            holder = settlement.wallet
        yield settlement


def _completion(arrival: Arrival) -> tuple[bool, int, str]:
    """Sorts by the moment at which the last required file first arrived; incomplete sessions last."""
    first_ms: dict[BundleFile, int] = {}
    for item in arrival.objects:
        first_ms[item.file] = min(item.event_ms, first_ms.get(item.file, item.event_ms))
    complete = all(file in first_ms for file in REQUIRED_FILES)
    return (
        not complete,
        max(first_ms[file] for file in REQUIRED_FILES) if complete else 0,
        arrival.session.wallet,
    )


def _decide_one(step: Settling, arrival: Arrival) -> Settlement | None:
    if arrival.bundle is not None:
        return _late(step, arrival, arrival.bundle)
    members = choose_members(arrival.objects)
    missing = missing_files(members, step.listed_files)
    if missing:
        return _incomplete(step, arrival, missing)
    return _complete(step, arrival, arrival.objects, members, revision=1)


def choose_members(objects: Sequence[ObjectRecord]) -> Members:
    """For each file its newest non-empty object; the newest empty one where all are empty."""
    return {item.file: item for item in sorted(objects, key=_newness)}


def _newness(item: ObjectRecord) -> tuple[bool, int, int, str, str]:
    return (item.size_bytes > 0, item.upload_ms or item.event_ms, item.event_ms, item.key, item.etag)


def missing_files(members: Members, listed_files: ListedFiles) -> list[str]:
    """Labels of the files that are not there: the required ones, then what the meta lists."""
    missing = [file.label for file in REQUIRED_FILES if file not in members]
    if missing:
        return missing
    try:
        listed = listed_files(members[BundleFile.META].key)
    except (ObjectMissingError, ObjectTooLargeError):
        # Complete as recorded; that the meta vanished or is huge is found, and said, when it is judged.
        return []
    return [file.label for file in BundleFile if file.label in listed and file not in members]


def _incomplete(step: Settling, arrival: Arrival, missing: list[str]) -> Settlement | None:
    if not _gave_up(step, arrival):
        return None
    session = arrival.session
    detail = _never_arrived(session.session_id, missing)
    return Settlement(
        wallet=session.wallet,
        session_id=session.session_id,
        object_states={(o.key, o.etag): ("quarantined", Reason.INCOMPLETE, detail) for o in arrival.objects},
        status="quarantined",
        reason=Reason.INCOMPLETE,
        detail=detail,
    )


def _gave_up(step: Settling, arrival: Arrival) -> bool:
    return step.final or step.now_ms - arrival.session.last_event_ms >= step.incomplete_after_ms


def _never_arrived(session_id: str, missing: list[str]) -> str:
    return f"{session_id}: {', '.join(missing)} never arrived; upload the rest to have it judged"


def _complete(
    step: Settling, arrival: Arrival, objects: Sequence[ObjectRecord], members: Members, revision: int
) -> Settlement:
    states: States = {}
    for item in objects:
        if members[item.file] == item:
            states[item.key, item.etag] = ("member", None, None)
        else:
            states[item.key, item.etag] = _superseded(item)
    bundle = _bundle(step, arrival, members, revision)
    return Settlement(
        wallet=bundle.wallet,
        session_id=bundle.session_id,
        object_states=states,
        status="collecting" if bundle.reason is None else "rejected",
        reason=bundle.reason,
        detail=bundle.detail or f"complete; waits for the run of {bundle.hour}",
        bundle=bundle,
    )


def _superseded(item: ObjectRecord) -> tuple[ObjectState, Reason | None, str | None]:
    return ("superseded", Reason.SUPERSEDED, f"{item.key}: a newer upload replaced it")


def _bundle(step: Settling, arrival: Arrival, members: Members, revision: int) -> BundleRecord:
    session, taken = arrival.session, arrival.taken_by is not None
    hour = max(item.hour for item in members.values())
    problem = (
        f"{session.session_id}: another wallet's bundle was complete first; record a session of your own"
    )
    return BundleRecord(
        wallet=session.wallet,
        session_id=session.session_id,
        revision=revision,
        hour=partition_key(step.now_ms) if hour in arrival.requested_hours else hour,
        completed_ms=max(item.event_ms for item in members.values()),
        objects={
            file: BundleObject(
                key=item.key, etag=item.etag, size_bytes=item.size_bytes, upload_ms=item.upload_ms
            )
            for file, item in members.items()
        },
        reason=Reason.SESSION_ID_TAKEN if taken else None,
        detail=problem if taken else None,
    )


def _late(step: Settling, arrival: Arrival, frozen: BundleRecord) -> Settlement | None:
    """Objects that came after the bundle was frozen."""
    session = arrival.session
    pending = [item for item in arrival.objects if item.state == "pending"]
    same = [item for item in pending if _same_content(step, item, frozen)]
    fresh = [item for item in pending if item not in same]
    states: States = {}
    for item in same:
        detail = f"{item.key}: the same content as {frozen.objects[item.file].key}"
        states[item.key, item.etag] = ("duplicate", Reason.DUPLICATE_CONTENT, detail)
    decided: Settlement | None = None
    if fresh and session.status == "rejected" and frozen.reason is None:
        decided = _reopened(step, arrival, frozen, same, fresh)
    elif fresh and session.status != "collecting":
        decided = _only_objects(arrival, {(o.key, o.etag): _conflict(arrival, o) for o in fresh})
    if decided is not None:
        return replace(decided, object_states={**decided.object_states, **states})
    return _only_objects(arrival, states) if states else None


def _reopened(
    step: Settling,
    arrival: Arrival,
    frozen: BundleRecord,
    same: list[ObjectRecord],
    fresh: list[ObjectRecord],
) -> Settlement | None:
    """A rejected session with new content: its next revision, once that is complete."""
    candidates = [item for item in arrival.objects if item not in same and item.state != "duplicate"]
    members = choose_members(candidates)
    chosen = {file: (item.key, item.etag) for file, item in members.items()}
    if chosen == {file: (item.key, item.etag) for file, item in frozen.objects.items()}:
        return _only_objects(arrival, {(o.key, o.etag): _superseded(o) for o in fresh})
    missing = missing_files(members, step.listed_files)
    if not missing:
        return _complete(step, arrival, candidates, members, frozen.revision + 1)
    if not _gave_up(step, arrival):
        return None
    detail = _never_arrived(arrival.session.session_id, missing)
    return _only_objects(
        arrival, {(o.key, o.etag): ("quarantined", Reason.INCOMPLETE, detail) for o in fresh}
    )


def _conflict(arrival: Arrival, item: ObjectRecord) -> tuple[ObjectState, Reason | None, str | None]:
    session = arrival.session
    detail = f"{item.key}: {session.session_id} is {session.status} already; its bundle stays as it was"
    return ("conflict", Reason.CONFLICTING_REUPLOAD, detail)


def _only_objects(arrival: Arrival, states: States) -> Settlement:
    session = arrival.session
    return Settlement(wallet=session.wallet, session_id=session.session_id, object_states=states)


def _same_content(step: Settling, item: ObjectRecord, frozen: BundleRecord) -> bool:
    member = frozen.objects.get(item.file)
    if member is None or member.size_bytes != item.size_bytes or member.key == item.key:
        return False
    try:
        return step.content_hash(member.key) == step.content_hash(item.key)
    except ObjectMissingError:
        return False
