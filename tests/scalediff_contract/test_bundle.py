"""The wire models: both versions are read, version 2 is written and read back unchanged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scalediff_contract.bundle import (
    CameraSample,
    CameraSampleV2,
    FrameLink,
    InputEvent,
    InputEventV2,
    LatencyReport,
    LatencyReportV2,
    SessionMeta,
    SessionMetaV2,
)

RECORDED_CAMERA = {
    "t": 14733.5,
    "type": "camera",
    "pos": [0, 5, 50],
    "yaw": 0,
    "speed": 29.5,
    "throttle": 0,
    "brake": 1,
    "steer": -0.03,
    "command": 4,
}
META_V2: dict[str, Any] = {
    "sessionId": "session_1769925785747_z9mm6j",
    "walletAddress": "w",
    "duration": 30000.0,
    "eventCount": 2,
    "startTime": 1769936404672,
    "endTime": 1769936434672,
    "scenario": {"id": "school-zone", "result": "success", "collisions": 0},
    "schemaVersion": 2,
    "clock": {"timeOrigin": 1769936400000.5, "anchor": 4672.0, "recorderStart": 4700.0},
    "video": {"codec": "vp8", "w": 640, "h": 360, "frames": 2, "durationMs": 33.0, "sha256": "0" * 64},
    "files": {"inputs": {"size": 2, "sha256": "1" * 64}},
    "client": {"version": "1.0.0", "commit": "abc"},
    "walletProof": {"nonce": "n", "signature": "s"},
}


def test_the_recorded_camera_row_is_read() -> None:
    sample = CameraSample.model_validate_json(json.dumps(RECORDED_CAMERA))
    assert sample.position_m == (0, 5, 50)
    assert (sample.speed_game, sample.steer, sample.command) == (29.5, -0.03, 4)
    assert sample.frame is None


def test_the_documented_camera_row_has_no_controls_and_they_are_unknown() -> None:
    row = {key: RECORDED_CAMERA[key] for key in ("t", "pos", "yaw", "speed")}
    sample = CameraSample.model_validate_json(json.dumps(row))
    assert (sample.type, sample.throttle, sample.brake, sample.steer, sample.command) == (
        "camera",
        *[None] * 4,
    )


def test_version_1_ignores_fields_it_does_not_know() -> None:
    assert CameraSample.model_validate_json(json.dumps({**RECORDED_CAMERA, "fov": 75}))


def test_version_2_refuses_fields_it_does_not_know() -> None:
    row = {**RECORDED_CAMERA, "frame": 1, "fov": 75}
    with pytest.raises(ValidationError, match="fov"):
        CameraSampleV2.model_validate_json(json.dumps(row))


def test_version_2_needs_the_frame_id() -> None:
    with pytest.raises(ValidationError, match="frame"):
        CameraSampleV2.model_validate_json(json.dumps(RECORDED_CAMERA))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"t": -1}, "t"),
        ({"t": "12"}, "t"),
        ({"t": True}, "t"),
        ({"pos": [0, 5]}, "pos"),
        ({"pos": [0, 5, 1e9]}, "pos"),
        ({"steer": 1.5}, "steer"),
        ({"command": 5}, "command"),
        ({"command": 2.5}, "command"),
        ({"throttle": -0.1}, "throttle"),
        ({"type": "mouse"}, "type"),
    ],
)
def test_a_camera_value_out_of_range_names_its_field(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CameraSample.model_validate_json(json.dumps({**RECORDED_CAMERA, **change}))
    assert caught.value.errors()[0]["loc"][0] == field


@pytest.mark.parametrize(
    ("event", "lacks"),
    [
        ({"t": 1, "type": "keydown"}, "key"),
        ({"t": 1, "type": "keyup"}, "key"),
        ({"t": 1, "type": "mouse", "dx": 1}, "dy"),
    ],
)
def test_an_input_event_needs_what_its_type_carries(event: dict[str, Any], lacks: str) -> None:
    with pytest.raises(ValidationError, match=f"`{lacks}`"):
        InputEvent.model_validate_json(json.dumps(event))


def test_a_lost_focus_needs_no_key() -> None:
    event = InputEventV2.model_validate_json('{"t": 1, "type": "blur", "frame": 3}')
    assert (event.key, event.dx_px, event.frame) == (None, None, 3)


@given(
    st.lists(
        st.builds(
            FrameLink,
            n=st.integers(0, 20_000),
            pts_us=st.integers(0, 10**9),
            src_frame=st.none() | st.integers(0, 2**24),
            rtp=st.none() | st.integers(0, 2**32 - 1),
        ),
        max_size=4,
    )
)
def test_frame_links_are_written_as_plain_arrays_and_read_back(links: list[FrameLink]) -> None:
    report = LatencyReportV2(frames=tuple(links))
    written = json.dumps(report.model_dump(by_alias=True, exclude_none=True))
    assert json.loads(written)["frames"] == [list(link) for link in links]
    assert LatencyReportV2.model_validate_json(written) == report


def test_an_rtp_time_stamp_is_below_two_to_the_32() -> None:
    with pytest.raises(ValidationError, match="4294967296"):
        LatencyReportV2.model_validate_json(f'{{"frames": [[0, 0, 0, {2**32}]]}}')


def test_a_latency_log_without_a_connection_is_all_unknown() -> None:
    report = LatencyReport.model_validate_json('{"initialLatency": null, "avgRtt": null, "rttSamples": []}')
    assert (report.initial_latency_ms, report.avg_rtt_ms, report.rtt_samples) == (None, None, ())


def test_a_version_2_meta_is_written_as_it_was_read() -> None:
    meta = SessionMetaV2.model_validate_json(json.dumps(META_V2))
    assert meta.model_dump(by_alias=True, exclude_none=True) == META_V2


@pytest.mark.parametrize("field", ["clock", "video", "files", "client", "schemaVersion"])
def test_a_version_2_meta_without_its_own_fields_is_refused(field: str) -> None:
    row = {key: value for key, value in META_V2.items() if key != field}
    if field == "schemaVersion":
        assert SessionMetaV2.model_validate_json(json.dumps(row)).schema_version == 2
        return
    with pytest.raises(ValidationError, match=field):
        SessionMetaV2.model_validate_json(json.dumps(row))


def test_a_start_time_may_be_null_and_stays_unknown() -> None:
    meta = SessionMeta.model_validate_json('{"sessionId": "s", "walletAddress": "w", "startTime": null}')
    assert (meta.started_ms, meta.duration_ms, meta.schema_version) == (None, None, 1)


def test_models_cannot_be_changed() -> None:
    event = InputEvent(t_ms=1.0, type="keydown", key="w")
    with pytest.raises(ValidationError, match="frozen"):
        event.t_ms = 2.0  # type: ignore[misc]
