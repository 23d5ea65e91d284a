"""Base58 against its known examples and against itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upload_api.base58 import Base58Error, decode, encode


@given(st.binary(max_size=80))
def test_bytes_come_back(data: bytes) -> None:
    assert decode(encode(data), len(data)) == data


@given(st.text(alphabet="123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", max_size=60))
def test_a_text_has_one_size_and_comes_back(text: str) -> None:
    sizes = []
    for size_bytes in range(len(text) // 2, len(text) + 1):
        try:
            assert encode(decode(text, size_bytes)) == text
            sizes.append(size_bytes)
        except Base58Error:
            continue
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\0", "1"),
        (b"\0\0\1", "112"),
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
        (bytes(32), "1" * 32),
    ],
)
def test_known_examples(data: bytes, text: str) -> None:
    assert encode(data) == text
    assert decode(text, len(data)) == data


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "../x", "é", "1 ", "", "1" * 3, "2" * 50])
def test_another_text_is_refused_with_its_problem(text: str) -> None:
    with pytest.raises(Base58Error):
        decode(text, 2)
