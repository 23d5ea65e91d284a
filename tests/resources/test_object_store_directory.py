"""What is particular to a directory as an object store."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.object_store import DirectoryStore, InvalidKeyError, ObjectMissingError, StoreError


def keys(store: DirectoryStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_a_writer_killed_in_the_middle_leaves_no_part_of_an_object(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "store")
    store.put("w/old", b"old")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for key in ("w/old", "w/new"):
        code = (
            "import sys, pathlib, resources.object_store as o\n"
            "o.DirectoryStore(pathlib.Path(sys.argv[1])).put(sys.argv[2], pathlib.Path(sys.argv[3]))"
        )
        command = [sys.executable, "-c", code, store.url, key, str(pipe)]
        with subprocess.Popen(command) as writer, pipe.open("wb", buffering=0) as feed:
            feed.write(b"x" * 3_000_000)
            _wait_until(lambda: _temporary_bytes(store) >= 2_000_000)
            writer.kill()
            writer.wait()
        assert keys(store) == ["w/old"]
        assert store.get("w/old") == b"old"
        assert store.head("w/new") is None
        assert store.sweep() == 0
        assert store.sweep(older_than_s=-1) == 1
    store.put("w/new", b"new")
    assert store.get("w/new") == b"new"


def test_a_sweep_of_an_empty_store_finds_nothing(tmp_path: Path) -> None:
    assert DirectoryStore(tmp_path / "store").sweep() == 0


def test_a_key_below_an_object_is_refused(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.put("a", b"1")
    store.put("b/c/d", b"1")
    for key in ("a/b", "a/b/c", "b", "b/c"):
        for if_absent in (False, True):
            with pytest.raises(InvalidKeyError, match="cannot hold both"):
                store.put(key, b"2", if_absent=if_absent)
    assert keys(store) == ["a", "b/c/d"]


def test_links_out_of_the_root_are_no_objects(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    store = DirectoryStore(tmp_path / "store")
    store.put("a", b"1")
    (store.root / "folder").symlink_to(outside)
    (store.root / "file").symlink_to(outside / "secret")
    os.mkfifo(store.root / "pipe")
    assert keys(store) == ["a"]
    assert keys(store, "folder/") == []
    for key in ("folder/secret", "file", "pipe"):
        assert store.head(key) is None
        with pytest.raises(ObjectMissingError):
            store.get(key)
    with pytest.raises(InvalidKeyError, match="symbolic link"):
        store.put("folder/new", b"")
    store.delete("folder/secret")
    assert (outside / "secret").exists()
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


def test_a_root_that_is_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    store = DirectoryStore(tmp_path / "root")
    store.put("a/b", b"1")
    assert keys(store) == ["a/b"]
    assert store.get("a/b") == b"1"


def test_names_that_can_be_no_key_are_not_listed(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.put("a", b"1")
    for name in (b"bad\xff", b"new\nline", b"back\\slash"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    assert keys(store) == ["a"]


def test_puts_and_deletes_side_by_side_lose_nothing(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)

    def churn(number: int) -> None:
        for _ in range(20):
            store.put(f"a/b/{number}", b"1")
            store.delete(f"a/b/{number}")
        store.put(f"a/b/{number}", b"2")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    assert [store.get(key) for key in keys(store)] == [b"2"] * 4


def test_a_full_or_forbidden_disk_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Not a directory"):
        DirectoryStore(tmp_path / "file").put("a", b"1")


def _wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.01)


def _temporary_bytes(store: DirectoryStore) -> int:
    return sum(path.stat().st_size for path in (store.root / ".tmp").iterdir())
