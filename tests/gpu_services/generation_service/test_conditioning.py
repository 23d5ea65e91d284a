"""Conditioning images: real pictures from allowed places, kept as they were when ordered."""

import hashlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_services.generation.service.conditioning import ImageError, Images, check_image
from gpu_services.generation.service.store import (
    DirectoryClips,
    ObjectMissingError,
    S3Clips,
    StoreUnavailableError,
)

LIMITS: dict[str, Any] = {"limit_bytes": 100_000, "limit_px": 1_000}


def picture(kind: str = ".png", width_px: int = 40, height_px: int = 30) -> bytes:
    pixels = np.arange(height_px * width_px * 3, dtype=np.uint8).reshape(height_px, width_px, 3)
    return cv2.imencode(kind, pixels)[1].tobytes()


def png_of(width_px: int, height_px: int) -> bytes:
    """A PNG that says it is of any size, in a few bytes: what a bomb begins with."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_a_picture_is_taken(kind: str) -> None:
    check_image(picture(kind), **LIMITS)


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"", "not-an-image"),
        (b"%PDF-1.7", "not-an-image"),
        (b"#EXTM3U\nhttp://169.254.169.254/", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        (b"GIF89a" + bytes(100), "not-an-image"),
        (picture()[:60], "not-an-image"),
        (picture(".jpg")[:30], "not-an-image"),
        (b"\xff\xd8\xff\xe0\x00\x00" * 10, "not-an-image"),
        (picture(width_px=4, height_px=4), "not-an-image"),
        (png_of(50_000, 50_000), "image-too-large"),
        (picture(".jpg", width_px=1_001), "image-too-large"),
        (picture() + bytes(100_000), "image-too-large"),
    ],
)
def test_what_is_no_picture_or_too_large_is_refused(content: bytes, slug: str) -> None:
    with pytest.raises(ImageError) as caught:
        check_image(content, **LIMITS)
    assert caught.value.slug == slug


@given(st.binary(max_size=300))
def test_any_bytes_are_judged_without_a_crash(noise: bytes) -> None:
    for start in (b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(ImageError):
            check_image(start + noise, **LIMITS)


def images(folder: Path, **changes: Any) -> Images:
    return Images(store=DirectoryClips(folder), buckets=("frames",), **LIMITS, **changes)


def test_an_image_of_the_store_is_copied_under_its_hash(tmp_path: Path) -> None:
    taker, content = images(tmp_path), picture()
    taker.store.put("synthetic/conditioning/dawn.png", content, "image/png")
    digest = taker.take("store:synthetic/conditioning/dawn.png")
    assert digest == hashlib.sha256(content).hexdigest()
    taker.store.put("synthetic/conditioning/dawn.png", b"changed later", "image/png")
    assert taker.store.get(f"synthetic/conditioning/{digest}") == content


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> Any:
    client = aws("s3")
    client.create_bucket(Bucket="frames")
    return client


def test_an_image_comes_from_an_allowed_bucket(tmp_path: Path, bucket: Any, aws_endpoint: str) -> None:
    content = picture(".jpg")
    bucket.put_object(Bucket="frames", Key="a/dusk ö.jpg", Body=content)
    taker = images(tmp_path, endpoint_url=aws_endpoint)
    assert taker.take("s3://frames/a/dusk ö.jpg") == hashlib.sha256(content).hexdigest()
    with pytest.raises(ImageError, match="is not there"):
        taker.take("s3://frames/absent.jpg")
    bucket.put_object(Bucket="frames", Key="huge.jpg", Body=bytes(200_000))
    with pytest.raises(ImageError, match="over 100000 bytes"):
        taker.take("s3://frames/huge.jpg")
    bucket.put_object(Bucket="frames", Key="empty.jpg", Body=b"")
    with pytest.raises(ImageError):
        taker.take("s3://frames/empty.jpg")


def test_clips_in_a_bucket_are_tagged_synthetic_and_can_be_looked_at(aws: Any, aws_endpoint: str) -> None:
    import urllib.request

    client = aws("s3")
    client.create_bucket(Bucket="lake")
    store = S3Clips(bucket="lake", prefix="v1", endpoint_url=aws_endpoint)
    store.put("synthetic/raw/x/clip.mp4", b"film", "video/mp4")
    assert store.url("synthetic/raw/x/clip.mp4") == "s3://lake/v1/synthetic/raw/x/clip.mp4"
    tags = client.get_object_tagging(Bucket="lake", Key="v1/synthetic/raw/x/clip.mp4")["TagSet"]
    assert tags == [{"Key": "origin", "Value": "synthetic"}]
    assert (store.exists("synthetic/raw/x/clip.mp4"), store.exists("y")) == (True, False)
    with urllib.request.urlopen(str(store.signed_url("synthetic/raw/x/clip.mp4", 60))) as answer:
        assert answer.read() == b"film"
    with pytest.raises(ObjectMissingError, match="s3://lake/v1/y"):
        store.get("y")


def test_a_store_that_does_not_answer_says_so() -> None:
    with pytest.raises(StoreUnavailableError):
        S3Clips(bucket="lake", endpoint_url="http://127.0.0.1:1").exists("x")
