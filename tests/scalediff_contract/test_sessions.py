"""Object keys: both forms are read, everything else is refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_contract.sessions import (
    MAX_KEY_CHARS,
    REQUIRED_FILES,
    BundleFile,
    ObjectKey,
    UnrecognisedKeyError,
    parse_object_key,
    trace_id,
)

SESSION = "session_1769925785747_z9mm6j"
wallets = st.from_regex(re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII), fullmatch=True)
sessions = st.from_regex(re.compile(r"session_[0-9]{13}_[a-z0-9]{1,16}", re.ASCII), fullmatch=True)
upload_times = st.none() | st.integers(10**12, 10**13 - 1)


@given(wallets, sessions, st.sampled_from(BundleFile), upload_times)
def test_every_key_that_we_write_is_read_back(
    wallet: str, session_id: str, file: BundleFile, upload_ms: int | None
) -> None:
    key = ObjectKey(wallet=wallet, session_id=session_id, file=file, upload_ms=upload_ms)
    assert parse_object_key(str(key)) == key


def test_the_documented_key_form_has_no_upload_time() -> None:
    key = parse_object_key(f"Dzse3t/{SESSION}_meta.json")
    assert key == ObjectKey(wallet="Dzse3t", session_id=SESSION, file=BundleFile.META)


def test_the_recorded_key_form_keeps_its_upload_time() -> None:
    assert parse_object_key(f"Dzse3t/1769936467514_{SESSION}.webm").upload_ms == 1769936467514


def test_the_source_video_is_not_taken_for_the_video() -> None:
    assert parse_object_key(f"w/{SESSION}_source.webm").file is BundleFile.SOURCE_VIDEO
    assert BundleFile.SOURCE_VIDEO not in REQUIRED_FILES


@pytest.mark.parametrize(
    "key",
    [
        "",
        f"{SESSION}.webm",
        f"/{SESSION}.webm",
        f"../{SESSION}.webm",
        f"w/../{SESSION}.webm",
        f"w/x/{SESSION}.webm",
        f"w/{SESSION}.mp4",
        f"w/{SESSION}.webm/",
        f"w/{SESSION}_meta.json\n",
        f"w/123_{SESSION}.webm",
        f"w/{SESSION.upper()}.webm",
        "w/session_176992578574_z9mm6j.webm",
        f"{'w' * 65}/{SESSION}.webm",
        f"w/{SESSION}{'.webm' * 60}",
    ],
)
def test_other_keys_are_refused_with_the_expected_form(key: str) -> None:
    with pytest.raises(UnrecognisedKeyError, match="expected") as caught:
        parse_object_key(key)
    assert caught.value.key == key


@given(st.text(max_size=MAX_KEY_CHARS + 50))
def test_any_text_is_a_key_or_is_refused(text: str) -> None:
    try:
        key = parse_object_key(text)
    except UnrecognisedKeyError:
        return
    assert parse_object_key(str(key)) == key


def test_the_trace_id_is_the_same_for_every_retry_and_other_for_another_wallet() -> None:
    assert trace_id("w", SESSION) == trace_id("w", SESSION)
    assert trace_id("w", SESSION) != trace_id("v", SESSION)
    assert re.fullmatch(r"[0-9a-f]{32}", trace_id("w", SESSION))
