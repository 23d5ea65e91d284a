"""One token, two checkers: what the upload API issues the painting service accepts."""

import pytest

from scalediff_contract.tokens import TokenError, make_token, token_key, wallet_of
from upload_api.secret import key_for

SECRET, NOW_MS = b"s" * 32, 1_800_000_000_000.0


def token(expires_ms: float = NOW_MS + 1_000) -> str:
    return make_token(token_key(SECRET), "wallet", now_ms=NOW_MS, expires_ms=int(expires_ms))


def test_a_token_names_its_wallet_until_it_expires() -> None:
    assert wallet_of(token_key(SECRET), token(), now_ms=NOW_MS) == "wallet"
    with pytest.raises(TokenError, match="expired") as caught:
        wallet_of(token_key(SECRET), token(), now_ms=NOW_MS + 1_000)
    assert caught.value.fault == "expired-token"


@pytest.mark.parametrize(
    ("wrong", "fault"), [(None, "not-signed-in"), ("", "not-signed-in"), ("a.b.c", "invalid-token")]
)
def test_what_is_no_token_of_ours_names_nobody(wrong: str | None, fault: str) -> None:
    with pytest.raises(TokenError) as caught:
        wallet_of(token_key(SECRET), wrong, now_ms=NOW_MS)
    assert caught.value.fault == fault


def test_another_secret_makes_other_tokens() -> None:
    with pytest.raises(TokenError):
        wallet_of(token_key(b"t" * 32), token(), now_ms=NOW_MS)


def test_the_key_is_the_upload_apis() -> None:
    assert token_key(SECRET) == key_for(SECRET, "tokens") != key_for(SECRET, "urls")
