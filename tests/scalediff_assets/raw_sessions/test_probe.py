"""Probing a container: what it is, within limits, without decoding."""

from collections.abc import Callable
from pathlib import Path

import pytest

from scalediff_assets.raw_sessions.probe import VideoProbe, key_frame_size_px, probe_video
from scalediff_assets.raw_sessions.rejection import BundleRejectedError
from scalediff_contract.limits import BundleLimits
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile

MakeWebm = Callable[..., Path]


def reason_of(path: Path, limits: BundleLimits | None = None) -> Reason:
    with pytest.raises(BundleRejectedError) as caught:
        probe_video(path, limits or BundleLimits())
    return caught.value.reason


@pytest.mark.parametrize(("encoder", "codec"), [("libvpx", "vp8"), ("libvpx-vp9", "vp9")])
def test_a_video_is_described(make_webm: MakeWebm, encoder: str, codec: str) -> None:
    expected = VideoProbe(codec=codec, width_px=96, height_px=64, packets=6, last_pts_ms=167)
    assert probe_video(make_webm(codec=encoder), BundleLimits()) == expected


def test_the_real_video_is_described_by_its_packets(
    real_sessions: dict[str, dict[BundleFile, Path]],
) -> None:
    probe = probe_video(real_sessions["tp5owb"][BundleFile.VIDEO], BundleLimits())
    assert probe == VideoProbe(codec="vp8", width_px=1280, height_px=704, packets=147, last_pts_ms=69658)


def test_another_codec_is_wrong(make_webm: MakeWebm) -> None:
    assert reason_of(make_webm(codec="mjpeg")) is Reason.WRONG_CODEC


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (BundleLimits(video_bytes=100), Reason.TOO_LARGE),
        (BundleLimits(max_width_px=80), Reason.BAD_DIMENSIONS),
        (BundleLimits(min_side_px=65), Reason.BAD_DIMENSIONS),
        (BundleLimits(max_frames=5), Reason.TOO_MANY_FRAMES),
        (BundleLimits(duration_ms=166), Reason.TOO_LONG),
        (BundleLimits(min_frames=7), Reason.TRUNCATED_VIDEO),
    ],
)
def test_a_video_beyond_a_limit_is_rejected(webm: Path, limits: BundleLimits, reason: Reason) -> None:
    assert reason_of(webm, limits) is reason


def test_limits_are_inclusive(webm: Path) -> None:
    limits = BundleLimits(
        video_bytes=webm.stat().st_size, max_width_px=96, min_side_px=64, max_frames=6, min_frames=6,
        duration_ms=167,
    )  # fmt: skip
    assert probe_video(webm, limits).packets == 6


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.NO_VIDEO),
        (b"\x1a", Reason.NOT_WEBM),
        (b"#EXTM3U\nfile:///etc/hostname\n", Reason.NOT_WEBM),
        (b"\x1a\x45\xdf\xa3", Reason.NOT_WEBM),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 4000, Reason.NOT_WEBM),
    ],
)
def test_other_files_are_no_webm(tmp_path: Path, content: bytes, reason: Reason) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(content)
    assert reason_of(path) is reason


def test_a_video_cut_off_in_its_header_is_no_webm(webm: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.webm"
    path.write_bytes(webm.read_bytes()[:60])
    assert reason_of(path) is Reason.NOT_WEBM


def test_a_key_frame_larger_than_the_container_says_is_rejected(webm: Path, tmp_path: Path) -> None:
    content, size = webm.read_bytes(), b"\x9d\x01\x2a" + (96).to_bytes(2, "little")
    assert size in content
    path = tmp_path / "x.webm"
    path.write_bytes(content.replace(size, b"\x9d\x01\x2a" + (16000).to_bytes(2, "little")))
    assert reason_of(path) is Reason.BAD_DIMENSIONS


@pytest.mark.parametrize("codec", ["vp8", "vp9"])
@pytest.mark.parametrize("packet", [b"", b"\x00", b"\x01" * 20, b"\xff" * 20])
def test_a_packet_that_is_no_key_frame_has_no_size(codec: str, packet: bytes) -> None:
    assert key_frame_size_px(codec, packet) is None
