"""What every object store promises: the protocol, its errors and its keys.

A store maps keys to bytes. A put is atomic: a reader sees the old object, the new one or none,
never a part, also when the writer is killed. What differs between stores is in the modules of
their names.

    StoreError                    any failure; carries url and key
    ├── InvalidKeyError           the key can name no object
    ├── ObjectMissingError        there is no such object
    ├── ObjectExistsError         put(if_absent=True) found one
    ├── ObjectTooLargeError       the object is over the caller's or the store's limit
    └── StoreUnavailableError     no answer, no permission, no bucket, no space
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MAX_KEY_BYTES = 1024
MAX_SEGMENT_BYTES = 255
TEMPORARY = ".tmp"
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f]")


class StoreError(Exception):
    """A store could not do what it was asked.

    All arguments are positional so that the error survives the way out of a worker process.

    Attributes:
        url: The store.
        key: The object.
        problem: What is wrong, with the mend.
    """

    def __init__(self, url: str, key: str, problem: str) -> None:
        self.url = url
        self.key = key
        self.problem = problem
        super().__init__(url, key, problem)

    def __str__(self) -> str:
        return f"{self.url}: {self.key[:MAX_KEY_BYTES]!r}: {self.problem}"


class InvalidKeyError(StoreError):
    """The key can name no object."""


class ObjectMissingError(StoreError):
    """There is no object of this key."""


class ObjectExistsError(StoreError):
    """An object of this key exists and was to be created only if absent."""


class ObjectTooLargeError(StoreError):
    """The object is larger than the limit."""


class StoreUnavailableError(StoreError):
    """The store does not answer, refuses, or has no space left."""


@dataclass(frozen=True, kw_only=True)
class ObjectInfo:
    """One object as the store lists it.

    Attributes:
        key: Its key, relative to the store's URL.
        size_bytes: Its size.
        etag: Changes with every change of content; equal etags of one key mean equal content.
        modified_ms: Epoch ms of the put; whole seconds where the store keeps no more.
    """

    key: str
    size_bytes: int
    etag: str
    modified_ms: int


class ObjectStore(Protocol):
    """Keys to bytes. Every method may raise StoreUnavailableError, and InvalidKeyError for its key."""

    @property
    def url(self) -> str:
        """The store's place; `open_store` opens it again."""

    def put(
        self, key: str, data: bytes | Path, *, if_absent: bool = False, content_type: str | None = None
    ) -> ObjectInfo:
        """Store `data`, or the content of the file `data`, atomically.

        Args:
            key: Where.
            data: The bytes, or a local file that holds them.
            if_absent: Create only; of several such writers exactly one wins.
            content_type: MIME type for browsers; kept where the store can.

        Raises:
            ObjectExistsError: With `if_absent`, where the object exists. After a lost answer and a
                retry, the object found may be the caller's own.
        """

    def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """The object's bytes.

        Raises:
            ObjectMissingError: There is none.
            ObjectTooLargeError: It is larger than `max_bytes`; nothing was read.
        """

    def head(self, key: str) -> ObjectInfo | None:
        """The object's size and version, or None where there is no object."""

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with `prefix` and comes after `start_after`, in key order.

        Key order is code-point order of the whole key, as in S3: `a-b` comes before `a/b`. Read
        page by page; an object that vanishes meanwhile is listed or left out, and never an error.
        """

    def local_copy(self, key: str) -> AbstractContextManager[Path]:
        """A local file with the object's content, to be read inside the `with` block only.

        Raises:
            ObjectMissingError: There is none.
        """

    def delete(self, key: str) -> None:
        """Remove the object; removing what is not there is no error."""

    def link(self, key: str) -> str:
        """A link to the object for people."""


def validate_key(url: str, key: str) -> None:
    """Check that `key` names the same one object in every store.

    Raises:
        InvalidKeyError: For an empty, too long or absolute key, one with empty, `.` or `..`
            segments, a backslash, a control character or a lone surrogate, or one in `.tmp/`.
    """
    problem = key_problem(key)
    if problem is not None:
        raise InvalidKeyError(url, key, f"{problem}; use a relative key such as folder/name.json")


def key_problem(key: str) -> str | None:
    """What makes `key` invalid in every store, or None; see `validate_key`."""
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        return "the key is not valid Unicode"
    segments = key.split("/")
    problems = (
        (size_bytes > MAX_KEY_BYTES, f"the key has {size_bytes} bytes (limit {MAX_KEY_BYTES})"),
        ("" in segments, "the key is empty or has an empty segment"),
        ("." in segments or ".." in segments, "the key has a segment . or .."),
        (segments[0] == TEMPORARY, f"{TEMPORARY}/ is kept for unfinished writes"),
        (_FORBIDDEN.search(key) is not None, "the key has a backslash or a control character"),
        (
            max(len(segment.encode()) for segment in segments) > MAX_SEGMENT_BYTES,
            f"a segment of the key is longer than {MAX_SEGMENT_BYTES} bytes",
        ),
    )
    return next((problem for wrong, problem in problems if wrong), None)
