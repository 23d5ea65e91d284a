"""Whole runs of the graph on the embedded store."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from resources.tables import read_tables
from scalediff_assets.checks import PLATFORM_REASONS
from scalediff_assets.schemas import AlignedSessions, CilrsDataset, QualityScores, RawSessions, Segments
from scalediff_contract.sessions import BundleFile
from world.recorder import EXPECTED_REASON, Fault, RecordedBundle, break_bundle
from world.recorder.faults import LEGACY_ONLY

Record = Callable[..., RecordedBundle]
POLICY = Path(__file__).parents[2] / "scalediff_assets" / "quality_scores" / "policies" / "v2.toml"


def tables(platform: Any, asset: str, kind: Any) -> Any:
    return read_tables(platform.connections.lake(), asset, platform.hour, kind)


def evaluations(platform: Any, asset: str, check: str) -> dict[str | None, bool]:
    """Partition to verdict of a check's evaluations, the newest last."""
    records = platform.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(asset), check), limit=50
    )
    found = {}
    for record in reversed(records):
        event = record.event.dagster_event
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            found[evaluation.partition] = evaluation.passed
    return found


def test_a_good_session_becomes_a_packed_day(platform: Any, recorded: Record) -> None:
    platform.upload(recorded(1), recorded(2, layout="legacy", duration_s=12.0))
    platform.take_in()
    assert platform.run().success
    assert platform.pack().success
    rows = platform.sessions()
    assert {row["status"] for row in rows.values()} == {"accepted"}
    assert {row["align_method"] for row in rows.values()} >= {"frame_id"}
    index = read_tables(
        platform.connections.lake(), "cilrs_datasets", platform.hour[:10], CilrsDataset
    ).segments
    assert index.height == sum(row["segments_passed"] for row in rows.values()) > 0
    for key in index["shard_key"]:
        assert platform.connections.clean().head(key) is not None
    for asset, kind in (
        ("raw_sessions", RawSessions),
        ("aligned_sessions", AlignedSessions),
        ("segments", Segments),
    ):
        made = tables(platform, asset, kind)
        for name, table in kind.tables().items():
            assert table.problems(getattr(made, name)) == []


@pytest.mark.slow
def test_every_fault_ends_in_its_reason_and_harms_no_other_session(platform: Any, recorded: Record) -> None:
    expected = {}
    for number, fault in enumerate(Fault):
        layout = "legacy" if fault in LEGACY_ONLY or number % 2 else "exact"
        if fault is Fault.EDITED_AFTER_HASH:
            layout = "exact"
        whole = recorded(100 + number, layout=layout, video=False, duration_s=8.0)
        broken = break_bundle(whole, fault)
        expected[broken.session_id] = EXPECTED_REASON[fault].value
        # Spread over hours, with good ones beside, so that no hour counts as bad.
        platform.upload(broken, hours_ago=number % 4)
    good = [recorded(seed) for seed in (1, 2, 3)]
    for number, bundle in enumerate(good):
        platform.upload(bundle, hours_ago=number)
    platform.take_in()
    for item in platform.connections.catalog().hour_versions():
        assert platform.run(hour=item.hour).success
    rows = platform.sessions()
    assert {s: rows[s]["reason"] for s in expected} == expected
    assert {rows[s]["status"] for s in expected} <= {"rejected", "quarantined"}
    assert all(rows[s]["detail"] for s in expected)
    assert {rows[bundle.session_id]["status"] for bundle in good} == {"accepted"}
    assert set(platform.connections.catalog().object_states()) <= {"member", "quarantined", "superseded"}


def test_a_truncated_and_a_vanished_video_are_rejected_with_their_reasons(
    platform: Any, recorded: Record
) -> None:
    cut = recorded(4, layout="legacy", duration_s=12.0)
    video = cut.files[BundleFile.VIDEO]
    cut = replace(cut, files={**cut.files, BundleFile.VIDEO: video[: len(video) // 10]})
    gone, good = recorded(5), recorded(1)
    platform.upload(cut, gone, *[recorded(seed) for seed in (1, 2, 3)])
    platform.take_in()
    for info in list(platform.connections.raw().list()):
        if gone.session_id in info.key and info.key.endswith(".webm"):
            platform.connections.raw().delete(info.key)
    platform.run()
    rows = platform.sessions()
    assert rows[gone.session_id]["reason"] == "object_missing"
    assert rows[cut.session_id]["status"] == "rejected"
    assert rows[good.session_id]["stage"] in ("raw_sessions", "quality_scores")


def test_the_same_drive_from_another_wallet_does_not_pass(platform: Any, recorded: Record) -> None:
    first = recorded(1)
    copy = recorded(1, wallet="another-wallet", started_ms=1_769_999_000_000)
    platform.upload(first)
    platform.upload(copy)
    platform.take_in()
    assert platform.run().success
    rows = platform.sessions()
    passed = sorted(rows[b.session_id]["segments_passed"] for b in (first, copy))
    assert passed[0] == 0 < passed[1]
    assert any("duplicate" in row["detail"] for row in rows.values())


def test_a_hostile_key_is_visible_and_harms_nothing(platform: Any, recorded: Record) -> None:
    platform.upload(recorded(1))
    platform.put({"wallet/notes.txt": b"x", "wallet/session_1_x_meta.json": b"{}"})
    platform.take_in()
    assert platform.run().success
    assert platform.connections.catalog().object_states()["unrecognised"] == 2


def test_a_bad_hour_stops_at_the_blocking_check(platform: Any, recorded: Record) -> None:
    for seed in range(200, 211):
        platform.upload(break_bundle(recorded(seed, video=False, duration_s=2.0), Fault.NON_WEBM_VIDEO))
    platform.take_in()
    assert not platform.run().success
    assert evaluations(platform, "raw_sessions", "failure_rate") == {platform.hour: False}
    with pytest.raises(LookupError):
        tables(platform, "aligned_sessions", AlignedSessions)


def test_a_range_with_a_bad_hour_reports_each_hour(platform: Any, recorded: Record) -> None:
    for seed in range(200, 211):
        platform.upload(break_bundle(recorded(seed, video=False, duration_s=2.0), Fault.NON_WEBM_VIDEO))
    platform.upload(recorded(1), hours_ago=1)
    platform.take_in()
    first = platform.connections.catalog().hour_versions()[0].hour
    tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": platform.hour}
    for _ in range(2):
        result = platform.run(tags=tags)
        failed = [e.step_key for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_FAILURE]
        assert failed == ["raw_sessions_failure_rate"]
    found = evaluations(platform, "raw_sessions", "failure_rate")
    assert found[first] is True
    assert found[platform.hour] is False


def test_a_store_that_fails_blocks_the_hour_and_running_again_mends_it(
    platform: Any, recorded: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.upload(recorded(1))
    platform.take_in()
    raw = platform.home / "store" / "raw"
    hidden = raw.with_name("raw-hidden")
    raw.rename(hidden)
    assert not platform.run().success
    reason = platform.sessions()[recorded(1).session_id]["reason"]
    assert reason in {r.value for r in PLATFORM_REASONS}
    hidden.rename(raw)
    assert platform.run().success
    assert platform.sessions()[recorded(1).session_id]["status"] == "accepted"


def test_rescoring_under_another_policy_reads_no_video(
    platform: Any, recorded: Record, tmp_path: Path
) -> None:
    platform.upload(recorded(1))
    platform.take_in()
    assert platform.run().success
    before = tables(platform, "quality_scores", QualityScores).segments
    assert before["passed"].any()
    for info in list(platform.connections.raw().list()):
        platform.connections.raw().delete(info.key)
    strict = tmp_path / "strict.toml"
    text = POLICY.read_text().replace('version = "v2"', 'version = "v3-strict"')
    for name in ("sharpness_min", "sharpness_soft"):
        text = re.sub(rf"^{name} = [0-9.]+", f"{name} = 99999.0", text, flags=re.MULTILINE)
    strict.write_text(text)
    job = platform.defs.resolve_job_def("rescore_hours")
    result = job.execute_in_process(
        partition_key=platform.hour,
        instance=platform.instance,
        run_config={"ops": {"quality_scores": {"config": {"policy": str(strict)}}}},
    )
    assert result.success
    after = tables(platform, "quality_scores", QualityScores).segments
    assert not after["passed"].any()
    assert set(after["policy_version"]) == {"v3-strict"}
    assert set(after["policy_hash"]).isdisjoint(before["policy_hash"])
    assert all("blur" in reasons for reasons in after["reasons"])


def test_naming_sessions_touches_only_their_rows(platform: Any, recorded: Record) -> None:
    platform.upload(recorded(1), recorded(2), recorded(3))
    platform.take_in()
    assert platform.run().success
    before = platform.files("lake")
    named = {"config": {"session_ids": [recorded(2).session_id]}}
    assets = ("raw_sessions", "aligned_sessions", "segments", "paired_clips", "quality_scores")
    assert platform.run(config=dict.fromkeys(assets, named)).success
    assert platform.files("lake") == before
    faster = {"config": {**named["config"], "export_hz": 5.0}}
    assert platform.run(config={**dict.fromkeys(assets, named), "segments": faster}).success
    made = tables(platform, "segments", Segments).sessions
    exported = dict(made.select("session_id", "exported_frames").iter_rows())
    assert exported[recorded(2).session_id] < exported[recorded(1).session_id] * 0.7
    assert made.height == 3


def test_running_an_hour_again_leaves_the_same_objects(platform: Any, recorded: Record) -> None:
    platform.upload(recorded(1), recorded(3, layout="legacy", duration_s=12.0))
    platform.take_in()
    for _ in range(2):
        assert platform.run().success
        assert platform.pack().success
        stores = platform.files("lake"), platform.files("clean")
    assert stores == (platform.files("lake"), platform.files("clean"))
    pointers = [key for key in platform.files("lake") if key.endswith("tables.json")]
    assert len(pointers) == 6
