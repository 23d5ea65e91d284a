"""Whatever the bytes are, parsing and probing answer in time, with a result or a rejection."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scalediff_assets.raw_sessions.bundle import parse_bundle
from scalediff_assets.raw_sessions.probe import VideoProbe, probe_video
from scalediff_assets.raw_sessions.rejection import BundleRejectedError
from scalediff_assets.raw_sessions.strict_json import StrictJsonError, nesting_depth, parse_strict_json
from scalediff_contract.limits import BundleLimits
from scalediff_contract.sessions import BundleFile, parse_object_key

SESSION = "session_1769925785747_z9mm6j"
WALLET = "Dzse3tYXLgtRJrBHVVUK5ZYbZoCjBee1tK3oSv5RyLyR"
JSON_FILES = (BundleFile.INPUTS, BundleFile.CAMERA, BundleFile.LATENCY, BundleFile.META)
Files = dict[BundleFile, bytes]

in_time = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([-1, 1e308, 10**400, 2**63, "\ud800", "x" * 300])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
edits = st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 3), st.binary(max_size=6)), max_size=6)


def mutate(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Bytes with pieces replaced, inserted, removed or the end cut off."""
    for place, kind, piece in changes:
        at = place % (len(data) + 1)
        tail = {0: data[at + len(piece) :], 1: data[at:], 2: data[at + 1 + len(piece) :], 3: b""}[kind]
        data = data[:at] + (piece if kind < 2 else b"") + tail
    return data


def replace_somewhere(document: Any, steps: list[int], value: object) -> Any:
    """The document with one node, found by walking `steps`, set to `value` or removed if it is `...`."""
    node, parents = document, []
    for step in steps:
        if not isinstance(node, dict | list) or not node:
            break
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = keys[step % len(keys)]
        parents.append((node, key))
        node = node[key]
    if not parents:
        return None if value is ... else value
    parent, key = parents[-1]
    if value is ...:
        del parent[key]
    else:
        parent[key] = value
    return document


def restated(files: Files) -> Files:
    """Version 2 files whose meta states the sizes and hashes that they have."""
    meta = json.loads(files[BundleFile.META])
    for file in JSON_FILES[:3]:
        digest = hashlib.sha256(files[file]).hexdigest()
        meta["files"][file.label] = {"size": len(files[file]), "sha256": digest}
    return {**files, BundleFile.META: json.dumps(meta).encode()}


def parses_or_rejects(session_id: str, files: Files) -> None:
    try:
        bundle = parse_bundle(session_id, WALLET, files)
    except BundleRejectedError as problem:
        assert problem.detail.startswith(session_id)
        problem.detail.encode()
    else:
        assert bundle.inputs["t_ms"].is_sorted()
        assert bundle.camera["t_ms"].is_sorted()


@in_time
@given(st.sampled_from([1, 2]), st.sampled_from(JSON_FILES), edits)
def test_mutated_bytes_parse_or_are_rejected(
    bundle_files: dict[int, Files], version: int, file: BundleFile, changes: list[tuple[int, int, bytes]]
) -> None:
    files = bundle_files[version]
    files = {**files, file: mutate(files[file], changes)}
    if version == 2 and file is not BundleFile.META:
        files = restated(files)
    parses_or_rejects(SESSION, files)


@in_time
@given(
    st.sampled_from([1, 2]),
    st.sampled_from(JSON_FILES),
    st.lists(st.integers(0, 100), min_size=1, max_size=4),
    values | st.just(...),
)
def test_mutated_structure_parses_or_is_rejected(
    bundle_files: dict[int, Files], version: int, file: BundleFile, steps: list[int], value: object
) -> None:
    files = dict(bundle_files[version])
    files[file] = json.dumps(replace_somewhere(json.loads(files[file]), steps, value)).encode()
    if version == 2 and file is not BundleFile.META:
        files = restated(files)
    parses_or_rejects(SESSION, files)


@pytest.mark.parametrize("name", ["tp5owb", "tmxai2", "lm97go", "832oey"])
@settings(in_time, max_examples=40)
@given(file=st.sampled_from(JSON_FILES), changes=edits)
def test_mutated_real_files_parse_or_are_rejected(
    real_sessions: dict[str, dict[BundleFile, Path]],
    name: str,
    file: BundleFile,
    changes: list[tuple[int, int, bytes]],
) -> None:
    paths = real_sessions[name]
    files = {each: paths[each].read_bytes() for each in JSON_FILES}
    session_id = parse_object_key(f"w/{paths[file].name}").session_id
    parses_or_rejects(session_id, {**files, file: mutate(files[file], changes)})


@in_time
@given(st.binary(max_size=200))
@example(b'["\\\\"]')
@example(b'{"a":1,"a":{"a":2,"a":3}}')
@example(b'"\\u0022[["')
def test_any_bytes_are_strict_json_or_are_refused(data: bytes) -> None:
    try:
        value = parse_strict_json(data, max_depth=8)
    except StrictJsonError:
        return
    assert value == json.loads(data)


@in_time
@given(values)
def test_the_depth_is_that_of_the_value(value: object) -> None:
    def depth(node: object) -> int:
        if isinstance(node, dict):
            return 1 + max(map(depth, node.values()), default=0)
        return 1 + max(map(depth, node), default=0) if isinstance(node, list) else 0

    assert nesting_depth(json.dumps(value).encode()) == depth(value)
    assert nesting_depth(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) == depth(value)


@pytest.mark.parametrize(
    "bomb",
    [
        b"[" * 8_000_000,
        b'{"":' * 2_000_000,
        b'["' + b'\\"' * 3_999_000,
        b"[" + b"[]," * 2_600_000,
        b"[" + b"0," * 3_999_000 + b"0]",
        b"9" * 8_000_000,
    ],
)
@pytest.mark.slow
def test_a_bomb_of_the_largest_size_is_rejected(bundle_files: dict[int, Files], bomb: bytes) -> None:
    parses_or_rejects(SESSION, {**bundle_files[1], BundleFile.CAMERA: bomb})


def probes_or_rejects(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        probe = probe_video(path, BundleLimits())
    except BundleRejectedError:
        return
    assert isinstance(probe, VideoProbe)
    assert 2 <= probe.packets <= 15_000


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that every example overwrites."""
    return tmp_path_factory.mktemp("fuzz") / "mutated.webm"


@settings(in_time, max_examples=250)
@given(edits)
def test_a_mutated_video_is_probed_or_rejected(
    webm: Path, scratch: Path, changes: list[tuple[int, int, bytes]]
) -> None:
    probes_or_rejects(scratch, mutate(webm.read_bytes(), changes))


def test_every_cut_of_a_video_is_probed_or_rejected(webm: Path, scratch: Path) -> None:
    content = webm.read_bytes()
    for end in range(0, len(content), 3):
        probes_or_rejects(scratch, content[:end])


def test_every_broken_byte_of_a_video_header_is_probed_or_rejected(webm: Path, scratch: Path) -> None:
    content = webm.read_bytes()
    for at in range(min(len(content), 400)):
        for value in (0x00, 0x7F, 0xFF):
            probes_or_rejects(scratch, content[:at] + bytes([value]) + content[at + 1 :])


@settings(in_time, max_examples=40)
@given(changes=edits)
def test_the_mutated_real_video_is_probed_or_rejected(
    real_sessions: dict[str, dict[BundleFile, Path]],
    scratch: Path,
    changes: list[tuple[int, int, bytes]],
) -> None:
    content = real_sessions["tp5owb"][BundleFile.VIDEO].read_bytes()[:300_000]
    probes_or_rejects(scratch, mutate(content, changes))
