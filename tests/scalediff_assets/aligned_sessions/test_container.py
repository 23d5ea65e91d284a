import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.aligned_sessions.container import ends_early

HEADER = b"\x1aE\xdf\xa3\x82\x01\x02"
SEGMENT_OF_UNKNOWN_SIZE = b"\x18S\x80g\x01" + b"\xff" * 7
CLUSTER_OF_UNKNOWN_SIZE = b"\x1fC\xb6u\xff"
BLOCK = b"\xa3\x84data"
RECORDED = HEADER + SEGMENT_OF_UNKNOWN_SIZE + CLUSTER_OF_UNKNOWN_SIZE + BLOCK + BLOCK


def test_a_recording_of_unknown_size_that_ends_with_a_block_is_whole() -> None:
    assert not ends_early(RECORDED)


@pytest.mark.parametrize("lost", [1, 3, 4, 5])
def test_a_cut_block_ends_early(lost: int) -> None:
    assert ends_early(RECORDED[:-lost])


def test_a_segment_that_states_more_than_there_is_ends_early() -> None:
    assert ends_early(HEADER + b"\x18S\x80g\x90" + BLOCK)
    assert not ends_early(HEADER + b"\x18S\x80g\x86" + BLOCK)


def test_no_bytes_end_early() -> None:
    assert ends_early(b"")


def test_a_block_of_unknown_size_is_broken() -> None:
    assert ends_early(HEADER + b"\xa3\xff" + b"x" * 500)


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert ends_early(data) in {True, False}
