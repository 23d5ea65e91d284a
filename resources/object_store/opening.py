"""From a URL in the settings to a store."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from resources.object_store.directory import DirectoryStore
from resources.object_store.s3 import S3Store
from resources.object_store.store import ObjectStore


def open_store(url: str, *, endpoint_url: str | None = None, region: str | None = None) -> ObjectStore:
    """The store at `url`; opens no connection and makes no folder.

    Args:
        url: `s3://bucket/prefix`, `file:///folder`, or a path.
        endpoint_url: Another S3 endpoint than Amazon's.
        region: Region of the bucket.

    Raises:
        ValueError: For an S3 URL without a bucket, or another scheme.
    """
    if "://" not in url:
        return DirectoryStore(Path(url).expanduser().absolute())
    parts = urlsplit(url)
    if parts.scheme == "file":
        return DirectoryStore(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        prefix = url.removeprefix(f"s3://{parts.netloc}").strip("/")
        return S3Store(bucket=parts.netloc, prefix=prefix, endpoint_url=endpoint_url, region=region)
    raise ValueError(f"store URL {url!r} cannot be opened: use s3://bucket/prefix, file:///folder or a path")
