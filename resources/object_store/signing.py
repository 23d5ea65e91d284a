"""Signed uploads to S3: a URL that takes one file of one size and one hash, once.

Signature version 4 by name: botocore signs URLs of us-east-1, and those without a region, with
version 2, which leaves size and overwriting to the uploader.
"""

import base64
import functools
import os
from dataclasses import dataclass
from typing import Any, Protocol

from resources.object_store.s3 import S3Store
from resources.object_store.store import StoreUnavailableError


@dataclass(frozen=True, kw_only=True)
class SignedPut:
    """A signed upload: PUT the body to `url` with exactly these headers."""

    url: str
    headers: dict[str, str]


class UploadSigner(Protocol):
    """Makes signed uploads."""

    def sign_put(
        self, key: str, *, size_bytes: int, sha256: str, content_type: str, lifetime_s: int, base_url: str
    ) -> SignedPut:
        """A URL that takes exactly this content under `key`, if there is nothing under it yet.

        Args:
            key: Where, in the raw store.
            size_bytes: The body's length.
            sha256: The body's hash, 64 hex digits.
            content_type: MIME type that the uploader must name.
            lifetime_s: Seconds for which the URL works.
            base_url: Base of this server's own URLs, where it takes the upload itself.
        """


@dataclass(frozen=True)
class S3Signer:
    """Signed uploads straight to the store's bucket."""

    store: S3Store

    def sign_put(
        self,
        key: str,
        *,
        size_bytes: int,
        sha256: str,
        content_type: str,
        lifetime_s: int,
        base_url: str,  # noqa: ARG002 - S3 takes the upload
    ) -> SignedPut:
        """See `UploadSigner.sign_put`.

        Raises:
            StoreUnavailableError: There are no credentials to sign with.
        """
        from botocore.exceptions import BotoCoreError

        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        parameters = {
            "Bucket": self.store.bucket,
            "Key": self.store.name_of(key),
            "ContentLength": size_bytes,
            "ContentType": content_type,
            "ChecksumSHA256": checksum,
            "IfNoneMatch": "*",
        }
        try:
            url = _signing_client(
                self.store.endpoint_url, self.store.region, os.getpid()
            ).generate_presigned_url("put_object", Params=parameters, ExpiresIn=lifetime_s)
        except BotoCoreError as error:
            problem = f"cannot sign ({error}); check the AWS credentials"
            raise StoreUnavailableError(self.store.url, key, problem) from error
        headers = {"Content-Type": content_type, "If-None-Match": "*", "x-amz-checksum-sha256": checksum}
        return SignedPut(url=url, headers=headers)


@functools.lru_cache(maxsize=32)
def _signing_client(endpoint_url: str | None, region: str | None, _process_id: int) -> Any:
    import boto3
    from botocore.config import Config

    # Amazon's default is the global host, which redirects for other regions; a browser's preflight
    # request follows no redirect. Other servers rarely have a host for each bucket.
    style = "virtual" if endpoint_url is None else "path"
    config = Config(signature_version="s3v4", s3={"addressing_style": style})
    return boto3.session.Session().client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
