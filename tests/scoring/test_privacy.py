"""Faces and plates: what counts, what is not applicable, and that blurred is unreadable."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from scoring.privacy import Box, PrivacyState, blur_boxes, blur_clip, check_privacy

RNG = np.random.default_rng(0)
MARK = (255, 0, 255)


class MarkDetector:
    """A fake detector: finds the bounding box of pure magenta and calls it a plate."""

    name = "fake-magenta"

    def detect(self, picture: npt.NDArray[np.uint8]) -> Sequence[Box]:
        rows, columns = np.nonzero((picture == MARK).all(-1))
        if not len(rows):
            return ()
        x0, x1, y0, y1 = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
        return (Box(kind="plate", x0_px=x0, x1_px=x1, y0_px=y0, y1_px=y1, confidence=1.0),)


def clip_with_mark(side_px: int) -> npt.NDArray[np.uint8]:
    clip = RNG.integers(0, 200, (3, 256, 320, 3), np.uint8)
    clip[1, 40 : 40 + side_px, 60 : 60 + side_px] = MARK
    return clip


@pytest.mark.parametrize(
    ("side_px", "state"), [(0, PrivacyState.CLEAR), (20, PrivacyState.CLEAR), (21, PrivacyState.FOUND)]
)
def test_only_boxes_over_20_px_count(side_px: int, state: PrivacyState) -> None:
    check = check_privacy(clip_with_mark(side_px), MarkDetector())
    assert (check.state, check.detector) == (state, "fake-magenta")
    assert check.found == (1 if state is PrivacyState.FOUND else 0)


def test_the_reason_names_kind_and_frame() -> None:
    assert check_privacy(clip_with_mark(30), MarkDetector()).why.endswith("the first is a plate in frame 1")


def test_a_low_picture_is_not_applicable_even_with_a_detector() -> None:
    check = check_privacy(np.zeros((8, 64, 64, 3), np.uint8), MarkDetector())
    assert check.state is PrivacyState.NOT_APPLICABLE
    assert check.detector is None
    assert "64 px high" in check.why


def test_without_a_detector_a_large_clip_is_unchecked_not_clear() -> None:
    assert check_privacy(clip_with_mark(0), None).state is PrivacyState.UNCHECKED


def test_blurring_hides_the_box_from_the_detector_and_touches_nothing_else() -> None:
    clip = clip_with_mark(40)
    hidden = blur_clip(clip, MarkDetector())
    outside = np.ones(clip.shape, bool)
    outside[1, 40:80, 60:100] = False
    np.testing.assert_array_equal(hidden[outside], clip[outside])
    assert check_privacy(clip, MarkDetector()).state is PrivacyState.FOUND


def test_a_blurred_text_keeps_16_values_a_channel_at_most() -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[::2] = 255  # stripes: all detail, one mean
    hidden = blur_boxes(picture, [Box(kind="face", x0_px=-9, x1_px=48, y0_px=16, y1_px=80, confidence=0.9)])
    assert np.ptp(hidden[16:, :48].astype(int)) <= 16
    np.testing.assert_array_equal(hidden[:16], picture[:16])


def test_a_box_outside_of_the_picture_hides_nothing() -> None:
    picture = RNG.integers(0, 255, (32, 32, 3), np.uint8)
    hidden = blur_boxes(picture, [Box(kind="face", x0_px=40, x1_px=70, y0_px=0, y1_px=9, confidence=0.5)])
    np.testing.assert_array_equal(hidden, picture)
