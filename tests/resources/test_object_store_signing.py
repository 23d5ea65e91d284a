"""Signed uploads to S3: what the URL holds the uploader to, in every region."""

from urllib.parse import parse_qs, urlsplit

import pytest

from resources.object_store import InvalidKeyError, S3Signer, S3Store

SIGNED_HEADERS = "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"


def sign(store: S3Store, key: str = "w/x.webm") -> str:
    return S3Signer(store).sign_put(
        key, size_bytes=5, sha256="ab" * 32, content_type="video/webm", lifetime_s=600, base_url=""
    ).url  # fmt: skip


@pytest.mark.parametrize("region", [None, "us-east-1", "eu-central-1", "ap-southeast-3"])
def test_size_hash_and_condition_are_signed_in_every_region(region: str | None) -> None:
    query = parse_qs(urlsplit(sign(S3Store("players-uploads", region=region))).query)
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-SignedHeaders"] == [SIGNED_HEADERS]
    assert query["X-Amz-Expires"] == ["600"]


def test_the_host_is_the_regions_own_because_a_preflight_follows_no_redirect() -> None:
    url = sign(S3Store("players-uploads", "raw", region="eu-central-1"))
    assert url.startswith("https://players-uploads.s3.eu-central-1.amazonaws.com/raw/w/x.webm?")


def test_another_endpoint_has_the_bucket_in_its_path() -> None:
    url = sign(S3Store("uploads", endpoint_url="http://localhost:9000", region="us-east-1"))
    assert url.startswith("http://localhost:9000/uploads/w/x.webm?")


def test_a_key_that_can_name_no_object_is_not_signed() -> None:
    with pytest.raises(InvalidKeyError):
        sign(S3Store("uploads", region="us-east-1"), "../x")
