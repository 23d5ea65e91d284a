"""Conditioning images: only from places of ours, only pictures, and kept as they were when ordered.

An order names `s3://bucket/key` in an allowed bucket, or `store:{key}` of the clips' store under
`synthetic/conditioning/`. No other address is ever opened, so an order cannot make this service fetch
anything. The image is copied under the hash of its bytes; what the worker reads is that copy.
"""

import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from gpu_services.generation.service.store import (
    CONDITIONING,
    ClipStore,
    ObjectMissingError,
    open_clip_store,
)

_STORE_KEY = re.compile(rf"{CONDITIONING}/[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^\x00-\x1f?#]{1,900})")
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LEAST_PX = 8


class ImageError(ValueError):
    """A conditioning image that is not taken.

    Attributes:
        slug: The problem's type.
    """

    def __init__(self, slug: str, problem: str) -> None:
        self.slug = slug
        super().__init__(f"conditioning_image_url: {problem}")


@dataclass(frozen=True, kw_only=True)
class Images:
    """Takes conditioning images in.

    Attributes:
        store: The clips' store.
        buckets: Buckets that images may lie in.
        limit_bytes: Largest image.
        limit_px: Longest side.
        endpoint_url: Another S3 endpoint.
        open_bucket: Opens a bucket.
    """

    store: ClipStore
    buckets: tuple[str, ...]
    limit_bytes: int
    limit_px: int
    endpoint_url: str | None = None
    open_bucket: Callable[..., ClipStore] = open_clip_store

    def take(self, url: str) -> str:
        """Copy an image into the store; its SHA-256.

        Raises:
            ImageError: It is not taken, and why.
            StoreUnavailableError: A store does not answer now.
        """
        source, key = self._place(url)
        try:
            content = source.get(key, limit_bytes=self.limit_bytes)
        except ObjectMissingError as error:
            raise ImageError("image-missing", f"{url} is not there, or not for us to read") from error
        check_image(content, limit_bytes=self.limit_bytes, limit_px=self.limit_px)
        digest = hashlib.sha256(content).hexdigest()
        if not self.store.exists(f"{CONDITIONING}/{digest}"):
            self.store.put(f"{CONDITIONING}/{digest}", content, "application/octet-stream")
        return digest

    def _place(self, url: str) -> tuple[ClipStore, str]:
        if url.startswith("store:"):
            key = url.removeprefix("store:")
            if not _STORE_KEY.fullmatch(key):
                raise ImageError("forbidden-image-address", f"{url!r} is not store:{CONDITIONING}/...")
            return self.store, key
        if not (found := _S3.fullmatch(url)):
            raise ImageError(
                "forbidden-image-address", f"{url[:200]!r} is neither s3://bucket/key nor store:..."
            )
        if found["bucket"] not in self.buckets:
            allowed = ", ".join(self.buckets) or "none are"
            raise ImageError(
                "forbidden-image-address", f"bucket {found['bucket']!r} is not allowed ({allowed})"
            )
        return self.open_bucket(f"s3://{found['bucket']}", endpoint_url=self.endpoint_url), found["key"]


def check_image(content: bytes, *, limit_bytes: int, limit_px: int) -> None:
    """Check that bytes are a PNG or JPEG within the limits; by the header first, so no bomb is decoded.

    Raises:
        ImageError: `image-too-large` or `not-an-image`.
    """
    if len(content) > limit_bytes:
        raise ImageError("image-too-large", f"over {limit_bytes} bytes; send a smaller one")
    size = _png_size(content) if content.startswith(_PNG) else _jpeg_size(content)
    if size is None:
        raise ImageError("not-an-image", f"{len(content)} bytes that are neither PNG nor JPEG")
    if max(size) > limit_px:
        raise ImageError("image-too-large", f"{size[0]}x{size[1]} px (at most {limit_px} a side)")
    if min(size) < _LEAST_PX:
        raise ImageError("not-an-image", f"{size[0]}x{size[1]} px (at least {_LEAST_PX} a side)")
    if not _decodes(content):
        raise ImageError("not-an-image", "its header is a picture's, its data is not")


def _png_size(content: bytes) -> tuple[int, int] | None:
    if len(content) < 24 or content[12:16] != b"IHDR":
        return None
    width_px, height_px = struct.unpack(">II", content[16:24])
    return int(width_px), int(height_px)


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header; None where there is none."""
    if not content.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker in _JPEG_SIZES:
            height_px, width_px = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width_px), int(height_px)
        if length < 2:
            return None
        at += 2 + length
    return None


def _decodes(content: bytes) -> bool:
    import cv2
    import numpy as np

    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
