"""An S3 bucket, or a prefix of one, as an object store.

Up to 16 MB go as one request with a SHA-256 that the server checks; larger files go in parts,
each with its own. A conditional put (`if_absent`) is one request at any size, because the parts
of boto3's transfers know no condition; S3 takes 5 GiB in one request.
"""

import base64
import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from resources.aws_clients import Endpoint, aws_client
from resources.object_store.store import (
    InvalidKeyError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreError,
    StoreUnavailableError,
    key_problem,
    validate_key,
)

_PART_BYTES = 16 * 1024**2
_SINGLE_PUT_BYTES = 5 * 1024**3
_CONFLICT_ATTEMPTS = 4
_MISSING = ("404", "NoSuchKey", "NotFound")
_EXISTS = ("412", "PreconditionFailed")
_CONFLICT = "ConditionalRequestConflict"


@dataclass(frozen=True)
class S3Store:
    """A store in an S3 bucket.

    Attributes:
        bucket: The bucket.
        prefix: Folder inside it, without slashes at its ends; empty for the whole bucket.
        endpoint_url: Another endpoint than Amazon's.
        region: Region of the bucket.
        connect_timeout_s: Limit for one connection.
        read_timeout_s: Limit for a silence in one answer.
        max_attempts: Calls per request, the first included.
    """

    bucket: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    max_attempts: int = 5

    def __post_init__(self) -> None:
        if self.prefix and (problem := key_problem(self.prefix)) is not None:
            raise InvalidKeyError(f"s3://{self.bucket}", self.prefix, f"as the store's prefix, {problem}")

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def put(
        self, key: str, data: bytes | Path, *, if_absent: bool = False, content_type: str | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.put`.

        Raises:
            ObjectTooLargeError: With `if_absent`, over 5 GiB.
        """
        name = self.name_of(key)
        size_bytes = len(data) if isinstance(data, bytes) else data.stat().st_size
        arguments = {} if content_type is None else {"ContentType": content_type}
        if if_absent:
            if size_bytes > _SINGLE_PUT_BYTES:
                problem = f"{size_bytes} bytes in a put with if_absent (limit {_SINGLE_PUT_BYTES})"
                raise ObjectTooLargeError(self.url, key, problem)
            arguments["IfNoneMatch"] = "*"
        with self._reporting(key):
            if isinstance(data, bytes):
                self._put_whole(name, data, arguments)
            elif if_absent or size_bytes <= _PART_BYTES:
                self._put_file(name, data, arguments)
            else:
                self._put_in_parts(name, data, arguments)
        return self._existing(key)

    def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """See `ObjectStore.get`; an answer that breaks off is asked for again."""
        from botocore.exceptions import BotoCoreError

        name = self.name_of(key)
        with self._reporting(key):
            for attempt in range(1, self.max_attempts + 1):
                answer = self._client().get_object(Bucket=self.bucket, Key=name)
                with contextlib.closing(answer["Body"]) as body:
                    size_bytes = int(answer["ContentLength"])
                    if max_bytes is not None and size_bytes > max_bytes:
                        problem = f"the object has {size_bytes} bytes (limit {max_bytes})"
                        raise ObjectTooLargeError(self.url, key, problem)
                    try:
                        return bytes(body.read())
                    except BotoCoreError:
                        if attempt == self.max_attempts:
                            raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def head(self, key: str) -> ObjectInfo | None:
        """See `ObjectStore.head`; a wrong bucket is an error, never a missing object."""
        name = self.name_of(key)
        try:
            with self._reporting(key):
                found = self._client().head_object(Bucket=self.bucket, Key=name)
        except ObjectMissingError:
            self._require_bucket(key)
            return None
        return ObjectInfo(
            key=key,
            size_bytes=int(found["ContentLength"]),
            etag=found["ETag"].strip('"'),
            modified_ms=_epoch_ms(found["LastModified"]),
        )

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`; 1,000 objects per request."""
        base = f"{self.prefix}/" if self.prefix else ""
        arguments = {"Bucket": self.bucket, "Prefix": base + prefix}
        if start_after:
            arguments["StartAfter"] = base + start_after
        with self._reporting(prefix):
            pages = iter(self._client().get_paginator("list_objects_v2").paginate(**arguments))
        while True:
            with self._reporting(prefix):
                page = next(pages, None)
            if page is None:
                return
            for found in page.get("Contents", ()):
                key = found["Key"].removeprefix(base)
                if key:
                    yield ObjectInfo(
                        key=key,
                        size_bytes=int(found["Size"]),
                        etag=found["ETag"].strip('"'),
                        modified_ms=_epoch_ms(found["LastModified"]),
                    )

    @contextlib.contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        """See `ObjectStore.local_copy`; a temporary file with the key's suffix."""
        name = self.name_of(key)
        with tempfile.TemporaryDirectory(prefix="scalediff-") as folder:
            path = Path(folder) / f"object{Path(key).suffix}"
            try:
                with self._reporting(key):
                    self._client().download_file(self.bucket, name, str(path), Config=_transfer())
            except ObjectMissingError:
                self._require_bucket(key)
                raise
            yield path

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`."""
        name = self.name_of(key)
        with self._reporting(key):
            self._client().delete_object(Bucket=self.bucket, Key=name)

    def link(self, key: str) -> str:
        """The object's page in the AWS console; its `s3://` URL on another endpoint."""
        name = self.name_of(key)
        if self.endpoint_url is not None:
            return f"s3://{self.bucket}/{name}"
        region = "" if self.region is None else f"region={self.region}&"
        return f"https://console.aws.amazon.com/s3/object/{self.bucket}?{region}prefix={quote(name, safe='')}"

    def _client(self) -> Any:
        endpoint = Endpoint(
            url=self.endpoint_url,
            region=self.region,
            connect_timeout_s=self.connect_timeout_s,
            read_timeout_s=self.read_timeout_s,
            max_attempts=self.max_attempts,
        )
        return aws_client("s3", endpoint)

    def name_of(self, key: str) -> str:
        """The object's name in the bucket.

        Raises:
            InvalidKeyError: The key can name no object.
        """
        validate_key(self.url, key)
        return f"{self.prefix}/{key}" if self.prefix else key

    def _require_bucket(self, key: str) -> None:
        """Raise unless the bucket exists: a HEAD answers 404 alike for a missing object and bucket."""
        with self._reporting(key):
            _find_bucket(self)

    def _existing(self, key: str) -> ObjectInfo:
        info = self.head(key)
        if info is None:
            raise ObjectMissingError(self.url, key, "the object was put and is gone; find who deletes it")
        return info

    def _put_whole(self, name: str, data: bytes, arguments: dict[str, str]) -> None:
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        self._put_object(name, data, {**arguments, "ChecksumSHA256": checksum})

    def _put_file(self, name: str, path: Path, arguments: dict[str, str]) -> None:
        with path.open("rb") as source:
            checksum = base64.b64encode(hashlib.file_digest(source, "sha256").digest()).decode()
            source.seek(0)
            self._put_object(name, source, {**arguments, "ChecksumSHA256": checksum})

    def _put_object(self, name: str, body: Any, arguments: dict[str, str]) -> None:
        """One request; S3 asks to repeat a conditional one that met another writer."""
        from botocore.exceptions import ClientError

        for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
            try:
                self._client().put_object(Bucket=self.bucket, Key=name, Body=body, **arguments)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] != _CONFLICT or attempt == _CONFLICT_ATTEMPTS:
                    raise
                if not isinstance(body, bytes):
                    body.seek(0)

    def _put_in_parts(self, name: str, path: Path, arguments: dict[str, str]) -> None:
        with path.open("rb") as source:
            self._client().upload_fileobj(
                source,
                self.bucket,
                name,
                ExtraArgs={**arguments, "ChecksumAlgorithm": "SHA256"},
                Config=_transfer(),
            )

    @contextlib.contextmanager
    def _reporting(self, key: str) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            raise self._translated(key, error.response) from error
        except (BotoCoreError, Boto3Error) as error:
            mend = "check the endpoint, the network and the AWS credentials, then run again"
            raise StoreUnavailableError(self.url, key, f"no usable answer ({error}); {mend}") from error

    def _translated(self, key: str, answer: Any) -> StoreError:
        code = str(answer["Error"]["Code"])
        message = answer["Error"].get("Message", "no message")
        if code in _MISSING:
            return ObjectMissingError(
                self.url, key, "there is no such object; check the key, or upload it again"
            )
        if code in _EXISTS:
            return ObjectExistsError(self.url, key, "the object exists already")
        mend = {
            "NoSuchBucket": "make the bucket, or correct the store's URL in the settings",
            "403": "let the role list the bucket and read and write its objects",
            "AccessDenied": "let the role list the bucket and read and write its objects",
            "SlowDown": "run again later, or spread the writers over more prefixes",
        }.get(code, "run again; if it stays, check bucket, region and credentials")
        return StoreUnavailableError(self.url, key, f"S3 answered {code} ({message}); {mend}")


@lru_cache(maxsize=32)
def _find_bucket(store: S3Store) -> None:
    """Ask for the bucket; once per process where it exists."""
    from botocore.exceptions import ClientError

    try:
        store._client().head_bucket(Bucket=store.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        answer = {"Error": {"Code": "NoSuchBucket", "Message": "the bucket does not exist"}}
        raise ClientError(answer, "HeadBucket") from error


def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, max_concurrency=4)


def _epoch_ms(moment: Any) -> int:
    return int(moment.timestamp() * 1000)
