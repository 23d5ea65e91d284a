"""The decode pass on small clips, good and broken."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import simplejpeg
from av.video.reformatter import VideoReformatter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalediff_assets.aligned_sessions.packets import read_packets, run_ids
from scalediff_assets.schemas import SIGNALS
from scalediff_assets.segments.decode import DecodedSession, DecodeOptions, decode_session
from scalediff_contract.reasons import Reason

SESSION_ID = "session_1769925785000_abc"
Clip = Callable[..., Path]
RNG = np.random.default_rng(3)
JITTERED_PTS = np.concatenate(([0], np.cumsum(RNG.integers(20, 47, 89)))).tolist()


def decoded(path: Path, *, stamped: bool = False, **options: Any) -> DecodedSession:
    valid, _ = run_ids(read_packets(path).pts_ms)
    return decode_session(
        path, session_id=SESSION_ID, pts_valid=valid, stamped=stamped, options=DecodeOptions(**options)
    )


def expected_luma(picture: np.ndarray) -> np.ndarray:
    height_px = picture.shape[0] * 2 // 3
    small = cv2.resize(picture[:height_px].astype(np.float32), (256, 256), interpolation=cv2.INTER_AREA)
    return (small - 16) * 255 / 219


def test_every_frame_is_measured(clip: Clip) -> None:
    made = decoded(clip(count=45))
    assert made.reason is made.detail is None
    assert SIGNALS.problems(made.signals) == []
    assert made.signals["frame_idx"].to_list() == list(range(45))
    assert made.signals["pts_ms"].to_list() == [round(k * 1000 / 30) for k in range(45)]
    assert set(made.jpegs) == set(made.signals.filter("exported")["frame_idx"])


def test_the_signals_are_those_of_the_pictures(clip: Clip, source_pictures: Callable[..., Any]) -> None:
    made = decoded(clip(count=10)).signals
    lumas = [expected_luma(picture) for picture in source_pictures(10)]
    assert made["luma_mean"].to_list() == pytest.approx([luma.mean() for luma in lumas], abs=2)
    assert made["luma_std"].to_list() == pytest.approx([luma.std() for luma in lumas], rel=0.1)
    motion = [np.abs(after - before).mean() for before, after in pairwise(lumas)]
    assert made["motion"].to_list()[1:] == pytest.approx(motion, rel=0.25)


def test_pictures_are_256_px_jpegs_near_the_source(clip: Clip, source_pictures: Callable[..., Any]) -> None:
    made = decoded(clip(count=30))
    for index, jpeg in made.jpegs.items():
        luma = simplejpeg.decode_jpeg(jpeg, colorspace="GRAY")[:, :, 0]
        assert simplejpeg.decode_jpeg(jpeg).shape == (256, 256, 3)
        assert np.abs(luma - expected_luma(source_pictures(30)[index])).mean() < 5


def test_gray_and_colour_scaling_give_the_same_luma(clip: Clip) -> None:
    gray, colour = VideoReformatter(), VideoReformatter()
    with av.open(clip(count=5)) as container:
        for frame in container.decode(video=0):
            lumas = [
                np.asarray(
                    scaler.reformat(frame, 256, 256, name, interpolation="AREA", threads=1).planes[0]
                ).reshape(256, -1)
                for scaler, name in ((gray, "gray"), (colour, "yuvj420p"))
            ]
            assert np.array_equal(lumas[0], lumas[1])


def test_the_signals_do_not_depend_on_what_is_exported(clip: Clip) -> None:
    path = clip(count=30)
    few, all_of_them = decoded(path, export_hz=1.0), decoded(path, export_hz=0.0)
    assert len(few.jpegs) == 1
    assert len(all_of_them.jpegs) == 30
    assert few.signals.drop("exported").equals(all_of_them.signals.drop("exported"))
    assert few.jpegs[0] == all_of_them.jpegs[0]


def test_ten_hertz_export_the_first_frame_of_each_tenth_of_a_second(clip: Clip) -> None:
    made = decoded(clip(count=90, pts_ms=JITTERED_PTS), export_hz=10.0)
    first_of: dict[int, int] = {}
    for index, pts_ms in enumerate(JITTERED_PTS):
        first_of.setdefault((pts_ms + 1) // 100, index)
    assert list(made.jpegs) == list(first_of.values())
    assert len(made.jpegs) == pytest.approx(JITTERED_PTS[-1] / 100, abs=1)


@pytest.mark.parametrize("rounding", [round, int])
def test_thirty_hertz_export_every_frame_of_a_30_fps_video(
    clip: Clip, rounding: Callable[[float], int]
) -> None:
    made = decoded(clip(count=60, pts_ms=[rounding(k * 1000 / 30) for k in range(60)]), export_hz=30.0)
    assert list(made.jpegs) == list(range(60))


def test_a_frame_without_a_trusted_pts_is_measured_but_never_exported(clip: Clip) -> None:
    pts_ms = [0, 40, 80, 400, 400, 400, 400, 440, 480, 520]
    made = decoded(clip(count=10, pts_ms=pts_ms), export_hz=0.0)
    assert made.signals["pts_ms"].to_list() == pts_ms
    assert list(made.jpegs) == [0, 1, 2, 7, 8, 9]


def test_about_one_frame_a_second_is_hashed(clip: Clip) -> None:
    made = decoded(clip(count=90)).signals
    assert made.filter(made["pdq_hash"].is_not_null())["pts_ms"].to_list() == [0, 1000, 2000]


def test_a_scene_change_is_a_cut(clip: Clip) -> None:
    made = decoded(clip(count=20, jump_at=12)).signals
    assert made.filter("cut")["frame_idx"].to_list() == [12]


def test_the_frame_id_along_the_top_edge_cannot_be_seen(clip: Clip) -> None:
    path = clip(count=10, stamp=True)
    strip, painted = (
        simplejpeg.decode_jpeg(decoded(path, stamped=stamped).jpegs[0], colorspace="GRAY")[:14, :, 0]
        for stamped in (False, True)
    )
    assert np.ptp(strip.astype(int), axis=0).mean() > 50
    assert np.ptp(painted.astype(int), axis=0).mean() < 12


def test_a_stream_that_changes_its_size_is_decoded_to_its_end(
    clip: Clip, encode: Callable[..., bytes], one_after_the_other: Callable[..., bytes]
) -> None:
    content = one_after_the_other(encode(count=20), encode(count=20, width_px=480, height_px=272))
    made = decoded(clip(content), export_hz=0.0)
    assert made.reason is None
    assert made.signals.height == len(made.jpegs) == 40
    assert {simplejpeg.decode_jpeg(jpeg).shape for jpeg in made.jpegs.values()} == {(256, 256, 3)}


def test_a_size_over_the_limit_midway_ends_the_pass_there(
    clip: Clip, encode: Callable[..., bytes], one_after_the_other: Callable[..., bytes]
) -> None:
    content = one_after_the_other(encode(count=20), encode(count=20, width_px=480, height_px=272))
    made = decoded(clip(content), max_pixels=320 * 192)
    assert made.reason is Reason.BAD_DIMENSIONS
    assert made.detail is not None
    assert "frame 20 is 480x272 (limit 61440 pixels" in made.detail
    assert made.signals.height == 20


@pytest.mark.parametrize(
    ("limits", "reason", "message"),
    [
        ({"max_frames": 7}, Reason.TOO_MANY_FRAMES, "more than 7 frames"),
        ({"max_pixels": 1000}, Reason.BAD_DIMENSIONS, "320x192"),
        ({"max_wall_s": 1e-9}, Reason.TOO_LONG, "more than 1e-09 s"),
    ],
)
def test_a_limit_is_a_reason(limits: dict[str, Any], reason: Reason, message: str, clip: Clip) -> None:
    made = decoded(clip(count=10), **limits)
    assert made.reason is reason
    assert made.detail is not None
    assert made.detail.startswith(SESSION_ID)
    assert message in made.detail
    assert made.signals.height <= 7


@pytest.mark.parametrize("content", [b"", b"not a video at all\n" * 50, b"\x1a\x45\xdf\xa3"])
def test_what_is_no_video_is_a_reason(content: bytes, clip: Clip) -> None:
    made = decoded(clip(content))
    assert made.reason is Reason.DECODE_FAILED
    assert made.signals.equals(SIGNALS.empty())
    assert made.jpegs == {}


def test_a_truncated_file_keeps_the_frames_before_the_break(clip: Clip, encode: Callable[..., bytes]) -> None:
    content = encode(count=60)
    made = decoded(clip(content[: len(content) // 2]))
    assert 5 < made.signals.height < 60
    assert made.jpegs


def test_a_negative_export_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="export_hz is -1"):
        DecodeOptions(export_hz=-1)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(1, 255)), min_size=1, max_size=12))
def test_flipped_bytes_never_raise_and_never_hang(
    flips: list[tuple[float, int]], clip: Clip, encode: Callable[..., bytes]
) -> None:
    content = bytearray(encode(count=8, width_px=96, height_px=64))
    for place, mask in flips:
        content[int(place * len(content))] ^= mask
    path = clip(bytes(content))
    started = time.monotonic()
    made = decode_session(
        path, session_id=SESSION_ID, pts_valid=np.ones(8, np.bool_), options=DecodeOptions(max_wall_s=2.0)
    )
    assert time.monotonic() - started < 4
    assert SIGNALS.problems(made.signals) == []
    assert (made.reason is None) == (made.detail is None)
