"""Wallets: base58 of an Ed25519 public key, and the check of its signatures.

Keys of small order are refused: for the eight points whose multiples run in a short circle, a
signature can be made without a secret. The system program's address, all ones, is one of them.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from scalediff_contract.web.problems import ProblemError
from upload_api import base58

KEY_BYTES = 32
SIGNATURE_BYTES = 64
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


def public_key(wallet: str) -> bytes:
    """The wallet's 32 bytes.

    Raises:
        ProblemError: 422 `invalid-wallet` for everything else.
    """
    try:
        key = base58.decode(wallet, KEY_BYTES)
    except base58.Base58Error as error:
        raise ProblemError(
            422, "invalid-wallet", f"wallet {error}; send the base58 address of a Solana wallet"
        ) from error
    if has_small_order(key):
        raise ProblemError(
            422, "invalid-wallet", f"wallet {wallet!r} belongs to nobody; send a player's wallet"
        )
    return key


def verify(wallet: str, message: str, signature: str) -> bool:
    """Whether `signature` is the wallet's over the UTF-8 message."""
    key = public_key(wallet)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            base58.decode(signature, SIGNATURE_BYTES), message.encode()
        )
    except (base58.Base58Error, InvalidSignature):
        return False
    return True


def has_small_order(key: bytes) -> bool:
    """Whether the key's point has order 1, 2, 4 or 8.

    By the curve -x^2 + y^2 = 1 + d x^2 y^2: order 1 and 2 have y = 1 and -1, order 4 has y = 0; a
    point of order 8 doubles to one with y = 0, so x^2 = -y^2, which the curve makes
    d y^4 + 2 y^2 - 1 = 0.
    """
    y = (int.from_bytes(key, "little") & (2**255 - 1)) % _P
    return y in (0, 1, _P - 1) or (_D * y**4 + 2 * y**2 - 1) % _P == 0
