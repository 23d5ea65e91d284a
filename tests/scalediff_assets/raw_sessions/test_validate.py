"""Judging a bundle: always one manifest row, with the right reason and all that is known."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scalediff_assets.raw_sessions.validate import RawObject, validate_bundle
from scalediff_assets.schemas import MANIFEST
from scalediff_contract.limits import BundleLimits
from scalediff_contract.sessions import BundleFile, parse_object_key

SESSION = "session_1769925785747_z9mm6j"
WALLET = "Dzse3tYXLgtRJrBHVVUK5ZYbZoCjBee1tK3oSv5RyLyR"
VIDEO, META, LATENCY = BundleFile.VIDEO, BundleFile.META, BundleFile.LATENCY
Documents = dict[BundleFile, Any]
Files = dict[BundleFile, bytes]


class GoneError(Exception):
    """The store holds no such object."""


@dataclass
class Store:
    """Objects in a folder; `gone` are listed but not there, `listed_bytes` are lies of the listing."""

    root: Path
    files: Files
    session_id: str = SESSION
    gone: set[BundleFile] = field(default_factory=set)
    listed_bytes: dict[BundleFile, int] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)

    def objects(self) -> dict[BundleFile, RawObject]:
        return {
            file: RawObject(
                key=f"{WALLET}/{self.session_id}{file.value}",
                size_bytes=self.listed_bytes.get(file, len(data)),
                upload_ms=1769936467514,
            )
            for file, data in self.files.items()
        }

    def read(self, key: str) -> bytes:
        file = parse_object_key(key).file
        self.reads.append(file.label)
        if file in self.gone:
            raise GoneError(key)
        return self.files[file]

    @contextlib.contextmanager
    def open_video(self, key: str) -> Iterator[Path]:
        path = self.root / "copy.webm"
        path.write_bytes(self.read(key))
        yield path

    def judge(self, limits: BundleLimits | None = None) -> dict[str, Any]:
        row = validate_bundle(
            session_id=self.session_id,
            wallet=WALLET,
            revision=1,
            completed_ms=1769936479572,
            objects=self.objects(),
            read=self.read,
            open_video=self.open_video,
            missing=GoneError,
            limits=limits,
        )
        assert MANIFEST.problems(MANIFEST.frame([row])) == []
        assert list(row.keys() ^ MANIFEST.schema.keys()) == []
        return row


@pytest.fixture
def store(tmp_path: Path, bundle_files: dict[int, Files], webm: Path) -> Store:
    return Store(tmp_path, {**bundle_files[1], VIDEO: webm.read_bytes()})


@pytest.fixture
def store_v2(tmp_path: Path, bundle_files: dict[int, Files], webm: Path) -> Store:
    return Store(tmp_path, {**bundle_files[2], VIDEO: webm.read_bytes()})


def test_a_sound_bundle_is_valid_with_every_column_filled(store: Store) -> None:
    row = store.judge()
    assert (row["verdict"], row["reason"], row["detail"]) == ("valid", None, None)
    assert (row["video_width_px"], row["video_height_px"]) == (96, 64)
    assert (row["schema_version"], row["duration_ms"], row["started_ms"]) == (1, 30000, 1769936404672)
    assert (row["prompt"], row["scenario_id"], row["scenario_result"]) == (
        "new york city",
        "school-zone",
        None,
    )
    assert row["latency_upload_ms"] == 1769936467514
    assert row["total_bytes"] == sum(map(len, store.files.values()))
    assert row["video_key"] == f"{WALLET}/{SESSION}.webm"
    assert row["source_video_key"] is None


def test_the_bundle_hash_is_over_the_sorted_lines_of_its_files(store: Store) -> None:
    lines = sorted(f"{f.label} {hashlib.sha256(data).hexdigest()}\n" for f, data in store.files.items())
    row = store.judge()
    assert row["bundle_sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert row["video_sha256"] == hashlib.sha256(store.files[VIDEO]).hexdigest()


def test_a_version_2_bundle_brings_its_scenarios_result(store_v2: Store) -> None:
    row = store_v2.judge()
    assert (row["verdict"], row["schema_version"]) == ("valid", 2)
    assert (row["scenario_result"], row["contacts"]) == ("success", 2)


def test_zero_byte_video_is_rejected_before_the_missing_start(store: Store) -> None:
    store.files |= {VIDEO: b"", META: store.files[META].replace(b"1769936404672", b"null")}
    row = store.judge()
    assert row["reason"] == "no_video"
    assert row["detail"] == f"{SESSION}: video has 0 bytes (minimum 1); ask the player to record again"
    assert (row["prompt"], row["started_ms"], row["video_bytes"]) == ("new york city", None, 0)


def test_a_video_that_was_emptied_after_the_listing_is_rejected(store: Store) -> None:
    store.listed_bytes = {VIDEO: 1000}
    store.files[VIDEO] = b""
    assert store.judge()["reason"] == "no_video"


def test_an_oversized_object_is_rejected_and_never_read(store: Store) -> None:
    store.listed_bytes = {BundleFile.CAMERA: 9_000_000, VIDEO: 65_000_000}
    row = store.judge()
    assert row["reason"] == "too_large"
    assert {"camera", "video"}.isdisjoint(store.reads)
    assert row["video_sha256"] is None


def test_bundles_with_unread_files_do_not_share_a_hash(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path, store.files, session_id="session_1769925785747_aaaaaa")
    for one in (store, other):
        one.gone = set(one.files)
    assert store.judge()["bundle_sha256"] != other.judge()["bundle_sha256"]


@pytest.mark.parametrize("file", list(BundleFile)[:5])
def test_an_object_that_vanished_is_named(store: Store, file: BundleFile) -> None:
    store.gone = {file}
    row = store.judge()
    assert row["reason"] == "object_missing"
    assert f"{WALLET}/{SESSION}{file.value} was listed and is gone" in row["detail"]


@pytest.mark.parametrize("file", list(BundleFile)[:5])
def test_an_object_that_was_never_listed_makes_the_bundle_incomplete(store: Store, file: BundleFile) -> None:
    del store.files[file]
    row = store.judge()
    assert (row["reason"], row[f"{file.label}_key"]) == ("incomplete", None)


def test_broken_infrastructure_is_raised_not_judged(store: Store) -> None:
    def fails(key: str) -> bytes:
        raise ConnectionError(key)

    store.read = fails  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        store.judge()


def test_a_rejected_meta_still_tells_what_it_knows(store: Store) -> None:
    store.files[BundleFile.CAMERA] = b"[]"
    row = store.judge()
    assert row["reason"] == "event_count_mismatch"
    assert (row["prompt"], row["video_width_px"]) == ("new york city", 96)


def test_an_unreadable_meta_leaves_its_columns_unknown(store: Store) -> None:
    store.files[META] = b"{"
    row = store.judge()
    assert (row["reason"], row["schema_version"], row["prompt"]) == ("invalid_json", None, None)
    assert row["video_sha256"] is not None


def test_a_video_that_is_not_the_stated_one_is_rejected(
    store_v2: Store, make_webm: Callable[..., Path]
) -> None:
    store_v2.files[VIDEO] = make_webm(frames=7).read_bytes()
    assert store_v2.judge()["reason"] == "hash_mismatch"


def test_a_listed_source_video_must_arrive(store_v2: Store) -> None:
    meta = json.loads(store_v2.files[META])
    video = store_v2.files[VIDEO]
    meta["files"]["source_video"] = meta["files"]["video"]
    store_v2.files[META] = json.dumps(meta).encode()
    row = store_v2.judge()
    assert (row["reason"], "source_video" in row["detail"]) == ("incomplete", True)
    store_v2.files[BundleFile.SOURCE_VIDEO] = video
    assert store_v2.judge()["verdict"] == "valid"
    store_v2.files[BundleFile.SOURCE_VIDEO] = video[:-1]
    assert store_v2.judge()["reason"] == "hash_mismatch"


def test_a_file_that_is_no_webm_is_rejected_by_its_container(store: Store) -> None:
    store.files[VIDEO] = b"#EXTM3U\n/etc/passwd\n"
    assert store.judge()["reason"] == "not_webm"


def real_store(paths: dict[BundleFile, Path], tmp_path: Path) -> Store:
    files = {file: path.read_bytes() for file, path in paths.items()}
    return Store(tmp_path, files, session_id=parse_object_key(f"w/{paths[META].name}").session_id)


def test_the_real_session_tp5owb_is_valid(
    real_sessions: dict[str, dict[BundleFile, Path]], tmp_path: Path
) -> None:
    row = real_store(real_sessions["tp5owb"], tmp_path).judge()
    assert row["verdict"] == "valid", row["detail"]
    assert (row["video_width_px"], row["video_height_px"], row["video_bytes"]) == (1280, 704, 1904917)
    assert (row["duration_ms"], row["scenario_id"]) == (61073, "school-zone")


def test_the_real_session_832oey_has_no_video(
    real_sessions: dict[str, dict[BundleFile, Path]], tmp_path: Path
) -> None:
    row = real_store(real_sessions["832oey"], tmp_path).judge()
    assert (row["reason"], row["started_ms"], row["duration_ms"]) == ("no_video", None, 0)
    assert row["scenario_id"] == "follow-traffic"


@pytest.mark.parametrize("name", ["tmxai2", "lm97go"])
def test_real_sessions_without_a_video_are_incomplete_only_for_it(
    real_sessions: dict[str, dict[BundleFile, Path]], tmp_path: Path, name: str
) -> None:
    row = real_store(real_sessions[name], tmp_path).judge()
    assert (row["reason"], "video file is missing" in row["detail"]) == ("incomplete", True)
