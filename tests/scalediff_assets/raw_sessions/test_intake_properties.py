"""What holds of arrival for every set of uploads, in every order."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.catalog import BundleRecord, Catalog, SessionOutcome
from resources.catalog.records import Status
from resources.database import open_database
from resources.upload_queue import ObjectEvent, partition_key
from scalediff_assets.raw_sessions.intake import settle
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile

T0_MS = 1_769_925_785_747
HOUR_MS = 3_600_000
IDS = (f"session_{T0_MS}_aaaaaa", f"session_{T0_MS}_bbbbbb")
# Ten minutes apart, so that a session's objects fall into one hour or two.
MOMENTS_MS = tuple(T0_MS + 600_000 * i for i in range(8))

pytestmark = pytest.mark.slow


@st.composite
def event(draw: st.DrawFn) -> ObjectEvent:
    upload_ms, session_id = draw(st.sampled_from(MOMENTS_MS)), draw(st.sampled_from(IDS))
    file, size_bytes = draw(st.sampled_from(list(BundleFile))), draw(st.sampled_from([0, 1, 1, 2]))
    prefix = draw(st.sampled_from([f"{upload_ms}_", ""]))
    key = draw(st.sampled_from(["a", "b"])) + f"/{prefix}{session_id}{file.value}"
    return _event(key, draw(st.sampled_from(MOMENTS_MS)), size_bytes)


def whole_bundle(wallet: str, session_id: str, ms: int, size_bytes: int) -> list[ObjectEvent]:
    files = [file for file in BundleFile if file != BundleFile.SOURCE_VIDEO]
    return [
        _event(f"{wallet}/{ms + i}_{session_id}{f.value}", ms + i, size_bytes) for i, f in enumerate(files)
    ]


def _event(key: str, ms: int, size_bytes: int) -> ObjectEvent:
    return ObjectEvent(
        key=key, logical_key=key, size_bytes=size_bytes, etag=f"e{size_bytes}", event_ms=ms,
        hour=partition_key(ms), receipt="",
    )  # fmt: skip


bundle_events = st.builds(
    whole_bundle,
    st.sampled_from(["a", "b"]), st.sampled_from(IDS), st.sampled_from(MOMENTS_MS), st.sampled_from([1, 2]),
)  # fmt: skip
event_sets = st.builds(
    lambda bundles, extra, odd: [*itertools.chain.from_iterable(bundles), *extra, *odd],
    st.lists(bundle_events, min_size=1, max_size=3),
    st.lists(event(), max_size=8),
    st.lists(st.sampled_from([_event(key, T0_MS, 1) for key in ("x", "a/b/c", "a/readme")]), max_size=1),
)  # fmt: skip
judgements = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(IDS)), st.sampled_from(["accepted", "rejected"])
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def fresh_catalog(template: Path) -> Iterator[Catalog]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{shutil.copy(template, Path(folder) / 'catalog.db')}"
        try:
            yield Catalog(url)
        finally:
            open_database(url).dispose()


def settle_all(catalog: Catalog, now_ms: int, *, final: bool) -> None:
    # Two objects have the same content when they have the same file and size, which the key hides.
    sizes = dict(catalog.objects_in_state().select("key", "size_bytes").iter_rows())
    settle(
        catalog, now_ms=now_ms, incomplete_after_ms=HOUR_MS, final=final,
        content_hash=lambda key: str(sizes[key]), listed_files=lambda _key: (),
    )  # fmt: skip


def everything(catalog: Catalog) -> tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]]:
    objects = catalog.objects_in_state().drop("recorded_ms")
    return catalog.sessions(), objects, [b for session_id in IDS for b in catalog.bundles_of(session_id)]


@given(events=event_sets, data=st.data())
@quick
def test_order_repetition_and_batches_of_uploads_do_not_show(
    sqlite_template: Path, events: list[ObjectEvent], data: st.DataObject
) -> None:
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=5))
    shuffled = data.draw(st.permutations(repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    with fresh_catalog(sqlite_template) as once, fresh_catalog(sqlite_template) as otherwise:
        once.record_objects(events, 1)
        settle_all(once, T0_MS, final=True)
        for low, high in itertools.pairwise([0, *cuts, len(shuffled)]):
            otherwise.record_objects(shuffled[low:high], 2 + low)
        settle_all(otherwise, T0_MS, final=True)
        expected, found = everything(once), everything(otherwise)
    assert found[0].equals(expected[0])
    assert found[1].equals(expected[1])
    assert found[2] == expected[2]


@given(batches=st.lists(st.tuples(event_sets, judgements, st.booleans()), min_size=1, max_size=4))
@quick
def test_whatever_arrives_and_is_judged_in_between_every_rule_holds(
    sqlite_template: Path, batches: list[tuple[list[ObjectEvent], dict[tuple[str, str], Status], bool]]
) -> None:
    with fresh_catalog(sqlite_template) as catalog:
        frozen: list[BundleRecord] = []
        closed: set[str] = set()
        now_ms = T0_MS + 2 * HOUR_MS
        for events, verdicts, run_hours in batches:
            catalog.record_objects(events, now_ms)
            if run_hours:
                closed |= request(catalog)
            settle_all(catalog, now_ms, final=False)
            now = everything(catalog)[2]
            assert all(bundle in now for bundle in frozen), "a frozen bundle changed"
            new = [bundle for bundle in now if bundle not in frozen]
            assert closed.isdisjoint(bundle.hour for bundle in new), "a closed hour was opened"
            frozen = now
            judge(catalog, verdicts)
            now_ms += HOUR_MS
        judge(catalog, {(row["wallet"], row["session_id"]): "accepted" for row in undecided(catalog)})
        settle_all(catalog, now_ms, final=True)
        judge(catalog, {(row["wallet"], row["session_id"]): "accepted" for row in undecided(catalog)})
        settle_all(catalog, now_ms, final=True)
        assert_settled(catalog)


def request(catalog: Catalog) -> set[str]:
    waiting = catalog.hour_versions()
    for item in waiting:
        catalog.mark_requested(item.hour, item.version)
    return {item.hour for item in waiting}


def undecided(catalog: Catalog) -> list[dict[str, Any]]:
    return catalog.sessions().filter(pl.col("status") == "collecting").to_dicts()


def judge(catalog: Catalog, verdicts: dict[tuple[str, str], Status]) -> None:
    refused = {(b.wallet, b.session_id, b.revision) for b in everything(catalog)[2] if b.reason}
    for row in catalog.sessions().filter(pl.col("revision") > 0).to_dicts():
        key = (row["wallet"], row["session_id"])
        if key in verdicts and (*key, row["revision"]) not in refused:
            catalog.record_outcomes([outcome(*key, row["revision"], verdicts[key])])


def outcome(wallet: str, session_id: str, revision: int, status: Status) -> SessionOutcome:
    return SessionOutcome(
        session_id=session_id, wallet=wallet, revision=revision, stage="quality_scores", status=status,
        reason=Reason.NO_VIDEO if status == "rejected" else None, detail=None,
    )  # fmt: skip


def assert_settled(catalog: Catalog) -> None:
    sessions, objects, bundles = everything(catalog)
    assert "pending" not in objects["state"].to_list(), "an object has no final state"
    assert objects.filter(pl.col("state") != "member")["reason"].null_count() == 0
    assert objects.filter(pl.col("state") != "member")["detail"].null_count() == 0
    for session_id in IDS:
        holders = {b.wallet for b in bundles if b.session_id == session_id and b.reason is None}
        assert len(holders) <= 1, "two wallets hold one session id"
    latest = {(b.wallet, b.session_id): b for b in bundles}
    members = objects.filter(pl.col("state") == "member").select("key", "etag").rows()
    assert sorted(members) == sorted((o.key, o.etag) for b in latest.values() for o in b.objects.values())
    for row in sessions.to_dicts():
        bundle = latest.get((row["wallet"], row["session_id"]))
        assert (row["revision"], row["hour"]) == (
            (0, None) if bundle is None else (bundle.revision, bundle.hour)
        )
        assert (row["status"] == "quarantined") == (bundle is None)
