"""Ids are read, hidden from the painter and drawn again."""

import fractions

import numpy as np
import pytest
from av import VideoFrame

from gpu_services.streaming.client import content_id_of, source_picture
from gpu_services.streaming.service.pictures import (
    IdReader,
    prepared,
    read_id,
    resized,
    with_stamp,
    without_stamp,
)
from world.recorder.stamp import read_stamp

SIZES = [(1280, 720), (640, 360), (832, 480), (320, 180)]


def frame_of(frame_id: int, width: int, height: int, *, stamped: bool = True) -> VideoFrame:
    frame = VideoFrame.from_ndarray(source_picture(frame_id, width, height, stamped=stamped), format="rgb24")
    decoded = frame.reformat(format="yuv420p")
    decoded.pts, decoded.time_base = 0, fractions.Fraction(1, 90_000)
    return decoded


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_id_comes_back_on_the_painted_picture_and_the_painter_never_sees_it(
    width: int, height: int
) -> None:
    picture = prepared(frame_of(4_711, width, height), IdReader(), width_px=640, height_px=360, in_s=1.0)
    assert picture is not None
    assert (picture.in_id, picture.is_stamped) == (4_711, True)
    assert picture.rgb.shape == (360, 640, 3)
    assert read_stamp(with_stamp(picture.rgb, picture.in_id)) == 4_711


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pictures_that_differ_in_their_stamps_alone_are_alike_to_the_painter(width: int, height: int) -> None:
    plain = source_picture(5, width, height, stamped=False)
    seen = []
    for frame_id in (0, (1 << 24) - 1):
        frame = VideoFrame.from_ndarray(with_stamp(plain, frame_id), format="rgb24").reformat(
            format="yuv420p"
        )
        picture = prepared(frame, IdReader(), width_px=640, height_px=360, in_s=0.0)
        assert picture is not None
        seen.append(picture.rgb.astype(int))
    assert np.abs(seen[0] - seen[1]).max() <= 2


def test_what_stands_below_the_strip_is_not_touched() -> None:
    rgb = resized(source_picture(9, 640, 360), 640, 360)
    covered = without_stamp(rgb, 640, 360)
    assert np.array_equal(covered[18:], rgb[18:])
    assert content_id_of(with_stamp(covered, 9)[..., 1]) == 9


def test_the_id_is_read_from_luma_without_conversion() -> None:
    assert read_id(frame_of(77, 1280, 720)) == 77
    assert read_id(frame_of(77, 1280, 720, stamped=False)) is None


def test_unstamped_pictures_are_counted_and_get_no_stamp() -> None:
    ids = IdReader()
    assert [ids.id_of(None) for _ in range(4)] == [(k, False) for k in range(4)]


def test_a_damaged_stamp_in_a_stamped_stream_drops_the_picture() -> None:
    ids = IdReader()
    found = [ids.id_of(stamp) for stamp in (10, 11, None, 13, 9_999_999, 14, 14, 12, 15)]
    assert found == [(10, True), (11, True), None, (13, True), None, (14, True), None, None, (15, True)]


def test_one_chance_reading_does_not_make_an_unstamped_stream_a_stamped_one() -> None:
    ids = IdReader()
    found = [ids.id_of(stamp) for stamp in (None, None, 8_000_000, None, None)]
    assert found[3:] == [(3, False), (4, False)]
    assert not ids.is_stamped


def test_a_client_that_counts_from_the_start_again_is_believed_after_a_while() -> None:
    ids = IdReader()
    for stamp in range(1_000, 1_010):
        ids.id_of(stamp)
    found = [ids.id_of(stamp) for stamp in range(20)]
    assert found[0] is None
    assert found[-1] == (19, True)
    assert sum(id_ is None for id_ in found) < 10
