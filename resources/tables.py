"""The Parquet IO manager: sets of tables, one per partition, in the lake.

A partition is written under names derived from its content and published by one small pointer
object, written last:

    {asset}/{partition}/{table}-{sha256[:16]}.parquet
    {asset}/{partition}/tables.json                    {"table": "object name", ...}

A reader sees the old set or the new one, never a mixture: one whose files are removed under it
begins again with the new pointer. A writer killed at any moment and run again leaves the same
objects. What an asset's tables are is not known here: the asset's type
annotation says it.
"""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from resources.object_store import ObjectMissingError, ObjectStore

POINTER = "tables.json"
# Zstandard's fast levels halve the signals' size and cost less than writing the bytes.
_COMPRESSION_LEVEL = 3


class TableLike(Protocol):
    """What a table is declared to be, such as `scalediff_assets.tables.Table`."""

    def adopted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame that was written under an older declaration, under today's."""


class TableSetLike(Protocol):
    """A frozen dataclass of frames, such as `scalediff_assets.tables.TableSet`."""

    @classmethod
    def tables(cls) -> Mapping[str, TableLike]:
        """Field name to declaration."""


Tables = TypeVar("Tables", bound=TableSetLike)


class PartitionMissingError(KeyError):
    """A partition that was never materialised was asked for; a KeyError, as a mapping's should be."""

    def __init__(self, asset: str, partition: str) -> None:
        self.asset = asset
        self.partition = partition
        super().__init__(asset, partition)

    def __str__(self) -> str:
        return f"{self.asset} has no partition {self.partition}; materialise it first"


def partition_folder(asset: str, partition: str) -> str:
    """The lake folder of a partition; a colon is not welcome in every file system."""
    return f"{asset}/{partition.replace(':', '')}"


def write_tables(lake: ObjectStore, asset: str, partition: str, tables: TableSetLike) -> int:
    """Write and publish one partition; returns its size in bytes."""
    folder = partition_folder(asset, partition)
    names, total_bytes = {}, 0
    for name in tables.tables():
        content = _parquet_bytes(getattr(tables, name))
        names[name] = f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.parquet"
        total_bytes += len(content)
        key = f"{folder}/{names[name]}"
        if lake.head(key) is None:
            lake.put(key, content, content_type="application/vnd.apache.parquet")
    lake.put(
        f"{folder}/{POINTER}", json.dumps(names, sort_keys=True).encode(), content_type="application/json"
    )
    _remove_replaced(lake, folder, {POINTER, *names.values()})
    return total_bytes


def read_tables(lake: ObjectStore, asset: str, partition: str, kind: type[Tables]) -> Tables:
    """Read one partition.

    Raises:
        PartitionMissingError: Where the partition was never written.
    """
    folder = partition_folder(asset, partition)
    names = _pointer(lake, asset, partition)
    while True:
        try:
            frames = {
                name: table.adopted(pl.read_parquet(io.BytesIO(lake.get(f"{folder}/{names[name]}"))))
                for name, table in kind.tables().items()
            }
        except ObjectMissingError:
            replaced = _pointer(lake, asset, partition)
            if replaced == names:
                raise
            names = replaced
        else:
            return kind(**frames)


def _pointer(lake: ObjectStore, asset: str, partition: str) -> dict[str, str]:
    try:
        content = lake.get(f"{partition_folder(asset, partition)}/{POINTER}")
    except ObjectMissingError as error:
        raise PartitionMissingError(asset, partition) from error
    names: dict[str, str] = json.loads(content)
    return names


def has_tables(lake: ObjectStore, asset: str, partition: str) -> bool:
    """Whether the partition was ever written."""
    return lake.head(f"{partition_folder(asset, partition)}/{POINTER}") is not None


def written_partitions(lake: ObjectStore, asset: str) -> list[str]:
    """The lake folders of an asset's partitions; for days these are the partition keys."""
    found = (info.key.split("/") for info in lake.list(f"{asset}/"))
    return sorted({folder for _, folder, name in found if name == POINTER})


def _parquet_bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=_COMPRESSION_LEVEL)
    return buffer.getvalue()


def _remove_replaced(lake: ObjectStore, folder: str, current: set[str]) -> None:
    stale = [info.key for info in lake.list(f"{folder}/") if info.key.rpartition("/")[2] not in current]
    for key in stale:
        lake.delete(key)


class Partitions(Mapping[str, Tables]):
    """The partitions of one upstream asset that a step may read; each is loaded when it is asked for.

    A subclass names the kind of its table sets; an asset's parameter is annotated with that
    subclass. Iteration gives the partition keys that exist; asking for another one raises
    `PartitionMissingError`.
    """

    kind: ClassVar[type[TableSetLike]]

    def __init__(self, lake: ObjectStore, asset: str, keys: list[str]) -> None:
        self._lake = lake
        self._asset = asset
        self._keys = keys

    def __getitem__(self, partition: str) -> Tables:
        tables: Tables = read_tables(self._lake, self._asset, partition, self.kind)  # type: ignore[assignment]
        return tables

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._keys if has_tables(self._lake, self._asset, key))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class ParquetTables(dg.ConfigurableIOManager):
    """Stores `dict[partition, TableSet]` outputs and loads them as `Partitions`."""

    lake_url: str
    endpoint_url: str | None = None
    region: str | None = None
    _lake: ObjectStore | None = PrivateAttr(default=None)

    def handle_output(self, context: dg.OutputContext, obj: Mapping[str, TableSetLike]) -> None:
        """Publish each partition of the output."""
        asset = context.asset_key.to_user_string()
        for partition in sorted(obj):
            write_tables(self._store(), asset, partition, obj[partition])

    def load_input(self, context: dg.InputContext) -> Partitions[Any]:
        """The upstream partitions, read lazily."""
        partitions: type[Partitions[Any]] = context.dagster_type.typing_type
        keys = list(context.asset_partition_keys)
        return partitions(self._store(), context.asset_key.to_user_string(), keys)

    def _store(self) -> ObjectStore:
        if self._lake is None:
            from resources.object_store import open_store

            self._lake = open_store(self.lake_url, endpoint_url=self.endpoint_url, region=self.region)
        return self._lake
