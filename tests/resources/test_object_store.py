"""One contract for both stores, then what is particular to S3."""

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.object_store import (
    DirectoryStore,
    InvalidKeyError,
    ObjectExistsError,
    ObjectMissingError,
    ObjectStore,
    ObjectTooLargeError,
    S3Store,
    StoreError,
    StoreUnavailableError,
    open_store,
)

REGION = "us-east-1"
# Characters around "/" in code-point order, and what URLs and XML like to mangle.
LONG = "/".join(["y" * 200] * 6)
KEY_CHARACTERS = "-./0Aa +%&<~é\U0001f697"


@pytest.fixture(params=["directory", "s3", "s3 with prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "directory":
        return DirectoryStore(tmp_path / "store")
    prefix = "a/prefix" if request.param == "s3 with prefix" else ""
    return s3_store(request.getfixturevalue("bucket"), request.getfixturevalue("aws_endpoint"), prefix)


def s3_store(bucket: str, endpoint: str, prefix: str = "") -> S3Store:
    return S3Store(bucket, prefix, endpoint_url=endpoint, region=REGION)


def keys(store: ObjectStore, prefix: str = "", *, start_after: str = "") -> list[str]:
    return [info.key for info in store.list(prefix, start_after=start_after)]


def test_bytes_come_back(store: ObjectStore) -> None:
    put = store.put("w/session.json", b"{}", content_type="application/json")
    assert store.get("w/session.json") == b"{}"
    assert (put.key, put.size_bytes) == ("w/session.json", 2)
    assert store.head("w/session.json") == put
    assert abs(put.modified_ms - time.time() * 1000) < 60_000


def test_listing_tells_the_same_as_head(store: ObjectStore) -> None:
    store.put("a", b"1")
    [listed] = store.list()
    head = store.head("a")
    assert head is not None
    assert (listed.key, listed.size_bytes, listed.etag) == (head.key, head.size_bytes, head.etag)
    assert abs(listed.modified_ms - head.modified_ms) <= 1000


def test_a_file_is_stored_and_copied_back(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "clip.webm"
    source.write_bytes(os.urandom(3_000_000))
    store.put("w/clip.webm", source)
    with store.local_copy("w/clip.webm") as copy:
        assert copy.read_bytes() == source.read_bytes()
        assert copy.suffix == ".webm"
    assert store.get("w/clip.webm") == source.read_bytes()
    assert source.exists()


def test_a_file_larger_than_a_part_is_stored_whole(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    source.write_bytes(os.urandom(1024) * (33 * 1024))
    assert store.put("large.bin", source).size_bytes == 33 * 1024**2
    with store.local_copy("large.bin") as copy:
        assert copy.read_bytes() == source.read_bytes()


def test_an_empty_object_is_an_object(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store.put("none", b"")
    store.put("no file content", tmp_path / "empty")
    assert store.get("none") == store.get("no file content") == b""
    assert [info.size_bytes for info in store.list()] == [0, 0]


def test_a_missing_source_file_is_the_callers_error(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put("a", tmp_path / "nothing")
    assert keys(store) == []


def test_overwriting_changes_content_and_etag(store: ObjectStore) -> None:
    first = store.put("a", b"1")
    second = store.put("a", b"2")
    assert store.get("a") == b"2"
    assert first.etag != second.etag
    assert keys(store) == ["a"]


def test_the_same_content_put_twice_leaves_the_same_objects(store: ObjectStore) -> None:
    for _ in range(2):
        store.put("a", b"same")
    assert [(info.key, store.get(info.key)) for info in store.list()] == [("a", b"same")]


@pytest.mark.parametrize("as_file", [False, True])
def test_create_only_does_not_overwrite(store: ObjectStore, tmp_path: Path, as_file: bool) -> None:
    (tmp_path / "second").write_bytes(b"second")
    store.put("lock", b"first", if_absent=True)
    with pytest.raises(ObjectExistsError, match="lock"):
        store.put("lock", tmp_path / "second" if as_file else b"second", if_absent=True)
    assert store.get("lock") == b"first"


def test_of_many_creators_exactly_one_wins(store: ObjectStore) -> None:
    def create(number: int) -> bool:
        try:
            store.put("lock", b"%d" % number, if_absent=True)
        except ObjectExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(16)))
    assert sum(won) == 1
    assert store.get("lock") == b"%d" % won.index(True)


def test_missing_objects(store: ObjectStore) -> None:
    store.put("a/b", b"1")
    assert store.head("nothing") is None
    assert store.head("a") is None
    assert store.head("a/b/c") is None
    for key in ("nothing", "a", "a/b/c"):
        with pytest.raises(ObjectMissingError, match=key):
            store.get(key)
        with pytest.raises(ObjectMissingError), store.local_copy(key):
            pass


def test_delete_can_be_repeated(store: ObjectStore) -> None:
    store.put("a/b", b"1")
    for _ in range(2):
        store.delete("a/b")
    assert store.head("a/b") is None
    assert keys(store) == []
    store.put("a", b"the folder is gone as well")


def test_an_object_over_the_limit_is_not_read(store: ObjectStore) -> None:
    store.put("a", b"12345")
    assert store.get("a", max_bytes=5) == b"12345"
    with pytest.raises(ObjectTooLargeError, match=r"5 bytes \(limit 4\)"):
        store.get("a", max_bytes=4)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "./a",
        "a\\b",
        "a\0b",
        "a\nb",
        "x" * 256,
        "\ud800",
        ".tmp/a",
        LONG,
    ],
)
def test_key_tricks_are_refused(store: ObjectStore, key: str) -> None:
    for use in (store.get, store.head, store.delete, store.link, lambda key: store.put(key, b"")):
        with pytest.raises(InvalidKeyError, match="key"):
            use(key)
    assert keys(store) == []


@pytest.mark.parametrize("key", ["a b+c%20&é/ö.json", "..a/b..", " ", "2026-01-01-00/w/1_s.webm", "x" * 255])
def test_odd_but_honest_keys_work(store: ObjectStore, key: str) -> None:
    store.put(key, b"1")
    assert store.get(key) == b"1"
    assert keys(store) == [key]
    assert keys(store, key[:3]) == [key]


def test_listing_is_in_key_order_and_filtered(store: ObjectStore) -> None:
    names = ["a-b", "a-b-", "a.b", "a/b", "a/b-c", "a0", "b/c/d", "b/c-d"]
    for name in reversed(names):
        store.put(name, b"")
    ordered = sorted(names)
    assert keys(store) == ordered
    assert keys(store, "a") == [key for key in ordered if key.startswith("a")]
    assert keys(store, "a/") == ["a/b", "a/b-c"]
    assert keys(store, "a/b-") == ["a/b-c"]
    assert keys(store, start_after="a/b") == ordered[ordered.index("a/b") + 1 :]
    assert keys(store, "b/", start_after="b/c-d") == ["b/c/d"]
    assert keys(store, "b/c/", start_after="a") == ["b/c/d"]
    for prefix in ("nothing", "a/../", "//", "a/b/", "\0"):
        assert keys(store, prefix) == []


@pytest.mark.slow
def test_more_than_one_page_is_listed_lazily(store: ObjectStore) -> None:
    names = [f"folder-{number % 3}/{number:05d}" for number in range(1100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: store.put(name, b""), names))
    ordered = sorted(names)
    assert keys(store) == ordered
    assert keys(store, start_after=ordered[1049]) == ordered[1050:]
    listing = store.list()
    assert next(listing).key == ordered[0]


def test_objects_that_vanish_during_a_listing_are_no_error(store: ObjectStore) -> None:
    names = [f"{folder}/{number}" for folder in "abc" for number in range(4)]
    for name in names:
        store.put(name, b"")
    listing = store.list()
    first = next(listing).key
    for name in names[1:-1]:
        store.delete(name)
    rest = [info.key for info in listing]
    assert first == names[0]
    assert names[-1] in rest
    assert set(rest) <= set(names)


def test_a_store_travels_to_another_process(store: ObjectStore) -> None:
    store.put("a", b"1")
    copy = pickle.loads(pickle.dumps(store))
    assert copy == store
    assert copy.get("a") == b"1"


def test_errors_survive_the_way_out_of_a_worker(store: ObjectStore) -> None:
    with pytest.raises(StoreError) as caught:
        store.get("nothing")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert type(copy) is ObjectMissingError
    assert (str(copy), copy.url, copy.key) == (str(caught.value), store.url, "nothing")


def test_links_are_urls(store: ObjectStore) -> None:
    assert store.link("a/b").endswith("/a/b")
    assert store.link("a/b").split(":")[0] in ("file", "s3")


def _without_conflicts(names: set[str]) -> set[str]:
    """Leave out objects whose key is a folder of another, which a directory cannot hold."""
    return {name for name in names if not any(other.startswith(f"{name}/") for other in names)}


_KEYS = st.sets(
    st.lists(
        st.text(KEY_CHARACTERS.replace("/", ""), min_size=1, max_size=3).filter(
            lambda s: s not in (".", "..")
        ),
        min_size=1,
        max_size=3,
    ).map("/".join),
    max_size=8,
).map(_without_conflicts)
_PREFIX = st.text(KEY_CHARACTERS, max_size=3)


@given(names=_KEYS, prefix=_PREFIX, start_after=_PREFIX)
def test_a_directory_lists_in_code_point_order(names: set[str], prefix: str, start_after: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = DirectoryStore(Path(folder))
        for name in names:
            store.put(name, b"")
        expected = sorted(name for name in names if name.startswith(prefix) and name > start_after)
        assert keys(store, prefix, start_after=start_after) == expected


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=_KEYS, prefix=_PREFIX, start_after=_PREFIX)
def test_both_stores_list_alike(
    aws_endpoint: str, bucket: str, names: set[str], prefix: str, start_after: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = DirectoryStore(Path(folder))
        s3 = s3_store(bucket, aws_endpoint, prefix=Path(folder).name)
        for name in names:
            directory.put(name, b"")
            s3.put(name, b"")
        assert keys(s3) == keys(directory)
        assert keys(s3, prefix, start_after=start_after) == keys(directory, prefix, start_after=start_after)


def test_importing_opens_nothing_and_loads_no_boto3() -> None:
    code = (
        "import sys, resources.object_store as o, resources.upload_queue\n"
        "o.open_store('s3://bucket/prefix', endpoint_url='http://127.0.0.1:9')\n"
        "assert not {'boto3', 'botocore', 'dagster'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_urls_open_the_store_they_name(tmp_path: Path) -> None:
    assert open_store(str(tmp_path)) == DirectoryStore(tmp_path)
    assert open_store(f"file://{tmp_path}/a%20b") == DirectoryStore(tmp_path / "a b")
    assert open_store("s3://b/x/y/", region="eu-west-1") == S3Store("b", "x/y", region="eu-west-1")
    assert [open_store(url).url for url in ("s3://b", "s3://b/x")] == ["s3://b", "s3://b/x"]
    assert not any(tmp_path.iterdir())
    for url in ("s3://", "gs://bucket", "http://bucket"):
        with pytest.raises(ValueError, match="cannot be opened"):
            open_store(url)


class TestS3:
    """Only in a bucket."""

    def test_a_wrong_bucket_is_never_a_missing_object(self, aws_endpoint: str) -> None:
        store = s3_store("no-such-bucket", aws_endpoint)
        uses: list[Callable[[], object]] = [
            lambda: store.put("a", b""),
            lambda: store.get("a"),
            lambda: store.head("a"),
            lambda: list(store.list()),
            lambda: store.delete("a"),
            lambda: store.local_copy("a").__enter__(),
        ]
        for use in uses:
            with pytest.raises(StoreUnavailableError, match=r"no-such-bucket.*make the bucket"):
                use()

    def test_content_types_are_kept(self, aws_endpoint: str, bucket: str, aws: Callable[[str], Any]) -> None:
        s3_store(bucket, aws_endpoint).put("a.webm", b"1", content_type="video/webm")
        assert aws("s3").head_object(Bucket=bucket, Key="a.webm")["ContentType"] == "video/webm"

    def test_a_prefix_hides_its_neighbours(self, aws_endpoint: str, bucket: str) -> None:
        s3_store(bucket, aws_endpoint, "raw").put("a", b"1")
        s3_store(bucket, aws_endpoint, "raw-2").put("b", b"2")
        assert keys(s3_store(bucket, aws_endpoint, "raw")) == ["a"]
        assert keys(s3_store(bucket, aws_endpoint)) == ["raw-2/b", "raw/a"]
        with pytest.raises(InvalidKeyError, match="prefix"):
            S3Store(bucket, "raw/")

    def test_the_link_leads_to_the_console(self) -> None:
        link = S3Store("b", "raw", region="eu-west-1").link("w/a b")
        assert link == ("https://console.aws.amazon.com/s3/object/b?region=eu-west-1&prefix=raw%2Fw%2Fa%20b")

    def test_local_copies_do_not_stay(self, aws_endpoint: str, bucket: str) -> None:
        store = s3_store(bucket, aws_endpoint)
        store.put("a", b"1")
        with store.local_copy("a") as copy:
            assert copy.exists()
        assert not copy.parent.exists()
