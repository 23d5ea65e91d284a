"""Where clips lie: `synthetic/raw/{content key}/` in a folder or a bucket; every object is tagged synthetic.

A clip's sidecar is written last: where it is, the clip is whole. Names come from content, so writing a
clip twice writes the same bytes to the same place. What the graph accepts it copies elsewhere; the raw
prefix has a life of 90 days (a bucket rule in production).
"""

import contextlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from gpu_services.errors import NoSpaceError
from gpu_services.places import write_file

RAW = "synthetic/raw"
CLIP, SIDECAR = "clip.mp4", "clip.json"
CONDITIONING = "synthetic/conditioning"
_TAGS = "origin=synthetic"
_CONNECT_S, _READ_S, _ATTEMPTS = 5.0, 30.0, 3


class StoreUnavailableError(Exception):
    """The store does not answer, or has no space.

    Attributes:
        where: Which object.
    """

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        super().__init__(f"{where}: {problem}; it is tried again")


class ObjectMissingError(LookupError):
    """There is no such object.

    Attributes:
        where: Which.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"{where}: there is no such object; check the address")


class ClipStore(Protocol):
    """Objects by key. Any method may raise StoreUnavailableError."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object whole."""
        ...

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """Read an object, at most one byte more than the limit.

        Raises:
            ObjectMissingError: There is none.
        """
        ...

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        ...

    def url(self, key: str) -> str:
        """The object's address for other programs."""
        ...

    def signed_url(self, key: str, lifetime_s: int) -> str | None:
        """A URL that a browser may read for a while; None where only we can serve it."""
        ...


def clip_key(content_key: str) -> str:
    """The clip's object."""
    return f"{RAW}/{content_key}/{CLIP}"


def sidecar_key(content_key: str) -> str:
    """The clip's provenance, written last."""
    return f"{RAW}/{content_key}/{SIDECAR}"


def open_clip_store(url: str, *, endpoint_url: str | None = None) -> ClipStore:
    """The store of a URL: a folder, or `s3://bucket[/prefix]`; opens no connection yet."""
    if url.startswith("s3://"):
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return S3Clips(bucket=bucket, prefix=prefix.strip("/"), endpoint_url=endpoint_url)
    return DirectoryClips(Path(url))


@dataclass(frozen=True)
class DirectoryClips:
    """Clips in a folder of this machine."""

    folder: Path

    def put(self, key: str, content: bytes, content_type: str) -> None:  # noqa: ARG002 -- a folder has no types
        """Write an object atomically and durably."""
        try:
            write_file(self.folder / key, content)
        except (OSError, NoSpaceError) as error:
            raise StoreUnavailableError(key, str(error)) from error

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """Read an object."""
        try:
            with (self.folder / key).open("rb") as stream:
                return stream.read(-1 if limit_bytes is None else limit_bytes + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise ObjectMissingError(key) from error
        except OSError as error:
            raise StoreUnavailableError(key, str(error)) from error

    def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / key).is_file()

    def url(self, key: str) -> str:
        """Its path."""
        return str(self.folder / key)

    def signed_url(self, key: str, lifetime_s: int) -> str | None:  # noqa: ARG002 -- the API serves it
        """None: browsers cannot read this folder."""
        return None


@dataclass(frozen=True, kw_only=True)
class S3Clips:
    """Clips in a bucket; boto3 is imported and connected at the first use."""

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Write an object, tagged as synthetic."""
        self._call(
            "put_object", key, Body=content, ContentType=content_type, Tagging=_TAGS,
        )  # fmt: skip

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        """Read an object."""
        ranged = {} if limit_bytes is None else {"Range": f"bytes=0-{limit_bytes}"}
        with self._failing(key):
            return bytes(self._call("get_object", key, **ranged)["Body"].read())

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        try:
            self._call("head_object", key)
        except ObjectMissingError:
            return False
        return True

    def url(self, key: str) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self._full(key)}"

    def signed_url(self, key: str, lifetime_s: int) -> str | None:
        """A presigned URL."""
        target = {"Bucket": self.bucket, "Key": self._full(key)}
        return str(self._client.generate_presigned_url("get_object", Params=target, ExpiresIn=lifetime_s))

    def _full(self, key: str) -> str:
        return f"{self.prefix}/{key}" if self.prefix else key

    def _call(self, method: str, key: str, **options: Any) -> Any:
        with self._failing(key):
            return getattr(self._client, method)(Bucket=self.bucket, Key=self._full(key), **options)

    @contextlib.contextmanager
    def _failing(self, key: str) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in {"404", "NoSuchKey", "NotFound", "NoSuchBucket", "AccessDenied", "403"}:
                raise ObjectMissingError(self.url(key)) from error
            if code in {"416", "InvalidRange"}:  # an empty object has no first byte
                raise ObjectMissingError(self.url(key)) from error
            raise StoreUnavailableError(self.url(key), code) from error
        except BotoCoreError as error:
            raise StoreUnavailableError(self.url(key), type(error).__name__) from error

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        retries = {"mode": "standard", "total_max_attempts": _ATTEMPTS}
        config = Config(connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries=retries)
        return boto3.session.Session().client("s3", endpoint_url=self.endpoint_url, config=config)
