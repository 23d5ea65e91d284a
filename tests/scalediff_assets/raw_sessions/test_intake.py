"""The rules of arrival, each by what the catalog shows after settling."""

from dataclasses import dataclass, field

import pytest

from resources.catalog import BundleRecord, Catalog, SessionOutcome
from resources.catalog.records import Status
from resources.object_store import ObjectMissingError, ObjectTooLargeError
from resources.upload_queue import ObjectEvent, partition_key
from scalediff_assets.raw_sessions.intake import IntakeSummary, settle
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import REQUIRED_FILES, BundleFile

T0_MS = 1_769_925_785_747
HOUR_MS = 3_600_000
HOUR = partition_key(T0_MS)
NEXT_HOUR = partition_key(T0_MS + HOUR_MS)
SESSION = f"session_{T0_MS}_z9mm6j"
WAIT_MS = 30 * 60 * 1000
FIVE = tuple(REQUIRED_FILES)


@dataclass
class Platform:
    """A catalog and a store that is a dict: what was uploaded, and what meta lists."""

    catalog: Catalog
    contents: dict[str, bytes] = field(default_factory=dict)
    listed: tuple[str, ...] = ()
    unreadable: Exception | None = None

    def upload(
        self, file: BundleFile, content: bytes = b"x", *, ms: int = T0_MS, wallet: str = "a",
        upload_ms: int | None = None,
    ) -> str:  # fmt: skip
        key = f"{wallet}/{upload_ms or ms}_{SESSION}{file.value}"
        self.contents[key] = content
        self.record(key, len(content), ms, etag=str(hash(content)))
        return key

    def upload_all(self, *, ms: int = T0_MS, wallet: str = "a") -> None:
        for i, file in enumerate(FIVE):
            self.upload(file, ms=ms + i, wallet=wallet)

    def record(self, key: str, size_bytes: int, ms: int, etag: str) -> None:
        found = ObjectEvent(
            key=key, logical_key=key, size_bytes=size_bytes, etag=etag, event_ms=ms,
            hour=partition_key(ms), receipt="",
        )  # fmt: skip
        self.catalog.record_objects([found], ms)

    def settle(self, now_ms: int = T0_MS + 60_000, *, final: bool = False) -> IntakeSummary:
        return settle(
            self.catalog, now_ms=now_ms, incomplete_after_ms=WAIT_MS, final=final,
            content_hash=self.content_hash, listed_files=self.listed_files,
        )  # fmt: skip

    def content_hash(self, key: str) -> str:
        if key not in self.contents:
            raise ObjectMissingError("memory://raw", key, "there is no such object")
        return self.contents[key].hex()

    def listed_files(self, key: str) -> tuple[str, ...]:
        if self.unreadable is not None:
            raise self.unreadable
        return self.listed

    def judge(self, status: Status, *, wallet: str = "a", revision: int = 1) -> None:
        reason = Reason.NO_VIDEO if status == "rejected" else None
        self.catalog.record_outcomes(
            [
                SessionOutcome(
                    session_id=SESSION, wallet=wallet, revision=revision, stage="quality_scores",
                    status=status, reason=reason, detail="judged",
                )
            ]
        )  # fmt: skip

    def session(self, wallet: str = "a") -> dict[str, object]:
        [row] = [row for row in self.catalog.sessions().to_dicts() if row["wallet"] == wallet]
        return row

    def bundles(self) -> list[tuple[str, int, Reason | None]]:
        return [(b.wallet, b.revision, b.reason) for b in self.catalog.bundles_of(SESSION)]

    def bundle(self) -> BundleRecord:
        return self.catalog.bundles_of(SESSION)[-1]

    def state(self, key: str) -> tuple[str, str | None]:
        [row] = [row for row in self.catalog.objects_in_state().to_dicts() if row["key"] == key]
        return row["state"], row["reason"]


@pytest.fixture
def platform(database_url: str) -> Platform:
    return Platform(Catalog(database_url))


# Completeness


def test_five_files_are_a_bundle(platform: Platform) -> None:
    platform.upload_all()
    assert platform.settle() == IntakeSummary(completed=1)
    assert platform.bundles() == [("a", 1, None)]
    assert platform.bundle().completed_ms == T0_MS + 4
    assert platform.bundle().hour == HOUR
    assert platform.catalog.object_states() == {"member": 5}
    assert platform.session()["detail"] == f"complete; waits for the run of {HOUR}"
    assert platform.settle() == IntakeSummary()


@pytest.mark.parametrize("absent", FIVE)
def test_four_files_wait(platform: Platform, absent: BundleFile) -> None:
    for file in FIVE:
        if file != absent:
            platform.upload(file)
    assert platform.settle() == IntakeSummary()
    assert platform.session()["status"] == "collecting"
    assert platform.catalog.object_states() == {"pending": 4}


def test_a_file_that_meta_lists_is_waited_for(platform: Platform) -> None:
    platform.listed = ("video", "source_video")
    platform.upload_all()
    assert platform.settle() == IntakeSummary()
    platform.upload(BundleFile.SOURCE_VIDEO)
    assert platform.settle().completed == 1
    assert set(platform.bundle().objects) == {*FIVE, BundleFile.SOURCE_VIDEO}


@pytest.mark.parametrize(
    "problem",
    [
        ObjectMissingError("memory://raw", "k", "there is no such object"),
        ObjectTooLargeError("memory://raw", "k", "9 bytes (limit 5)"),
    ],
)
def test_a_meta_that_cannot_be_read_goes_on_to_be_judged(platform: Platform, problem: Exception) -> None:
    platform.unreadable = problem
    platform.upload_all()
    assert platform.settle().completed == 1


def test_an_unparsable_key_is_visible_at_once(platform: Platform) -> None:
    platform.record("a/readme.txt", 3, T0_MS, "e")
    platform.settle()
    assert platform.state("a/readme.txt") == ("unrecognised", Reason.UNRECOGNISED_KEY)


# Which object counts


def test_the_newest_upload_of_a_file_counts(platform: Platform) -> None:
    newer = platform.upload(BundleFile.VIDEO, b"new", ms=T0_MS, upload_ms=T0_MS + 500)
    older = platform.upload(BundleFile.VIDEO, b"old", ms=T0_MS + 1, upload_ms=T0_MS + 400)
    for file in FIVE[1:]:
        platform.upload(file)
    platform.settle()
    assert platform.bundle().objects[BundleFile.VIDEO].key == newer
    assert platform.state(older) == ("superseded", Reason.SUPERSEDED)


def test_a_newer_empty_video_does_not_replace_a_full_one(platform: Platform) -> None:
    full = platform.upload(BundleFile.VIDEO, b"video", ms=T0_MS)
    empty = platform.upload(BundleFile.VIDEO, b"", ms=T0_MS + 9)
    for file in FIVE[1:]:
        platform.upload(file)
    platform.settle()
    assert platform.bundle().objects[BundleFile.VIDEO].key == full
    assert platform.state(empty)[0] == "superseded"


def test_an_empty_video_completes_a_bundle_to_be_rejected_later(platform: Platform) -> None:
    for file in FIVE:
        platform.upload(file, b"" if file == BundleFile.VIDEO else b"x")
    assert platform.settle().completed == 1
    assert platform.bundle().objects[BundleFile.VIDEO].size_bytes == 0
    assert platform.bundle().reason is None


# Hours


def test_a_bundle_belongs_to_the_hour_of_its_last_object(platform: Platform) -> None:
    for file in FIVE[:-1]:
        platform.upload(file, ms=T0_MS)
    platform.upload(BundleFile.META, ms=T0_MS + HOUR_MS)
    platform.settle(T0_MS + 5 * HOUR_MS)
    assert platform.bundle().hour == NEXT_HOUR


def test_a_late_bundle_of_a_requested_hour_belongs_to_the_hour_of_now(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.catalog.mark_requested(HOUR, 1)
    late_ms = T0_MS + 5 * HOUR_MS
    for i, file in enumerate(FIVE):
        key = f"a/{T0_MS + i}_session_{T0_MS}_late01{file.value}"
        platform.record(key, 1, T0_MS + i, "e")
    platform.settle(late_ms)
    assert [b.hour for b in platform.catalog.bundles_of(f"session_{T0_MS}_late01")] == [
        partition_key(late_ms)
    ]
    assert [item.hour for item in platform.catalog.hour_versions()] == [partition_key(late_ms)]


# One session id, two wallets


def test_a_session_id_that_is_taken_is_refused(platform: Platform) -> None:
    platform.upload_all(wallet="a")
    platform.settle()
    platform.upload_all(wallet="b", ms=T0_MS + 100)
    assert platform.settle().completed == 1
    assert platform.bundles() == [("a", 1, None), ("b", 1, Reason.SESSION_ID_TAKEN)]
    assert platform.session("b")["status"] == "rejected"
    assert platform.session("b")["reason"] == Reason.SESSION_ID_TAKEN
    assert platform.session("a")["status"] == "collecting"


def test_of_two_bundles_in_one_step_the_first_complete_one_wins(platform: Platform) -> None:
    platform.upload_all(wallet="b", ms=T0_MS)
    platform.upload_all(wallet="a", ms=T0_MS + 100)
    # Sending a file again does not cost the owner the id.
    platform.upload(BundleFile.VIDEO, b"again", wallet="b", ms=T0_MS + 200)
    platform.settle()
    assert platform.bundles() == [("a", 1, Reason.SESSION_ID_TAKEN), ("b", 1, None)]


def test_a_reopened_session_keeps_its_id_against_a_thief(platform: Platform) -> None:
    platform.upload_all(wallet="a")
    platform.settle()
    platform.upload_all(wallet="b", ms=T0_MS + 100)
    platform.settle()
    platform.judge("rejected")
    platform.upload(BundleFile.VIDEO, b"new", ms=T0_MS + 200)
    platform.settle()
    assert platform.bundles() == [("a", 1, None), ("a", 2, None), ("b", 1, Reason.SESSION_ID_TAKEN)]


def test_a_thief_cannot_reopen_its_refused_session(platform: Platform) -> None:
    platform.upload_all(wallet="a")
    platform.settle()
    platform.upload_all(wallet="b", ms=T0_MS + 100)
    platform.settle()
    late = platform.upload(BundleFile.VIDEO, b"new", wallet="b", ms=T0_MS + 200)
    platform.settle()
    assert platform.state(late) == ("conflict", Reason.CONFLICTING_REUPLOAD)
    assert len(platform.bundles()) == 2


# Objects of a frozen session


@pytest.mark.parametrize("status", ["collecting", "accepted", "rejected"])
def test_the_same_bundle_under_other_keys_is_a_duplicate(platform: Platform, status: Status) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge(status)
    platform.upload_all(ms=T0_MS + 1_000)
    assert platform.settle() == IntakeSummary()
    assert platform.catalog.object_states() == {"member": 5, "duplicate": 5}
    assert platform.bundles() == [("a", 1, None)]
    assert platform.session()["status"] == status


def test_other_content_waits_while_the_session_is_not_judged(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    late = platform.upload(BundleFile.VIDEO, b"other", ms=T0_MS + 100)
    platform.settle(final=True)
    assert platform.state(late) == ("pending", None)
    assert platform.session()["status"] == "collecting"


def test_other_content_for_an_accepted_session_is_a_conflict(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge("accepted")
    before = (platform.bundle(), platform.session()["status"])
    late = platform.upload(BundleFile.VIDEO, b"other", ms=T0_MS + 100)
    platform.settle()
    assert platform.state(late) == ("conflict", Reason.CONFLICTING_REUPLOAD)
    assert (platform.bundle(), platform.session()["status"]) == before


def test_other_content_reopens_a_rejected_session(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge("rejected")
    [old] = [o.key for f, o in platform.bundle().objects.items() if f == BundleFile.VIDEO]
    late = platform.upload(BundleFile.VIDEO, b"other", ms=T0_MS + HOUR_MS)
    assert platform.settle(T0_MS + 2 * HOUR_MS) == IntakeSummary(completed=1, reopened=1)
    assert platform.bundles() == [("a", 1, None), ("a", 2, None)]
    assert platform.bundle().objects[BundleFile.VIDEO].key == late
    assert platform.bundle().hour == NEXT_HOUR
    assert (platform.session()["status"], platform.session()["reason"]) == ("collecting", None)
    assert platform.state(old)[0] == "superseded"
    assert platform.state(late)[0] == "member"


def test_an_older_or_empty_upload_does_not_reopen_a_rejected_session(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge("rejected")
    older = platform.upload(BundleFile.VIDEO, b"older", ms=T0_MS + 100, upload_ms=T0_MS - 100)
    empty = platform.upload(BundleFile.META, b"", ms=T0_MS + 101)
    platform.settle()
    assert [platform.state(key)[0] for key in (older, empty)] == ["superseded", "superseded"]
    assert len(platform.bundles()) == 1


def test_a_reopened_session_waits_for_what_its_new_meta_lists(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge("rejected")
    platform.listed = ("source_video",)
    meta = platform.upload(BundleFile.META, b"new", ms=T0_MS + 100)
    assert platform.settle() == IntakeSummary()
    assert platform.state(meta)[0] == "pending"
    platform.settle(final=True)
    assert platform.state(meta) == ("quarantined", Reason.INCOMPLETE)
    assert (platform.session()["status"], platform.session()["reason"]) == ("rejected", Reason.NO_VIDEO)
    source = platform.upload(BundleFile.SOURCE_VIDEO, ms=T0_MS + 200)
    assert platform.settle().reopened == 1
    assert {platform.state(key)[0] for key in (meta, source)} == {"member"}


def test_a_file_overwritten_under_its_own_key_is_other_content(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge("accepted")
    key = platform.bundle().objects[BundleFile.VIDEO].key
    platform.contents[key] = b"y"
    platform.record(key, 1, T0_MS + 50, "overwritten")
    platform.settle()
    rows = platform.catalog.objects_in_state("conflict").to_dicts()
    assert [(row["key"], row["etag"]) for row in rows] == [(key, "overwritten")]


def test_an_object_that_vanished_is_no_duplicate(platform: Platform) -> None:
    platform.upload_all()
    platform.settle()
    platform.judge("accepted")
    late = platform.upload(BundleFile.VIDEO, ms=T0_MS + 100)
    del platform.contents[late]
    platform.settle()
    assert platform.state(late)[0] == "conflict"


# Quarantine


def test_what_stays_incomplete_is_quarantined_with_the_names_of_what_is_missing(platform: Platform) -> None:
    platform.upload(BundleFile.VIDEO)
    platform.upload(BundleFile.INPUTS)
    assert platform.settle(T0_MS + WAIT_MS - 1) == IntakeSummary()
    assert platform.settle(T0_MS + WAIT_MS) == IntakeSummary(quarantined=1)
    row = platform.session()
    assert (row["status"], row["reason"]) == ("quarantined", Reason.INCOMPLETE)
    assert "camera, latency, meta never arrived" in str(row["detail"])
    assert platform.catalog.object_states() == {"quarantined": 2}
    assert platform.catalog.quarantined(HOUR)["session_id"].to_list() == [SESSION]


def test_nothing_waits_when_nothing_more_will_come(platform: Platform) -> None:
    platform.upload(BundleFile.META)
    assert platform.settle(T0_MS, final=True) == IntakeSummary(quarantined=1)


def test_a_quarantined_session_is_picked_up_when_the_rest_arrives(platform: Platform) -> None:
    platform.upload(BundleFile.VIDEO)
    platform.settle(T0_MS + WAIT_MS)
    for file in FIVE[1:]:
        platform.upload(file, ms=T0_MS + HOUR_MS)
    assert platform.settle(T0_MS + HOUR_MS) == IntakeSummary(completed=1)
    assert platform.catalog.object_states() == {"member": 5}
    assert (platform.session()["status"], platform.session()["reason"]) == ("collecting", None)
    assert platform.bundle().hour == NEXT_HOUR


def test_one_more_file_gives_a_quarantined_session_new_time(platform: Platform) -> None:
    platform.upload(BundleFile.VIDEO)
    platform.settle(T0_MS + WAIT_MS)
    platform.upload(BundleFile.META, ms=T0_MS + HOUR_MS)
    assert platform.settle(T0_MS + HOUR_MS) == IntakeSummary()
    assert platform.settle(T0_MS + HOUR_MS + WAIT_MS).quarantined == 1
    assert "inputs, camera, latency never arrived" in str(platform.session()["detail"])
