"""Which wallets there are, and whose signature is whose."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from scalediff_contract.web.problems import ProblemError
from upload_api import base58
from upload_api.wallets import has_small_order, public_key, verify

# The points of small order, as RFC 8032 encodes them; libsodium refuses the same.
SMALL_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


@pytest.mark.parametrize("key", SMALL_ORDER)
@pytest.mark.parametrize("sign", [0, 0x80])
def test_keys_that_anyone_can_sign_for_are_no_wallets(key: str, sign: int) -> None:
    data = bytearray.fromhex(key)
    data[31] |= sign
    assert has_small_order(bytes(data))
    with pytest.raises(ProblemError, match="belongs to nobody"):
        public_key(base58.encode(bytes(data)))


@given(st.binary(min_size=32, max_size=32))
def test_real_keys_are_wallets(seed: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    data = key.public_key().public_bytes_raw()
    wallet = base58.encode(data)
    assert public_key(wallet) == data
    assert verify(wallet, "Grüße", base58.encode(key.sign("Grüße".encode())))
    assert not verify(wallet, "Grüsse", base58.encode(key.sign("Grüße".encode())))


@pytest.mark.parametrize("size_bytes", [31, 33])
def test_a_wallet_of_another_size_is_refused(size_bytes: int) -> None:
    with pytest.raises(ProblemError, match=rf"holds {size_bytes} bytes \(needed: 32\)"):
        public_key(base58.encode(b"\7" * size_bytes))


def test_bytes_that_are_no_point_verify_nothing() -> None:
    assert not verify(base58.encode(b"\2" + bytes(31)), "text", base58.encode(b"\5" * 64))
