"""The embedded store's upload URLs: an HMAC over method, key, expiry, size, hash and type."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from resources.object_store import SignedPut
from scalediff_contract.web.problems import ProblemError

OBJECTS = "/v1/objects"


@dataclass(frozen=True, kw_only=True)
class Permit:
    """What an upload URL allows: one body under one key until a moment."""

    key: str
    expires: int
    size: int
    sha256: str
    type: str

    def signature(self, key: bytes) -> str:
        """The HMAC, in hex."""
        fields = ("PUT", self.key, str(self.expires), str(self.size), self.sha256, self.type)
        return hmac.new(key, "\n".join(fields).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class ObjectUrls:
    """Signs and checks; an `UploadSigner`.

    Attributes:
        secret: The key of the HMAC.
        now_ms: The wall clock.
    """

    secret: bytes = field(repr=False)
    now_ms: Callable[[], float]

    def sign_put(
        self, key: str, *, size_bytes: int, sha256: str, content_type: str, lifetime_s: int, base_url: str
    ) -> SignedPut:
        """See `UploadSigner.sign_put`."""
        expires_s = int(self.now_ms()) // 1000 + lifetime_s
        permit = Permit(key=key, expires=expires_s, size=size_bytes, sha256=sha256, type=content_type)
        query = urlencode(
            {
                "expires": permit.expires,
                "size": permit.size,
                "sha256": permit.sha256,
                "type": permit.type,
                "signature": permit.signature(self.secret),
            }
        )
        headers = {"Content-Type": content_type, "If-None-Match": "*"}
        return SignedPut(url=f"{base_url}{OBJECTS}/{key}?{query}", headers=headers)

    def check(self, permit: Permit, signature: str) -> None:
        """Check what came back in a URL.

        Raises:
            ProblemError: 403 `invalid-signature` or `expired-url`.
        """
        expected = permit.signature(self.secret)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
            detail = "the URL is not as we signed it; ask for new ones with PUT /v1/sessions/{id}/files"
            raise ProblemError(403, "invalid-signature", detail)
        if permit.expires * 1000 <= self.now_ms():
            detail = "the URL has expired; ask for new ones with PUT /v1/sessions/{id}/files"
            raise ProblemError(403, "expired-url", detail)
