"""The embedded chain's log: JSON records, one per line, each behind its checksum.

    {crc32 as 8 hex digits} {json}

A record is on the disk before `append` returns. A last line that was cut short by a crash was never
answered for, so it is removed; damage anywhere else is an error.
"""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from resources.solana.errors import ChainLogError

Record = dict[str, Any]


class ChainLog:
    """An append-only file; one process at a time, which its owner sees to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def append(self, record: Record) -> None:
        """Write a record and wait until it is on the disk."""
        self._file.write(_line(record))
        self._file.flush()
        os.fsync(self._file.fileno())

    def records(self) -> Iterator[Record]:
        """Every record in order; a torn last line is cut off first.

        Raises:
            ChainLogError: For any other line that is not as it was written.
        """
        good_bytes = 0
        with self._path.open("rb") as source:
            for number, line in enumerate(source, start=1):
                record = _parse(line)
                if record is None:
                    if source.read(1):
                        raise ChainLogError(self._path, number, "its checksum does not fit")
                    break
                good_bytes += len(line)
                yield record
        if good_bytes < self._path.stat().st_size:
            self._file.truncate(good_bytes)
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _line(record: Record) -> bytes:
    content = json.dumps(record, separators=(",", ":"), sort_keys=True).encode()
    return b"%08x %s\n" % (zlib.crc32(content), content)


def _parse(line: bytes) -> Record | None:
    checksum, _, content = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(content):
        return None
    record: Record = json.loads(content)
    return record
