"""Every kind of broken bundle gets the reason that it must get from the validator or later."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scalediff_assets.aligned_sessions.align import align_session
from scalediff_assets.aligned_sessions.packets import read_packets
from scalediff_assets.raw_sessions.bundle import JSON_FILES, parse_bundle
from scalediff_assets.raw_sessions.validate import RawObject, validate_bundle
from scalediff_assets.segments.process import process_video
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile
from world.recorder import EXPECTED_REASON, Fault, RecordedBundle, RecordingSpec, break_bundle, record_session
from world.recorder.faults import EXACT_ONLY, LEGACY_ONLY
from world.recorder.spec import Layout

CASES = [
    (layout, fault)
    for layout in ("exact", "legacy", "documented")
    for fault in Fault
    if fault not in (LEGACY_ONLY if layout == "exact" else EXACT_ONLY)
]


class _MissingError(Exception):
    pass


def reason_for(recorded: RecordedBundle, folder: Path) -> str | None:
    """The first refusal of validation, alignment and the decode pass."""
    content = {str(recorded.key_of(file, "recorded")): data for file, data in recorded.files.items()}
    video = folder / "video.webm"

    @contextmanager
    def open_video(key: str) -> Iterator[Path]:
        video.write_bytes(content[key])
        yield video

    objects = {
        file: RawObject(
            key=str(recorded.key_of(file, "recorded")),
            size_bytes=len(data),
            upload_ms=recorded.upload_ms[file],
        )
        for file, data in recorded.files.items()
    }
    row = validate_bundle(
        session_id=recorded.session_id,
        wallet=recorded.wallet,
        revision=1,
        completed_ms=1,
        objects=objects,
        read=content.__getitem__,
        open_video=open_video,
        missing=_MissingError,
    )
    if row["reason"] is not None:
        return str(row["reason"])
    bundle = parse_bundle(
        recorded.session_id, recorded.wallet, {file: recorded.files[file] for file in JSON_FILES}
    )
    aligned = align_session(
        bundle, read_packets(video), latency_upload_ms=recorded.upload_ms[BundleFile.LATENCY]
    )
    session = aligned.sessions.row(0, named=True)
    if session["reason"] is not None:
        return str(session["reason"])
    processed = process_video(
        video,
        session_id=recorded.session_id,
        frames=aligned.frames,
        start_uncertainty_ms=session["start_uncertainty_ms"],
    )
    return None if processed.decoding["reason"] is None else str(processed.decoding["reason"])


@pytest.fixture(scope="module")
def recordings() -> dict[str, RecordedBundle]:
    layouts: tuple[Layout, ...] = ("exact", "legacy", "documented")
    return {
        layout: record_session(RecordingSpec(seed=3, layout=layout, video=False, duration_s=12.0))
        for layout in layouts
    }


@pytest.mark.parametrize(("layout", "fault"), CASES)
def test_a_broken_bundle_gets_its_reason(
    layout: str, fault: Fault, recordings: dict[str, RecordedBundle], tmp_path: Path
) -> None:
    assert reason_for(break_bundle(recordings[layout], fault), tmp_path) == EXPECTED_REASON[fault].value


@pytest.mark.parametrize("layout", ["exact", "legacy", "documented"])
def test_an_unbroken_bundle_is_not_refused(
    layout: str, recordings: dict[str, RecordedBundle], tmp_path: Path
) -> None:
    assert reason_for(recordings[layout], tmp_path) is None


def test_every_fault_has_a_reason() -> None:
    assert set(EXPECTED_REASON) == set(Fault)
    assert all(isinstance(reason, Reason) for reason in EXPECTED_REASON.values())


def test_a_fault_that_a_version_cannot_have_is_refused(recordings: dict[str, RecordedBundle]) -> None:
    with pytest.raises(ValueError, match="needs a legacy bundle"):
        break_bundle(recordings["exact"], Fault.SHORT_SESSION)
