"""A directory as an object store: one file per object, its path is the key.

A put writes to `{root}/.tmp`, syncs, and renames, so a killed writer leaves a file there and no
part of an object; `sweep` removes such files. Symbolic links and special files inside the root
are no objects: they are neither listed nor read. Nor are files whose name can be no key.

A file system cannot hold `a` and `a/b` at once, as S3 can: the second of them is an
InvalidKeyError.
"""

import contextlib
import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resources.object_store.store import (
    TEMPORARY,
    InvalidKeyError,
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectTooLargeError,
    StoreUnavailableError,
    key_problem,
    validate_key,
)

_ABANDONED_S = 3600.0
_PLACING_ATTEMPTS = 10


@dataclass(frozen=True)
class DirectoryStore:
    """A store in the directory `root`, which is made at the first put.

    Attributes:
        root: The directory; `.tmp` in it must lie on the same file system.
    """

    root: Path

    @property
    def url(self) -> str:
        """The root's path."""
        return str(self.root)

    def put(
        self,
        key: str,
        data: bytes | Path,
        *,
        if_absent: bool = False,
        content_type: str | None = None,  # noqa: ARG002 - files have none
    ) -> ObjectInfo:
        """See `ObjectStore.put`; file and folder are synced to disk before it returns."""
        path = self._path(key)
        if isinstance(data, Path):
            data.stat()  # a missing source is the caller's FileNotFoundError, not the store's
        with self._reporting(key):
            temporary = self.root / TEMPORARY / f"{os.getpid()}-{uuid.uuid4().hex}"
            _make_directory(temporary.parent)
            try:
                info = _info(key, _write(temporary, data))
                self._place(key, temporary, path, if_absent=if_absent)
            finally:
                temporary.unlink(missing_ok=True)
        return info

    def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        """See `ObjectStore.get`."""
        self._existing(key)
        with self._reporting(key), self._path(key).open("rb") as source:
            size_bytes = os.fstat(source.fileno()).st_size
            if max_bytes is not None and size_bytes > max_bytes:
                raise ObjectTooLargeError(
                    self.url, key, f"the object has {size_bytes} bytes (limit {max_bytes})"
                )
            return source.read()

    def head(self, key: str) -> ObjectInfo | None:
        """See `ObjectStore.head`."""
        path = self._path(key)
        with self._reporting(key):
            try:
                found = path.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            if not stat.S_ISREG(found.st_mode) or not self._inside(path):
                return None
            return _info(key, found)

    def list(self, prefix: str = "", *, start_after: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`; holds the names of one path of directories in memory."""
        folder = prefix.rpartition("/")[0]
        if folder and not self._can_be_folder(folder):
            return
        yield from self._walk(f"{folder}/" if folder else "", prefix, start_after)

    @contextlib.contextmanager
    def local_copy(self, key: str) -> Iterator[Path]:
        """See `ObjectStore.local_copy`; the file is the object itself."""
        self._existing(key)
        yield self._path(key)

    def delete(self, key: str) -> None:
        """See `ObjectStore.delete`; also removes the folders that it leaves empty."""
        path = self._path(key)
        if self.head(key) is None:
            return
        with self._reporting(key):
            path.unlink(missing_ok=True)
            for parent in path.parents[: key.count("/")]:
                try:
                    parent.rmdir()
                except OSError:  # not empty, or another deleter was faster
                    break

    def link(self, key: str) -> str:
        """The file's URI."""
        return self._path(key).absolute().as_uri()

    def sweep(self, *, older_than_s: float = _ABANDONED_S) -> int:
        """Remove what writers that were killed left in `.tmp`; returns the number of files."""
        limit_s = time.time() - older_than_s
        removed = 0
        with self._reporting(TEMPORARY), contextlib.suppress(FileNotFoundError):
            for path in (self.root / TEMPORARY).iterdir():
                with contextlib.suppress(FileNotFoundError):
                    if path.lstat().st_mtime < limit_s:
                        path.unlink()
                        removed += 1
        return removed

    def _path(self, key: str) -> Path:
        validate_key(self.url, key)
        return self.root / key

    def _inside(self, path: Path) -> bool:
        """No directory on the way from the root to `path`, nor `path` itself, is a symbolic link."""
        return Path(os.path.realpath(path)) == Path(os.path.realpath(self.root)) / path.relative_to(self.root)

    def _can_be_folder(self, folder: str) -> bool:
        try:
            return self._inside(self._path(folder))
        except InvalidKeyError:
            return False

    def _existing(self, key: str) -> ObjectInfo:
        info = self.head(key)
        if info is None:
            raise ObjectMissingError(
                self.url, key, "there is no such object; check the key, or upload it again"
            )
        return info

    def _place(self, key: str, temporary: Path, path: Path, *, if_absent: bool) -> None:
        for attempt in range(_PLACING_ATTEMPTS):
            try:
                _make_directory(path.parent)
                if not self._inside(path.parent):
                    raise InvalidKeyError(self.url, key, "a folder of the key is a symbolic link; remove it")
                if if_absent:
                    os.link(temporary, path)
                else:
                    temporary.replace(path)
                _sync_directory(path.parent)
                return
            except FileNotFoundError:  # a deleter removed the empty folder in between
                if attempt == _PLACING_ATTEMPTS - 1:
                    raise
            except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
                if isinstance(error, FileExistsError) and not path.is_dir():
                    raise ObjectExistsError(self.url, key, "the object exists already") from error
                problem = "a directory cannot hold both an object and objects below it; use another key"
                raise InvalidKeyError(self.url, key, problem) from error

    def _walk(self, folder: str, prefix: str, start_after: str) -> Iterator[ObjectInfo]:
        for name, entry in self._entries(folder):
            key = folder + name
            if name.endswith("/"):
                in_prefix = key.startswith(prefix) or prefix.startswith(key)
                if in_prefix and (key > start_after or start_after.startswith(key)):
                    yield from self._walk(key, prefix, start_after)
            elif key.startswith(prefix) and key > start_after:
                with self._reporting(key):
                    try:
                        info = _info(key, entry.stat(follow_symlinks=False))
                    except (FileNotFoundError, NotADirectoryError):
                        continue
                yield info

    def _entries(self, folder: str) -> Sequence[tuple[str, os.DirEntry[str]]]:
        """A folder's files and folders in the order of the keys below them: folders with their slash."""
        with self._reporting(folder):
            try:
                with os.scandir(self.root / folder) as entries:
                    names = [(_name_in_key(entry), entry) for entry in entries if _can_be_key(entry.name)]
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted((pair for pair in names if pair[0]), key=lambda pair: pair[0])

    @contextlib.contextmanager
    def _reporting(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectMissingError(self.url, key, "the object vanished while it was used") from error
        except OSError as error:
            raise StoreUnavailableError(
                self.url, key, f"{error.strerror or error}; check the folder's permissions, space and disk"
            ) from error


def _can_be_key(name: str) -> bool:
    """Names in `.tmp`'s manner or not in UTF-8 come from elsewhere; most names pass the quick test."""
    if name != TEMPORARY and name.isascii() and name.isprintable() and "\\" not in name:
        return True
    return key_problem(name) is None


def _name_in_key(entry: os.DirEntry[str]) -> str:
    """The entry's name, a folder's with a slash; empty for links and special files."""
    if entry.is_dir(follow_symlinks=False):
        return f"{entry.name}/"
    return entry.name if entry.is_file(follow_symlinks=False) else ""


def _info(key: str, found: os.stat_result) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size_bytes=found.st_size,
        etag=f"{found.st_size:x}-{found.st_mtime_ns:x}",
        modified_ms=found.st_mtime_ns // 1_000_000,
    )


def _write(path: Path, data: bytes | Path) -> os.stat_result:
    with path.open("xb") as target:
        if isinstance(data, bytes):
            target.write(data)
        else:
            with data.open("rb") as source:
                shutil.copyfileobj(source, target, 1024 * 1024)
        target.flush()
        # The kernel stamps files with its tick of some ms; versions in quick succession need more.
        now_ns = time.time_ns()
        os.utime(target.fileno(), ns=(now_ns, now_ns))
        os.fsync(target.fileno())
        return os.fstat(target.fileno())


def _make_directory(path: Path) -> None:
    """Make a directory and its parents, durably."""
    if path.is_dir():
        return
    _make_directory(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
