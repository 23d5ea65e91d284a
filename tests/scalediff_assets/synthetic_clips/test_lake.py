"""Accepted clips in the lake: whole, traceable both ways; raw ones go after 90 days."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resources.audit_log import AuditLog
from resources.database import migrate
from resources.object_store import ObjectInfo, ObjectMissingError, ObjectStore, open_store
from scalediff_assets.synthetic_clips.lake import (
    RULE_ID,
    accept_clip,
    accepted_keys,
    expired,
    put_lifecycle,
    raw_keys,
)
from scalediff_assets.synthetic_clips.provenance import Acceptance, Sidecar, SidecarError, TraceIndex
from scalediff_contract.scenarios import accept_prompt
from tests.scalediff_assets.synthetic_clips.conftest import MakeSidecar

DAY_MS = 86_400_000


@pytest.fixture
def stores(tmp_path: Path) -> tuple[ObjectStore, ObjectStore]:
    return open_store(str(tmp_path / "raw")), open_store(str(tmp_path / "lake"))


def put_raw(store: ObjectStore, sidecar: Sidecar) -> str:
    keys = raw_keys(sidecar.content_key)
    store.put(keys.clip, b"the film")
    store.put(keys.sidecar, sidecar.write())
    return sidecar.content_key


def test_an_accepted_clip_can_be_traced_to_everything_and_made_again(
    stores: tuple[ObjectStore, ObjectStore], sidecar: MakeSidecar, acceptance: Acceptance
) -> None:
    raw, lake = stores
    keys = accept_clip(raw, lake, put_raw(raw, sidecar(7)), acceptance)
    assert keys == accepted_keys("dust_storm", f"{7:032x}")
    assert lake.get(keys.clip) == b"the film"
    found = Sidecar.read(lake.get(keys.sidecar))
    assert (found.prompt, found.seed, found.model_version) == (sidecar(7).prompt, 7, "v1.0.0")
    assert (found.training_release, found.origin) == ("r" * 64, "synthetic")
    assert found.acceptance == acceptance
    assert json.loads(lake.get(keys.sidecar))["stage_s"] == {"denoise": 1.0}  # unknown fields are kept
    again = found.order_again()
    assert (again.prompt, again.seed, again.num_inference_steps) == (found.prompt, 7, 50)
    assert accept_prompt(again.prompt)[1].id == again.category


def test_accepting_twice_writes_the_same_and_tells_the_audit_log_once(
    stores: tuple[ObjectStore, ObjectStore], sidecar: MakeSidecar, acceptance: Acceptance, tmp_path: Path
) -> None:
    raw, lake = stores
    content_key = put_raw(raw, sidecar(7))
    first = accept_clip(raw, lake, content_key, acceptance)
    written = lake.get(first.sidecar)
    assert accept_clip(raw, lake, content_key, acceptance) == first
    assert lake.get(first.sidecar) == written
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    events = Sidecar.read(written).events()
    assert len(AuditLog(url).append(events)) == 1
    assert AuditLog(url).append(events) == []
    assert sidecar(7).events() == []


def test_a_clip_that_is_not_whole_or_mixed_up_is_not_accepted(
    stores: tuple[ObjectStore, ObjectStore], sidecar: MakeSidecar, acceptance: Acceptance
) -> None:
    raw, lake = stores
    with pytest.raises(ObjectMissingError):
        accept_clip(raw, lake, "0" * 32, acceptance)
    raw.put(raw_keys("0" * 32).sidecar, sidecar(7).write())
    with pytest.raises(ValueError, match=f"is of clip {7:032x}"):
        accept_clip(raw, lake, "0" * 32, acceptance)
    raw.put(raw_keys(f"{7:032x}").sidecar, sidecar(7).write())
    with pytest.raises(ObjectMissingError):
        accept_clip(raw, lake, f"{7:032x}", acceptance)
    assert not list(lake.list())


def test_clips_are_found_by_what_they_came_from(sidecar: MakeSidecar, acceptance: Acceptance) -> None:
    clips = [sidecar(1).accepted(acceptance), sidecar(2, category="dense_fog"), sidecar(3)]
    index = TraceIndex.of(clips)
    assert index.clips("model_version", "v1.0.0") == tuple(f"{k:032x}" for k in (1, 2, 3))
    assert index.clips("training_release", "r" * 64) == index.clips("plan", "2026-02-01")
    assert index.clips("policy_hash", acceptance.policy_hash) == (f"{1:032x}",)
    assert index.clips("category", "dense_fog") == (f"{2:032x}",)
    assert index.clips("job_id", "gen-2026-0201-000003") == (f"{3:032x}",)
    assert index.clips("model_version", "v9.9.9") == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"\xff", "no JSON"), (b"{}", "content_key"), (b'{"content_key": "../../etc"}', "content_key")],
)
def test_a_broken_sidecar_is_refused_with_its_field(content: bytes, says: str) -> None:
    with pytest.raises(SidecarError, match=says):
        Sidecar.read(content)


def test_a_clip_with_a_first_picture_is_not_ordered_again_without_it(sidecar: MakeSidecar) -> None:
    with pytest.raises(SidecarError, match="began with picture abababababab"):
        sidecar(1).model_copy(update={"conditioning_sha256": "ab" * 32}).order_again()


def test_only_raw_objects_of_90_days_are_due() -> None:
    def listed(key: str, age_days: float) -> ObjectInfo:
        return ObjectInfo(key=key, size_bytes=1, etag="e", modified_ms=round((1_000 - age_days) * DAY_MS))

    objects = [
        listed("synthetic/raw/a/clip.mp4", 90),
        listed("synthetic/raw/b/clip.mp4", 89.9),
        listed("synthetic/accepted/fog/c.mp4", 900),
        listed("synthetic/rawest/d", 900),
    ]
    assert expired(objects, 1_000 * DAY_MS) == ["synthetic/raw/a/clip.mp4"]


def test_the_buckets_rule_is_put_read_back_and_leaves_others_alone(aws: Callable[[str], Any]) -> None:
    client = aws("s3")
    client.create_bucket(Bucket="clips-lake")
    other = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 5}}
    client.put_bucket_lifecycle_configuration(Bucket="clips-lake", LifecycleConfiguration={"Rules": [other]})
    for _ in range(2):
        rule = put_lifecycle(client, "clips-lake", "lake")
    assert rule["Filter"] == {"Prefix": "lake/synthetic/raw/"}
    assert rule["Expiration"]["Days"] == 90
    rules = client.get_bucket_lifecycle_configuration(Bucket="clips-lake")["Rules"]
    assert sorted(each["ID"] for each in rules) == [RULE_ID, "theirs"]
