"""What every hourly asset shares: the run's knobs, partial re-runs and the hour's bookkeeping."""

import logging
from collections.abc import Sequence
from typing import TypeVar

import dagster as dg
import polars as pl
from pydantic import Field

from resources.object_store import ObjectStore
from resources.tables import has_tables, read_tables
from scalediff_assets.tables import Table, TableSet

Tables = TypeVar("Tables", bound=TableSet)
_LOG = logging.getLogger(__name__)

OWNERS = ("team:data",)


class SessionsConfig(dg.Config):
    """Which sessions of the partition to process."""

    session_ids: list[str] = Field(
        default=[],
        description="Process only these sessions; the hour's other rows stay as they are. Empty: all.",
    )


def merged(lake: ObjectStore, asset: str, hour: str, session_ids: Sequence[str], fresh: Tables) -> Tables:
    """The hour's tables after a run: all fresh, or the stored ones with the named sessions replaced."""
    if not session_ids or not has_tables(lake, asset, hour):
        return fresh
    return read_tables(lake, asset, hour, type(fresh)).replacing(session_ids, fresh)


def only(frame: pl.DataFrame, session_ids: Sequence[str]) -> pl.DataFrame:
    """The rows of the named sessions; all rows where none is named."""
    return frame.filter(pl.col("session_id").is_in(list(session_ids))) if session_ids else frame


def verdict_counts(sessions: pl.DataFrame) -> dict[str, int]:
    """Sessions by `valid` or reason code, most frequent first."""
    counted = (
        sessions.select(pl.coalesce("reason", pl.lit("valid")).alias("verdict"))
        .group_by("verdict")
        .len()
        .sort(["len", "verdict"], descending=[True, False])
    )
    return dict(counted.iter_rows())


def column_schema(*tables: Table) -> dg.TableSchema:
    """The declared columns as Dagster shows them."""
    many = len(tables) > 1
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=f"{table.name.rpartition('.')[2]}.{column.name}" if many else column.name,
                type=str(column.dtype),
                description=column.meaning,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for table in tables
            for column in table.columns
        ]
    )


def sample(frame: pl.DataFrame, rows: int = 20) -> dg.MarkdownMetadataValue:
    """The first rows as a Markdown table."""
    with pl.Config(
        tbl_formatting="MARKDOWN",
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_rows=rows,
        tbl_cols=-1,
        fmt_str_lengths=80,
        tbl_width_chars=10_000,
    ):
        return dg.MetadataValue.md(str(frame.head(rows)))
