"""`scalediff export`: packed days in a consumer's layout, with progress."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast, get_args

import polars as pl
from rich.console import Console

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import Settings
from resources.tables import has_tables, read_tables, written_partitions
from scalediff_assets.cilrs_datasets.exports import ExportError, ExportSummary, Layout, export_dataset
from scalediff_assets.cilrs_datasets.shards import SegmentReader
from scalediff_assets.runner import progress_bars
from scalediff_assets.schemas import CilrsDataset

ASSET = "cilrs_datasets"


def export_days(
    settings: Settings, *, out: Path, layout: str, days: Sequence[str], digits: int, console: Console
) -> ExportSummary:
    """Export the named days, or every packed day.

    Raises:
        ExportError: For an unknown layout, a day that was never packed, or nothing to export.
    """
    if layout not in get_args(Layout):
        raise ExportError(f"layout {layout!r} is not one of {', '.join(get_args(Layout))}")
    connections: Connections = resources_for(settings)["connections"]
    index = _index(connections, days)
    with progress_bars(console) as progress:
        bar = progress.add_task("exporting", total=index.height)
        return export_dataset(
            index,
            SegmentReader(connections.clean().get),
            out,
            layout=cast(Layout, layout),
            digits=cast(Literal[4, 5], digits),
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _index(connections: Connections, days: Sequence[str]) -> pl.DataFrame:
    lake = connections.lake()
    for day in days:
        if not has_tables(lake, ASSET, day):
            raise ExportError(f"{day} was never packed; materialise {ASSET} for that day first")
    chosen = sorted(set(days)) or written_partitions(lake, ASSET)
    parts = [read_tables(lake, ASSET, day, CilrsDataset).segments for day in chosen]
    index = pl.concat([CilrsDataset().segments, *parts])
    if not index.height:
        raise ExportError("no packed day has a passing segment; run `scalediff sessions` to see why")
    return index
