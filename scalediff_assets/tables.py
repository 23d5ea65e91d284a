"""How tables are declared: columns with type, unit, meaning and range, and sets of tables.

The polars schema, the blocking shape check, the column list in the UI and docs/data.md are all
generated from a `Table`. What the tables are is in `schemas.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import polars as pl


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Column name, with its unit as suffix where it has one.
        dtype: Polars data type.
        meaning: What the value is, in one phrase.
        low: Smallest allowed value, or None.
        high: Largest allowed value, or None.
        nullable: Whether null (not known) is allowed; missing data never becomes a number.
        values: What it may be, where that is a short list.
        default: What rows have that were written before the column was declared; None: they need it.
    """

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    low: float | None = None
    high: float | None = None
    nullable: bool = False
    values: tuple[str, ...] = ()
    default: str | None = None


@dataclass(frozen=True)
class Table:
    """A declared table: its name, what one row is, the key that makes a row unique, its columns."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def schema(self) -> pl.Schema:
        """The polars schema."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def empty(self) -> pl.DataFrame:
        """A frame of this schema without rows."""
        return self.schema.to_frame()

    def frame(self, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
        """Rows (dicts of exactly these columns) as a frame of this schema."""
        return pl.DataFrame(list(rows), schema=self.schema, orient="row")

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame's columns in declared order and type.

        Raises:
            polars.exceptions.ColumnNotFoundError: Where a declared column is missing.
            polars.exceptions.InvalidOperationError: Where a value does not fit its declared type.
        """
        return frame.select(pl.col(c.name).cast(c.dtype) for c in self.columns)

    def adopted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A frame that was written before a column with a default was declared, with that column."""
        late = [c for c in self.columns if c.default is not None and c.name not in frame.columns]
        if not late:
            return frame
        filled = frame.with_columns(pl.lit(c.default, c.dtype).alias(c.name) for c in late)
        declared = [name for name in self.schema.names() if name in filled.columns]
        return filled.select(*declared, pl.exclude(declared))

    def markdown(self) -> str:
        """The declaration as a Markdown section."""
        lines = [
            f"## `{self.name}`",
            "",
            f"One row: {self.row}. Key: {', '.join(f'`{k}`' for k in self.key)}.",
            "",
        ]
        lines += ["| column | type | meaning | range | null |", "|---|---|---|---|---|"]
        for c in self.columns:
            bounds = "" if c.low is None and c.high is None else f"{_bound(c.low)} … {_bound(c.high)}"
            null = "not known" if c.nullable else ""
            lines.append(f"| `{c.name}` | {c.dtype} | {c.meaning} | {bounds} | {null} |")
        return "\n".join(lines) + "\n"

    def problems(self, frame: pl.DataFrame) -> list[str]:
        """What in `frame` breaks the declaration, one sentence each; empty when all is well."""
        if frame.schema != self.schema:
            return [f"{self.name}: schema {dict(frame.schema)} is not {dict(self.schema)}"]
        found = [text for column in self.columns for text in _column_problems(self.name, column, frame)]
        duplicates = frame.height - frame.select(self.key).n_unique() if self.key else 0
        if duplicates:
            found.append(f"{self.name}: {duplicates} rows repeat the key {', '.join(self.key)}")
        return found


def _bound(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _column_problems(table: str, column: Column, frame: pl.DataFrame) -> Iterator[str]:
    values = frame[column.name]
    if not column.nullable and (nulls := values.null_count()):
        yield f"{table}.{column.name}: {nulls} nulls in a column that must be known"
    if values.dtype.is_float() and (bad := int((~values.is_finite()).sum())):
        yield f"{table}.{column.name}: {bad} values are NaN or infinite"
    if (
        column.values
        and (other := values.drop_nulls().unique().sort().to_list())
        and (strange := [value for value in other if value not in column.values])
    ):
        yield f"{table}.{column.name}: {', '.join(strange)} is none of {', '.join(column.values)}"
    if column.low is not None and (below := int((values < column.low).sum())):
        yield f"{table}.{column.name}: {below} values under {column.low}"
    if column.high is not None and (above := int((values > column.high).sum())):
        yield f"{table}.{column.name}: {above} values over {column.high}"


def table_field(table: Table) -> pl.DataFrame:
    """A dataclass field that holds a frame of `table`, empty by default."""
    made: pl.DataFrame = field(default_factory=table.empty, metadata={"table": table})
    return made


@dataclass(frozen=True, kw_only=True)
class TableSet:
    """The tables that one asset yields for one partition; subclasses add `table_field`s.

    Every table of a set has a `session_id` column, or the set overrides `row_owner`.
    """

    row_owner: ClassVar[str] = "session_id"

    @classmethod
    def tables(cls) -> dict[str, Table]:
        """Field name to declaration, in field order."""
        return {f.name: f.metadata["table"] for f in fields(cls)}

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of all parts, sorted by each table's key, so that order of work never shows."""
        frames = {
            name: pl.concat([table.empty(), *(getattr(part, name) for part in parts)]).sort(table.key)
            for name, table in cls.tables().items()
        }
        return cls(**frames)

    def replacing(self, owners: Sequence[str], fresh: Self) -> Self:
        """This set with the rows of `owners` replaced by those of `fresh`."""
        kept = type(self)(
            **{
                name: getattr(self, name).filter(~pl.col(self.row_owner).is_in(list(owners)))
                for name in self.tables()
            }
        )
        return type(self).concat([kept, fresh])
