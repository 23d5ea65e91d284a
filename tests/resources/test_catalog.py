"""The catalog's rows, on SQLite and on a real Postgres. The rules of arrival have their own tests."""

import pickle
import random
import threading

import polars as pl
import pytest

from resources.catalog import (
    Arrival,
    BundleObject,
    BundleRecord,
    Catalog,
    Fingerprint,
    HourVersion,
    SessionOutcome,
    Settlement,
)
from resources.catalog.records import Status
from resources.upload_queue import ObjectEvent, partition_key
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import REQUIRED_FILES, BundleFile, trace_id

T0_MS = 1_769_925_785_747
HOUR = partition_key(T0_MS)
SESSION = f"session_{T0_MS}_z9mm6j"
WALLET = "wallet-a"


@pytest.fixture
def catalog(database_url: str) -> Catalog:
    return Catalog(database_url)


def event(key: str, etag: str = "e1", ms: int = T0_MS, size_bytes: int = 10) -> ObjectEvent:
    return ObjectEvent(
        key=key, logical_key=key, size_bytes=size_bytes, etag=etag, event_ms=ms,
        hour=partition_key(ms), receipt="",
    )  # fmt: skip


def uploads(wallet: str = WALLET, session_id: str = SESSION, ms: int = T0_MS) -> list[ObjectEvent]:
    return [
        event(f"{wallet}/{ms + i}_{session_id}{file.value}", ms=ms + i)
        for i, file in enumerate(REQUIRED_FILES)
    ]


def completion(arrival: Arrival, revision: int = 1, hour: str = HOUR) -> Settlement:
    return Settlement(
        wallet=arrival.session.wallet,
        session_id=arrival.session.session_id,
        object_states={(item.key, item.etag): ("member", None, None) for item in arrival.objects},
        status="collecting",
        detail="complete",
        bundle=BundleRecord(
            wallet=arrival.session.wallet,
            session_id=arrival.session.session_id,
            revision=revision,
            hour=hour,
            completed_ms=T0_MS,
            objects={
                item.file: BundleObject(
                    key=item.key, etag=item.etag, size_bytes=item.size_bytes, upload_ms=item.upload_ms
                )
                for item in arrival.objects
            },
        ),
    )


def complete_one(catalog: Catalog, *, hour: str = HOUR, ms: int = T0_MS, session_id: str = SESSION) -> None:
    catalog.record_objects(uploads(ms=ms, session_id=session_id), ms)
    [seen] = catalog.arrivals()
    revision = 1 if seen.bundle is None else seen.bundle.revision + 1
    assert catalog.settle([seen], [completion(seen, revision, hour)])


def outcome(stage: str, status: Status, reason: Reason | None = None, revision: int = 1) -> SessionOutcome:
    return SessionOutcome(
        session_id=SESSION, wallet=WALLET, revision=revision, stage=stage,
        status=status, reason=reason, detail=f"{stage} says {status}",
    )  # fmt: skip


def session_row(catalog: Catalog) -> dict[str, object]:
    [row] = catalog.sessions().to_dicts()
    return row


# Objects


def test_a_recorded_object_waits_and_names_its_session(catalog: Catalog) -> None:
    catalog.record_objects(uploads()[:1], T0_MS + 5)
    [row] = catalog.objects_in_state("pending").to_dicts()
    assert row["wallet"] == WALLET
    assert row["session_id"] == SESSION
    assert row["file"] == BundleFile.VIDEO
    assert (row["upload_ms"], row["event_ms"], row["recorded_ms"]) == (T0_MS, T0_MS, T0_MS + 5)
    session = session_row(catalog)
    assert session["trace_id"] == trace_id(WALLET, SESSION)
    assert (session["status"], session["revision"], session["hour"]) == ("collecting", 0, None)


def test_order_repetition_and_batches_of_events_do_not_show(catalog: Catalog) -> None:
    again = [event(item.key, item.etag, item.event_ms + 3_600_000) for item in uploads()]
    events = uploads() + again + uploads("wallet-b") + [event("nonsense", ms=T0_MS + 9)]
    catalog.record_objects(events, 1)
    expected = (catalog.sessions(), catalog.objects_in_state())
    random.Random(7).shuffle(events)
    for start in range(0, len(events), 3):
        catalog.record_objects(events[start : start + 3] * 2, 1)
    assert catalog.sessions().equals(expected[0])
    assert catalog.objects_in_state().equals(expected[1])


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_the_earliest_report_of_an_object_counts(catalog: Catalog, in_one_batch: bool) -> None:
    [first, *_] = uploads()
    late = event(first.key, first.etag, first.event_ms + 3_600_000)
    if in_one_batch:
        catalog.record_objects([late, first], 1)
    else:
        catalog.record_objects([late], 1)
        catalog.record_objects([first], 2)
    [row] = catalog.objects_in_state().to_dicts()
    assert (row["event_ms"], row["hour"], row["recorded_ms"]) == (first.event_ms, HOUR, 1)
    session = session_row(catalog)
    assert (session["first_event_ms"], session["last_event_ms"]) == (first.event_ms, late.event_ms)


def test_a_key_that_names_no_session_is_visible_with_its_reason(catalog: Catalog) -> None:
    catalog.record_objects([event("../x/passwd")], T0_MS)
    [row] = catalog.objects_in_state("unrecognised").to_dicts()
    assert row["reason"] == Reason.UNRECOGNISED_KEY
    assert "the first segment is not a wallet address" in row["detail"]
    assert catalog.sessions().is_empty()
    assert catalog.arrivals() == []


@pytest.mark.parametrize("key", ["a\0b/x", "w/\ud800.webm", "w/" + "k" * 1_000, "'; DROP TABLE objects; --"])
def test_a_hostile_key_is_recorded_and_blocks_nothing(catalog: Catalog, key: str) -> None:
    catalog.record_objects([event(key), *uploads()], T0_MS)
    catalog.record_objects([event(key)], T0_MS)
    assert catalog.object_states() == {"unrecognised": 1, "pending": 5}


def test_two_versions_under_one_key_are_two_objects(catalog: Catalog) -> None:
    key = uploads()[0].key
    catalog.record_objects([event(key, "e1"), event(key, "e2")], T0_MS)
    assert catalog.known_objects(HOUR) == {(key, "e1"), (key, "e2")}
    assert catalog.known_objects("2026-02-01-23:00") == set()


def test_recording_nothing_is_fine(catalog: Catalog) -> None:
    catalog.record_objects([], T0_MS)
    assert catalog.object_states() == {}


def test_a_catalog_can_be_sent_to_another_process(catalog: Catalog) -> None:
    catalog.save("feed", "41")
    assert pickle.loads(pickle.dumps(catalog)).load("feed") == "41"


# Settling


def test_a_settlement_freezes_the_bundle_and_bumps_its_hour(catalog: Catalog) -> None:
    complete_one(catalog)
    [bundle] = catalog.bundles(HOUR)
    assert bundle == catalog.bundles_of(SESSION)[0]
    assert set(bundle.objects) == set(REQUIRED_FILES)
    assert bundle.objects[BundleFile.META].upload_ms == T0_MS + 4
    assert catalog.hour_versions() == [HourVersion(hour=HOUR, version=1)]
    assert catalog.arrivals() == []
    assert session_row(catalog)["hour"] == HOUR


def test_a_settlement_of_yesterdays_news_is_not_written(catalog: Catalog) -> None:
    catalog.record_objects(uploads(), T0_MS)
    seen = catalog.arrivals()
    catalog.record_objects([event(uploads()[0].key, "newer", T0_MS + 9)], T0_MS)
    assert catalog.settle(seen, [completion(seen[0])]) == []
    assert catalog.bundles(HOUR) == []
    assert catalog.object_states() == {"pending": 6}


def test_a_settlement_is_not_written_twice(catalog: Catalog) -> None:
    catalog.record_objects(uploads(), T0_MS)
    seen = catalog.arrivals()
    assert len(catalog.settle(seen, [completion(seen[0])])) == 1
    catalog.record_outcomes([outcome("raw_sessions", "rejected", Reason.NO_VIDEO)])
    assert catalog.settle(seen, [completion(seen[0])]) == []
    assert session_row(catalog)["status"] == "rejected"
    assert catalog.hour_versions() == [HourVersion(hour=HOUR, version=1)]


def test_news_of_one_session_id_does_not_hold_up_another(catalog: Catalog) -> None:
    other = f"session_{T0_MS}_other1"
    catalog.record_objects(uploads() + uploads(session_id=other), T0_MS)
    seen = catalog.arrivals()
    catalog.record_objects(uploads("wallet-b", other), T0_MS)
    written = catalog.settle(seen, [completion(item) for item in seen])
    assert [item.session_id for item in written] == [SESSION]


def test_of_two_settlers_at_once_one_writes(catalog: Catalog) -> None:
    catalog.record_objects(uploads(), T0_MS)
    seen = catalog.arrivals()
    barrier = threading.Barrier(4)
    written: list[Settlement] = []

    def settle() -> None:
        barrier.wait()
        written.extend(catalog.settle(seen, [completion(seen[0])]))

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 1
    assert catalog.hour_versions() == [HourVersion(hour=HOUR, version=1)]


# Outcomes


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("raw_sessions", "collecting")], "raw_sessions says collecting"),
        (
            [("raw_sessions", "collecting"), ("quality_scores", "accepted")],
            "quality_scores says accepted",
        ),
        (
            [("quality_scores", "accepted"), ("raw_sessions", "collecting")],
            "quality_scores says accepted",
        ),
        ([("quality_scores", "accepted"), ("segments", "rejected")], "segments says rejected"),
        ([("segments", "rejected"), ("segments", "collecting")], "segments says collecting"),
        ([("segments", "rejected"), ("raw_sessions", "collecting")], "segments says rejected"),
    ],
)
def test_a_refusal_counts_and_an_earlier_stage_undoes_nothing(
    catalog: Catalog, said: list[tuple[str, Status]], expected: str
) -> None:
    complete_one(catalog)
    for stage, status in said:
        catalog.record_outcomes([outcome(stage, status)])
    row = session_row(catalog)
    assert row["detail"] == expected
    assert row["stage"] == expected.partition(" ")[0]


def test_numbers_of_a_stage_stay_when_another_stage_speaks(catalog: Catalog) -> None:
    complete_one(catalog)
    aligned = SessionOutcome(
        session_id=SESSION, wallet=WALLET, revision=1, stage="aligned_sessions", status="collecting",
        reason=None, detail=None, align_method="frame_id", start_uncertainty_ms=0.5, frames=147,
    )  # fmt: skip
    catalog.record_outcomes([aligned, outcome("segments", "collecting")])
    row = session_row(catalog)
    assert (row["align_method"], row["start_uncertainty_ms"], row["frames"]) == ("frame_id", 0.5, 147)
    assert row["segments"] is None


def test_an_outcome_of_another_revision_or_wallet_changes_nothing(catalog: Catalog) -> None:
    complete_one(catalog)
    before = session_row(catalog)
    foreign = SessionOutcome(
        session_id=SESSION, wallet="wallet-b", revision=1, stage="segments", status="rejected",
        reason=Reason.NO_VIDEO, detail="x",
    )  # fmt: skip
    catalog.record_outcomes([outcome("segments", "rejected", Reason.NO_VIDEO, revision=2), foreign])
    assert session_row(catalog) == before


def test_a_new_revision_forgets_what_was_said_of_the_last_one(catalog: Catalog) -> None:
    complete_one(catalog)
    catalog.record_outcomes([outcome("segments", "rejected", Reason.DECODE_FAILED)])
    complete_one(catalog, ms=T0_MS + 100)
    row = session_row(catalog)
    assert (row["revision"], row["status"], row["reason"], row["stage"]) == (2, "collecting", None, None)


# Hours


def test_an_hour_waits_until_its_newest_version_is_requested(catalog: Catalog) -> None:
    complete_one(catalog)
    catalog.mark_requested(HOUR, 1)
    assert catalog.hour_versions() == []
    complete_one(catalog, session_id=f"session_{T0_MS}_second")
    assert catalog.hour_versions() == [HourVersion(hour=HOUR, version=2)]
    catalog.mark_requested(HOUR, 2)
    catalog.mark_requested(HOUR, 1)
    assert catalog.hour_versions() == []


def test_an_arrival_knows_which_of_its_hours_were_requested(catalog: Catalog) -> None:
    complete_one(catalog)
    catalog.record_objects(uploads(session_id=f"session_{T0_MS}_second"), T0_MS)
    assert catalog.arrivals()[0].requested_hours == frozenset()
    catalog.mark_requested(HOUR, 1)
    assert catalog.arrivals()[0].requested_hours == {HOUR}


def test_quarantined_sessions_are_found_by_the_hour_of_their_last_object(catalog: Catalog) -> None:
    next_ms = T0_MS + 3_600_000
    first, second, *_ = uploads()
    catalog.record_objects([first, event(second.key, ms=next_ms)], T0_MS)
    seen = catalog.arrivals()
    given_up = Settlement(
        wallet=WALLET, session_id=SESSION, object_states={}, status="quarantined",
        reason=Reason.INCOMPLETE, detail="meta never arrived",
    )  # fmt: skip
    catalog.settle(seen, [given_up])
    assert catalog.quarantined(HOUR).is_empty()
    assert catalog.quarantined(partition_key(next_ms))["detail"].to_list() == ["meta never arrived"]


# Fingerprints and positions


def fingerprint(segment: int, session_id: str = SESSION) -> Fingerprint:
    return Fingerprint(
        segment_id=f"{session_id}_{segment:03d}", session_id=session_id, completed_ms=T0_MS,
        hashes=bytes([segment, 0]) * 32,
    )  # fmt: skip


def test_fingerprints_of_a_session_are_replaced_as_a_whole(catalog: Catalog) -> None:
    other = fingerprint(1, "session_1769925785000_other1")
    catalog.save_fingerprints(HOUR, [other.session_id], [other])
    catalog.save_fingerprints(HOUR, [SESSION], [fingerprint(1), fingerprint(2)])
    catalog.save_fingerprints(HOUR, [SESSION], [fingerprint(2)])
    assert catalog.fingerprints(HOUR, HOUR) == [other, fingerprint(2)]
    catalog.save_fingerprints(HOUR, [SESSION], [])
    assert catalog.fingerprints(HOUR, HOUR) == [other]


def test_fingerprints_are_found_by_a_closed_range_of_hours(catalog: Catalog) -> None:
    hours = ["2026-01-31-23:00", "2026-02-01-00:00", "2026-02-01-01:00"]
    for i, hour in enumerate(hours):
        catalog.save_fingerprints(hour, [f"s{i}"], [fingerprint(i, f"s{i}")])
    assert [f.session_id for f in catalog.fingerprints(hours[0], hours[1])] == ["s0", "s1"]
    assert catalog.fingerprints("2026-02-01-02:00", "2026-02-09-00:00") == []


def test_a_position_is_kept_per_feed(catalog: Catalog) -> None:
    assert catalog.load("listing") is None
    catalog.save("listing", "a")
    catalog.save("queue", "b")
    catalog.save("listing", "c")
    assert (catalog.load("listing"), catalog.load("queue")) == ("c", "b")


def test_an_empty_catalog_has_typed_frames(catalog: Catalog) -> None:
    frame = catalog.sessions()
    assert frame.is_empty()
    assert frame.schema["start_uncertainty_ms"] == pl.Float64
    assert frame.schema["last_event_ms"] == pl.Int64
