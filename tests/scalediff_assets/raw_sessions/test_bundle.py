"""Parsing a bundle: typed frames, or a rejection that names file, field, value and limit."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalediff_assets.raw_sessions.bundle import CAMERA_SCHEMA, INPUTS_SCHEMA, Bundle, parse_bundle
from scalediff_assets.raw_sessions.rejection import BundleRejectedError
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile, parse_object_key

SESSION = "session_1769925785747_z9mm6j"
WALLET = "Dzse3tYXLgtRJrBHVVUK5ZYbZoCjBee1tK3oSv5RyLyR"
INPUTS, CAMERA, LATENCY, META = BundleFile.INPUTS, BundleFile.CAMERA, BundleFile.LATENCY, BundleFile.META
Documents = dict[BundleFile, Any]


def encode(documents: Documents) -> dict[BundleFile, bytes]:
    return {file: json.dumps(document).encode() for file, document in documents.items()}


def parse(documents: Documents, limits: BundleLimits | None = None, **raw: bytes) -> Bundle:
    replaced = {BundleFile[name.upper()]: data for name, data in raw.items()}
    return parse_bundle(SESSION, WALLET, encode(documents) | replaced, limits)


def rejection(documents: Documents, limits: BundleLimits | None = None, **raw: bytes) -> tuple[Reason, str]:
    with pytest.raises(BundleRejectedError) as caught:
        parse(documents, limits, **raw)
    assert caught.value.detail.startswith(SESSION)
    return caught.value.reason, caught.value.detail


def test_inputs_are_sorted_lower_cased_and_null_where_not_logged(v1: Documents) -> None:
    inputs = parse(v1).inputs
    assert inputs.schema == INPUTS_SCHEMA
    assert inputs.rows() == [
        (1100.5, "keydown", "w", None, None, None),
        (1300.25, "keyup", "w", None, None, None),
        (1500.0, "mouse", None, 3.0, -1.0, None),
    ]


def test_events_of_the_same_time_keep_their_order(v1: Documents) -> None:
    v1[INPUTS] = [{"t": 5, "type": "keydown", "key": key} for key in "wasd"]
    v1[META]["eventCount"] = 8
    assert parse(v1).inputs["key"].to_list() == ["w", "a", "s", "d"]


def test_the_recorded_camera_keeps_three_js_axes_and_the_games_speed(v1: Documents) -> None:
    camera = parse(v1).camera
    assert camera.schema == CAMERA_SCHEMA
    assert camera.row(1) == (1200.0, 1.0, 1.6, -2.5, 0.1, 12.5, 1.0, 0.0, -0.03, 3, None)


def test_the_documented_camera_has_unknown_controls_not_zeros(v1: Documents) -> None:
    v1[CAMERA] = [{"t": row["t"], "pos": row["pos"], "yaw": 0, "speed": 0.8} for row in v1[CAMERA]]
    camera = parse(v1).camera
    for column in ("throttle", "brake", "steer", "command", "frame"):
        assert camera[column].null_count() == 4


def test_version_2_brings_frame_ids_and_packet_links(v2: Documents) -> None:
    bundle = parse(v2)
    assert (bundle.schema_version, bundle.camera["frame"].to_list()) == (2, [0, 1, 2, 3])
    assert bundle.inputs["frame"].to_list() == [2, 2, 2]
    assert bundle.latency.frames[1] == (1, 33000, 1, 7)
    assert bundle.meta.scenario is not None
    assert bundle.meta.scenario.collisions == 2


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("camera", b"", "Expecting value"),
        ("camera", b"[", "Expecting"),
        ("inputs", b"[] []", "Extra data"),
        ("inputs", b'[{"t": NaN}]', "NaN is not a JSON number"),
        ("latency", b'{"avgRtt": -Infinity}', "-Infinity is not a JSON number"),
        ("latency", b'{"avgRtt": 1, "avgRtt": 2}', "avgRtt occurs twice"),
        ("camera", b'[{"t": 1}, {"pos": [{"a": 1, "a": 1}]}]', "[1].pos[0].a occurs twice"),
        ("meta", b"\xff{}", "byte 0 is not UTF-8"),
        ("meta", '{"prompt": "x"}'.encode("utf-16"), "not UTF-8"),
        ("inputs", b"[" * 4_000_000, "nested 4000000 deep (limit 8)"),
        ("meta", b'{"a":' * 12_000, "nested 12000 deep (limit 8)"),
        ("inputs", b'["\\\\", "\\"", ' + b"[" * 100, "nested 101 deep (limit 8)"),
        ("latency", b'{"avgRtt": ' + b"9" * 5000 + b"}", "4300 digits"),
    ],
)
def test_what_is_not_strict_json_is_refused(v1: Documents, file: str, text: bytes, problem: str) -> None:
    reason, detail = rejection(v1, None, **{file: text})
    assert (reason, problem in detail, f": {file}: " in detail) == (Reason.INVALID_JSON, True, True), detail


def test_brackets_inside_strings_are_not_nesting(v1: Documents) -> None:
    v1[META]["prompt"] = '\\"[[[[[[[[[[' + "{" * 50 + "\\"
    assert parse(v1).meta.prompt == v1[META]["prompt"]


@pytest.mark.parametrize(
    ("file", "path", "value", "named"),
    [
        (CAMERA, (2, "t"), -1, "camera[2].t"),
        (CAMERA, (1, "pos"), [1, 2], "camera[1].pos"),
        (CAMERA, (0, "pos"), [1, "2", 3], "camera[0].pos[1]"),
        (CAMERA, (3, "yaw"), None, "camera[3].yaw"),
        (CAMERA, (3, "command"), 9, "camera[3].command"),
        (INPUTS, (0, "type"), "click", "inputs[0].type"),
        (INPUTS, (0, "t"), 1e300, "inputs[0].t"),
        (INPUTS, (0, "key"), "x" * 100, "inputs[0].key"),
        (LATENCY, ("rttSamples",), None, "latency.rttSamples"),
        (LATENCY, ("rttSamples", 1, "rtt"), -3, "latency.rttSamples[1].rtt"),
        (META, ("eventCount",), -1, "meta.eventCount"),
        (META, ("startTime",), "now", "meta.startTime"),
        (META, ("schemaVersion",), 3, "meta.schemaVersion"),
        (META, ("schemaVersion",), True, "meta.schemaVersion"),
        (META, ("schemaVersion",), [2], "meta.schemaVersion"),
        (META, ("prompt",), "x" * 2001, "meta.prompt"),
    ],
)
def test_a_wrong_field_is_named(
    v1: Documents, file: BundleFile, path: tuple[int | str, ...], value: object, named: str
) -> None:
    target = v1[file]
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    reason, detail = rejection(v1)
    assert reason is Reason.INVALID_FIELD
    assert detail.startswith(f"{SESSION}: {named}"), detail


@pytest.mark.parametrize(("file", "field"), [(CAMERA, "pos"), (CAMERA, "t"), (INPUTS, "t"), (INPUTS, "type")])
def test_a_missing_field_is_named(v1: Documents, file: BundleFile, field: str) -> None:
    del v1[file][1][field]
    assert rejection(v1) == (
        Reason.INVALID_FIELD,
        f"{SESSION}: {file.label}[1].{field}: Field required",
    )


def test_an_infinite_number_is_refused(v1: Documents) -> None:
    camera = encode(v1)[CAMERA].replace(b"12.5", b"1e999")
    assert rejection(v1, camera=camera)[0] is Reason.INVALID_FIELD


def test_our_python_names_are_not_wire_names(v1: Documents) -> None:
    v1[CAMERA][0]["t_ms"] = v1[CAMERA][0].pop("t")
    assert rejection(v1)[1].endswith("camera[0].t: Field required")


def test_half_of_a_surrogate_pair_is_refused(v1: Documents) -> None:
    assert rejection(v1, meta=encode(v1)[META].replace(b"new york", b"\\ud800"))[0] is Reason.INVALID_FIELD


@pytest.mark.parametrize(
    "field", ["meta_bytes", "json_bytes", "input_events", "camera_samples", "rtt_samples"]
)
def test_what_exceeds_a_limit_is_too_large(v1: Documents, field: str) -> None:
    reason, detail = rejection(v1, BundleLimits(**{field: 2}))
    assert (reason, "(limit 2)" in detail) == (Reason.TOO_LARGE, True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sessionId": "session_1769925785747_other1"}, Reason.SESSION_ID_MISMATCH),
        ({"walletAddress": "../x"}, Reason.WALLET_MISMATCH),
        ({"startTime": None}, Reason.NO_START_TIME),
        ({"duration": 180_001, "endTime": None}, Reason.TOO_LONG),
        ({"endTime": 1769936404672 + 180_001, "duration": None}, Reason.TOO_LONG),
        ({"endTime": 1769936404671}, Reason.INVALID_FIELD),
        ({"duration": 28_000}, Reason.INVALID_FIELD),
        ({"eventCount": 8}, Reason.EVENT_COUNT_MISMATCH),
    ],
)
def test_a_meta_that_contradicts_its_bundle_is_refused(
    v1: Documents, change: dict[str, Any], reason: Reason
) -> None:
    v1[META] |= change
    assert rejection(v1)[0] is reason


def test_a_meta_without_event_count_and_end_is_accepted(v1: Documents) -> None:
    for field in ("eventCount", "endTime", "duration", "prompt", "scenario"):
        del v1[META][field]
    assert parse(v1).meta.event_count is None


@pytest.mark.parametrize("average", [340, 345, 1090 / 3])
def test_an_average_over_any_beginning_of_the_samples_is_accepted(v1: Documents, average: float) -> None:
    v1[LATENCY]["avgRtt"] = average
    assert parse(v1).latency.avg_rtt_ms == average


def test_an_average_over_no_beginning_of_the_samples_is_of_another_session(v1: Documents) -> None:
    v1[LATENCY]["avgRtt"] = 345.001
    reason, detail = rejection(v1)
    assert (reason, "does not belong to this session" in detail) == (Reason.INVALID_FIELD, True)


def test_an_average_without_samples_is_accepted(v1: Documents) -> None:
    v1[LATENCY] = {"initialLatency": None, "avgRtt": 345, "rttSamples": []}
    assert parse(v1).latency.rtt_samples == ()


@pytest.mark.parametrize("file", [INPUTS, CAMERA, LATENCY])
def test_version_2_content_must_have_the_stated_hash(v2: Documents, file: BundleFile) -> None:
    reason, detail = rejection(v2, None, **{file.label: encode(v2)[file] + b" "})
    assert (reason, file.label in detail) == (Reason.HASH_MISMATCH, True)


def test_version_2_meta_must_list_every_file(v2: Documents) -> None:
    del v2[META]["files"]["camera"]
    assert rejection(v2)[1].startswith(f"{SESSION}: meta.files.camera is missing")


def test_the_video_of_version_2_is_hashed_where_it_is_given(v2: Documents, webm: Path) -> None:
    assert parse(v2, video=webm.read_bytes())
    assert rejection(v2, video=b"other")[0] is Reason.HASH_MISMATCH
    v2[META]["video"]["sha256"] = "0" * 64
    assert "meta.video.sha256" in rejection(v2, video=webm.read_bytes())[1]


@pytest.mark.parametrize(
    ("file", "row", "change", "reason"),
    [
        (CAMERA, 2, {"frame": 1}, Reason.FRAME_ID_MISMATCH),
        (CAMERA, 2, {"frame": 0}, Reason.FRAME_ID_MISMATCH),
        (INPUTS, 1, {"frame": 9}, Reason.FRAME_ID_MISMATCH),
        (CAMERA, 2, {"t": 1}, Reason.INVALID_FIELD),
        (CAMERA, 2, {"fov": 75}, Reason.INVALID_FIELD),
    ],
)
def test_version_2_rows_must_join_by_frame(
    v2: Documents, restate: Callable[[Documents], Documents], file: BundleFile, row: int,
    change: dict[str, Any], reason: Reason,
) -> None:  # fmt: skip
    v2[file][row] |= change
    assert rejection(restate(v2))[0] is reason


def test_a_bundle_without_one_of_its_files_is_incomplete() -> None:
    with pytest.raises(BundleRejectedError, match="the meta file is missing"):
        parse_bundle(SESSION, WALLET, {})


@pytest.mark.parametrize("name", ["tp5owb", "tmxai2", "lm97go", "832oey"])
def test_a_real_session_parses_and_loses_no_row(
    real_sessions: dict[str, dict[BundleFile, Path]], name: str
) -> None:
    paths = real_sessions[name]
    session_id = parse_object_key(f"w/{paths[META].name}").session_id
    files = {file: paths[file].read_bytes() for file in (INPUTS, CAMERA, LATENCY, META)}
    if name == "832oey":
        with pytest.raises(BundleRejectedError, match="no_start_time"):
            parse_bundle(session_id, WALLET, files)
        files[META] = files[META].replace(b'"startTime":null', b'"startTime":1769939053970')
    bundle = parse_bundle(session_id, WALLET, files)
    assert bundle.inputs.height == len(json.loads(files[INPUTS]))
    assert bundle.camera.height == len(json.loads(files[CAMERA]))
    assert bundle.camera["t_ms"].is_sorted()
    assert bundle.camera["throttle"].null_count() == 0
    assert bundle.schema_version == 1
