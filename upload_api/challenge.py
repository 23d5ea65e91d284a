"""The challenge of a sign-in: stateless, so that unsigned requests leave nothing behind.

The nonce is the wallet, the expiry, random bytes and an HMAC over them, in base64url; everything
in the message to be signed follows from it and the domain.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from scalediff_contract.web.problems import ProblemError
from upload_api import base58
from upload_api.wallets import KEY_BYTES

_RANDOM_BYTES = 16
_MAC_BYTES = 32
_BODY_BYTES = KEY_BYTES + 8 + _RANDOM_BYTES


@dataclass(frozen=True, kw_only=True)
class Nonce:
    """A challenge's nonce.

    Attributes:
        text: As it goes over the wire.
        wallet: For whom it was made.
        expires_ms: Epoch ms after which it is worth nothing.
    """

    text: str
    wallet: str
    expires_ms: int

    @property
    def digest(self) -> str:
        """Names the nonce among those that were used."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def make_nonce(key: bytes, wallet: bytes, expires_ms: int) -> Nonce:
    """A new nonce for a wallet's 32 bytes."""
    body = wallet + expires_ms.to_bytes(8) + secrets.token_bytes(_RANDOM_BYTES)
    text = base64.urlsafe_b64encode(body + hmac.digest(key, body, hashlib.sha256)).decode().rstrip("=")
    return Nonce(text=text, wallet=base58.encode(wallet), expires_ms=expires_ms)


def read_nonce(key: bytes, text: str) -> Nonce:
    """A nonce that came back.

    Raises:
        ProblemError: 401 `invalid-nonce` unless we made it, exactly as it stands.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        data = b""
    body, mac = data[:_BODY_BYTES], data[_BODY_BYTES:]
    canonical = base64.urlsafe_b64encode(data).decode().rstrip("=") == text
    expected = hmac.digest(key, body, hashlib.sha256)
    if not (canonical and len(mac) == _MAC_BYTES and hmac.compare_digest(mac, expected)):
        raise ProblemError(401, "invalid-nonce", "the nonce is not one of ours; ask for a new challenge")
    wallet, expires_ms = body[:KEY_BYTES], int.from_bytes(body[KEY_BYTES : KEY_BYTES + 8])
    return Nonce(text=text, wallet=base58.encode(wallet), expires_ms=expires_ms)


def message_of(nonce: Nonce, *, domain: str, lifetime_s: int) -> str:
    """The text that the wallet shows and signs."""
    issued_ms = nonce.expires_ms - lifetime_s * 1000
    return (
        f"{domain} asks you to sign in with your wallet:\n{nonce.wallet}\n\n"
        "Signing costs nothing and moves nothing. Your recordings will be credited to this wallet.\n\n"
        f"Nonce: {nonce.text}\nIssued at: {_iso(issued_ms)}\nExpires at: {_iso(nonce.expires_ms)}"
    )


def _iso(epoch_ms: int) -> str:
    return dt.datetime.fromtimestamp(epoch_ms // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
