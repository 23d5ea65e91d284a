"""Places that a spec names by URL: a folder of this machine or an S3 prefix, through pyarrow's file systems.

Jobs run apart from the platform's stores, so they open the same places by themselves. Writing a
small file is atomic in both: a rename, or a put.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from gpu_services.errors import JobError, NoSpaceError

_NO_SPACE = 28


class Place:
    """A folder somewhere."""

    def __init__(self, url: str) -> None:
        """Open a place.

        Args:
            url: A path, or `s3://bucket/prefix`; S3 reads its endpoint from AWS_ENDPOINT_URL.
        """
        self.url = url
        self.local: Path | None = None
        if url.startswith("s3://"):
            self._fs: pafs.FileSystem = pafs.S3FileSystem(
                endpoint_override=os.environ.get("AWS_ENDPOINT_URL")
            )
            self._root = url.removeprefix("s3://").rstrip("/")
        else:
            self.local = Path(url)
            self._fs, self._root = pafs.LocalFileSystem(), str(self.local)

    def read(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            JobError: Where it cannot be read.
        """
        try:
            with self._fs.open_input_stream(f"{self._root}/{key}") as stream:
                return bytes(stream.read())
        except OSError as error:
            raise JobError(f"{self.url}/{key}", f"it cannot be read ({error})", "check the place") from error

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return bool(self._fs.get_file_info(f"{self._root}/{key}").type == pafs.FileType.File)

    def write(self, key: str, content: bytes) -> None:
        """Write an object whole.

        Raises:
            NoSpaceError: The disk is full; nothing is left behind.
        """
        if self.local is not None:
            write_file(self.local / key, content)
            return
        with self._fs.open_output_stream(f"{self._root}/{key}") as stream:
            stream.write(content)

    def write_json(self, key: str, value: Any) -> None:
        """Write a value as JSON."""
        self.write(key, json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n")

    def upload(self, key: str, path: Path) -> None:
        """Copy a local file here; nothing to do where it lies here already."""
        if self.local is not None and (self.local / key).resolve() == path.resolve():
            return
        self.write(key, path.read_bytes())

    def keys(self, prefix: str = "") -> list[str]:
        """Objects under a prefix, sorted."""
        selector = pafs.FileSelector(
            f"{self._root}/{prefix}".rstrip("/"), recursive=True, allow_not_found=True
        )
        found = self._fs.get_file_info(selector)
        return sorted(
            info.path.removeprefix(f"{self._root}/") for info in found if info.type == pafs.FileType.File
        )


def write_file(path: Path, content: bytes) -> None:
    """Write a local file atomically and durably.

    Raises:
        NoSpaceError: The disk is full; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno == _NO_SPACE:
            raise NoSpaceError(str(path), "the disk is full", "free some space and run again") from error
        raise
