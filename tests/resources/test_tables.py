"""The Parquet IO manager: round trips, replacement, crashes between writes, and Dagster itself."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from resources.object_store import DirectoryStore, ObjectInfo, ObjectMissingError
from resources.tables import (
    ParquetTables,
    PartitionMissingError,
    Partitions,
    has_tables,
    partition_folder,
    read_tables,
    write_tables,
    written_partitions,
)
from scalediff_assets.tables import Column, Table, TableSet, table_field

HOUR = "2026-02-01-09:00"
FOLDER = "drives/2026-02-01-0900"
DRIVES = Table(
    "drives.sessions", "a session", ("session_id",), (Column("session_id", pl.String, "id"),)
)  # fmt: skip
SPEEDS = Table(
    "drives.speeds",
    "a frame",
    ("session_id", "frame"),
    (
        Column("session_id", pl.String, "id"),
        Column("frame", pl.Int32, "frame"),
        Column("speed_mps", pl.Float32, "speed", nullable=True),
        Column("keys", pl.List(pl.String), "held keys"),
        Column("jpeg", pl.Binary, "picture", nullable=True),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Drives(TableSet):
    sessions: pl.DataFrame = table_field(DRIVES)  # noqa: RUF009 - a dataclass field
    speeds: pl.DataFrame = table_field(SPEEDS)  # noqa: RUF009 - a dataclass field


class DrivesHours(Partitions[Drives]):
    kind = Drives


def drives(*session_ids: str, speed_mps: float = 3.5) -> Drives:
    rows = [
        {
            "session_id": s,
            "frame": frame,
            "speed_mps": speed_mps * frame or None,
            "keys": ["w"],
            "jpeg": b"\xff",
        }
        for s in session_ids
        for frame in range(3)
    ]
    return Drives(
        sessions=DRIVES.frame([{"session_id": s} for s in session_ids]), speeds=SPEEDS.frame(rows)
    )  # fmt: skip


def assert_same(found: Drives, expected: Drives) -> None:
    for name in Drives.tables():
        assert_frame_equal(getattr(found, name), getattr(expected, name))


class Killed(BaseException):
    """Stands for the end of the process: nothing in the code may catch it."""


@dataclass(frozen=True)
class DyingStore(DirectoryStore):
    """A store whose process dies before a number of changes (puts and deletes)."""

    changes: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_left", [self.changes])

    def _change(self) -> None:
        left: list[int] = self._left  # type: ignore[attr-defined]
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    def put(self, *arguments: Any, **options: Any) -> ObjectInfo:
        self._change()
        return super().put(*arguments, **options)

    def delete(self, key: str) -> None:
        self._change()
        super().delete(key)


@pytest.fixture
def lake(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path)


def content(lake: DirectoryStore) -> dict[str, bytes]:
    return {info.key: lake.get(info.key) for info in lake.list()}


def test_what_is_written_is_read_back(lake: DirectoryStore) -> None:
    size_bytes = write_tables(lake, "drives", HOUR, drives("a", "b"))
    assert_same(read_tables(lake, "drives", HOUR, Drives), drives("a", "b"))
    files = {key: data for key, data in content(lake).items() if key.endswith(".parquet")}
    assert size_bytes == sum(map(len, files.values()))


def test_empty_tables_keep_their_schema(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", HOUR, Drives())
    assert_same(read_tables(lake, "drives", HOUR, Drives), Drives())


def test_writing_the_same_again_changes_no_object(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", HOUR, drives("a"))
    before = content(lake)
    files = {info.key: info.etag for info in lake.list() if info.key.endswith(".parquet")}
    write_tables(lake, "drives", HOUR, drives("a"))
    assert content(lake) == before
    assert {info.key: info.etag for info in lake.list() if info.key.endswith(".parquet")} == files


def test_names_come_from_content_and_no_key_holds_a_colon(lake: DirectoryStore, tmp_path: Path) -> None:
    other = DirectoryStore(tmp_path / "other")
    write_tables(other, "drives", HOUR, drives("b"))
    for store in (lake, other):
        write_tables(store, "drives", HOUR, drives("a"))
    mine = {key: data for key, data in content(lake).items() if key.startswith(FOLDER)}
    assert mine == content(other)
    assert not any(":" in key for key in mine)
    assert len(mine) == 3


def test_replaced_files_are_removed_and_other_partitions_stay(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", "2026-02-01-08:00", drives("z"))
    write_tables(lake, "drives_of_others", HOUR, drives("z"))
    others = content(lake)
    write_tables(lake, "drives", HOUR, drives("a"))
    write_tables(lake, "drives", HOUR, drives("a", speed_mps=9.0))
    mine = [key for key in content(lake) if key.startswith(f"{FOLDER}/")]
    assert len(mine) == 3
    assert others.items() <= content(lake).items()
    assert_same(read_tables(lake, "drives", HOUR, Drives), drives("a", speed_mps=9.0))


@pytest.mark.parametrize("changes", range(5))
def test_a_kill_at_any_change_leaves_a_whole_set_and_running_again_mends_it(
    lake: DirectoryStore, tmp_path: Path, changes: int
) -> None:
    old, new = drives("a", "b"), drives("c", speed_mps=1.0)
    write_tables(lake, "drives", HOUR, old)
    with pytest.raises(Killed):
        write_tables(DyingStore(tmp_path, changes), "drives", HOUR, new)
    # Two new files, then the pointer, then two removals.
    assert_same(read_tables(lake, "drives", HOUR, Drives), old if changes < 3 else new)
    write_tables(lake, "drives", HOUR, new)
    assert_same(read_tables(lake, "drives", HOUR, Drives), new)
    undisturbed = DirectoryStore(tmp_path / "undisturbed")
    write_tables(undisturbed, "drives", HOUR, new)
    assert {k: v for k, v in content(lake).items() if k.startswith(FOLDER)} == content(undisturbed)


@dataclass(frozen=True)
class OvertakenStore(DirectoryStore):
    """A store in which another writer replaces the set right after a reader read its pointer."""

    def get(self, key: str, *, max_bytes: int | None = None) -> bytes:
        found = super().get(key, max_bytes=max_bytes)
        if key.endswith("tables.json"):
            write_tables(DirectoryStore(self.root), "drives", HOUR, drives("new", speed_mps=7.0))
        return found


def test_a_reader_that_a_writer_overtakes_gets_the_new_set(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", HOUR, drives("old"))
    found = read_tables(OvertakenStore(lake.root), "drives", HOUR, Drives)
    assert_same(found, drives("new", speed_mps=7.0))


def test_a_lost_file_is_an_error_and_not_a_loop(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", HOUR, drives("a"))
    lake.delete(next(key for key in content(lake) if "speeds" in key))
    with pytest.raises(ObjectMissingError):
        read_tables(lake, "drives", HOUR, Drives)


def test_a_partition_that_was_never_written_says_so(lake: DirectoryStore) -> None:
    assert not has_tables(lake, "drives", HOUR)
    with pytest.raises(PartitionMissingError) as caught:
        read_tables(lake, "drives", HOUR, Drives)
    assert str(caught.value) == f"drives has no partition {HOUR}; materialise it first"
    assert (caught.value.asset, caught.value.partition) == ("drives", HOUR)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_written_partitions_are_those_with_a_pointer(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", "2026-02-02", drives("a"))
    write_tables(lake, "drives", "2026-02-01", drives("a"))
    lake.put("drives/2026-02-03/speeds-0123.parquet", b"a writer was killed here")
    assert written_partitions(lake, "drives") == ["2026-02-01", "2026-02-02"]
    assert written_partitions(lake, "others") == []
    assert has_tables(lake, "drives", "2026-02-01")
    assert partition_folder("drives", HOUR) == FOLDER


def test_partitions_are_a_mapping_of_those_that_exist(lake: DirectoryStore) -> None:
    write_tables(lake, "drives", "2026-02-01", drives("a"))
    partitions = DrivesHours(lake, "drives", ["2026-02-01", "2026-02-02"])
    assert list(partitions) == ["2026-02-01"]
    assert len(partitions) == 1
    assert "2026-02-01" in partitions
    assert "2026-02-02" not in partitions
    assert partitions.get("2026-02-02") is None
    assert_same(partitions["2026-02-01"], drives("a"))
    with pytest.raises(PartitionMissingError):
        partitions["2026-02-02"]


DAYS = dg.DailyPartitionsDefinition("2026-02-01", end_date="2026-02-05")


@dg.asset(name="drives", partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def recorded_drives(context: dg.AssetExecutionContext) -> dict[str, Drives]:
    return {day: drives(day) for day in context.partition_keys}


@dg.asset(partitions_def=DAYS, backfill_policy=dg.BackfillPolicy.single_run())
def slow_drives(context: dg.AssetExecutionContext, drives: DrivesHours) -> dict[str, Drives]:
    assert sorted(drives) == sorted(context.partition_keys)
    return {
        day: Drives(sessions=found.sessions, speeds=found.speeds.filter(pl.col("frame") < 1))
        for day, found in drives.items()
    }


@pytest.fixture
def materialise(tmp_path: Path) -> Callable[..., dg.ExecuteInProcessResult]:
    def run(**which: Any) -> dg.ExecuteInProcessResult:
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                [recorded_drives, slow_drives],
                resources={"io_manager": ParquetTables(lake_url=str(tmp_path))},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                instance=instance,
                **which,
            )

    return run


def test_an_asset_of_one_partition_goes_through_dagster(
    lake: DirectoryStore, materialise: Callable[..., dg.ExecuteInProcessResult]
) -> None:
    assert materialise(partition_key="2026-02-02").success
    assert written_partitions(lake, "drives") == ["2026-02-02"]
    assert_same(read_tables(lake, "drives", "2026-02-02", Drives), drives("2026-02-02"))
    assert read_tables(lake, "slow_drives", "2026-02-02", Drives).speeds.height == 1


def test_a_range_is_one_run_that_writes_each_partition(
    lake: DirectoryStore, materialise: Callable[..., dg.ExecuteInProcessResult]
) -> None:
    days = ["2026-02-01", "2026-02-02", "2026-02-03"]
    span = {
        "dagster/asset_partition_range_start": days[0],
        "dagster/asset_partition_range_end": days[-1],
    }
    assert materialise(tags=span).success
    for asset in ("drives", "slow_drives"):
        assert written_partitions(lake, asset) == days
    for day in days:
        assert_same(read_tables(lake, "drives", day, Drives), drives(day))
