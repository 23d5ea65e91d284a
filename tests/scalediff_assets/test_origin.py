"""Every table of pictures says whether they are real, of the game or synthetic; no row is without."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from resources.object_store import open_store
from resources.tables import read_tables, write_tables
from scalediff_assets.clip_schemas import GATED_CLIPS, GENERATED_CLIPS, LAKE_CLIPS
from scalediff_assets.model_schemas import RELEASE_SEGMENTS
from scalediff_assets.schemas import (
    DATASET_INDEX,
    SEGMENTS,
    VERDICTS,
    CilrsDataset,
    QualityScores,
    Segments,
)
from scalediff_assets.tables import Table, TableSet
from scalediff_assets.video_schemas import DRIVING_CLIPS

OF_SESSIONS = (SEGMENTS, VERDICTS, DATASET_INDEX, RELEASE_SEGMENTS)
OF_CLIPS = (DRIVING_CLIPS, GENERATED_CLIPS, GATED_CLIPS, LAKE_CLIPS)
HOUR = "2026-02-01-09:00"


def a_row(table: Table, **changes: object) -> pl.DataFrame:
    """One row of zeros and empty texts."""
    zeros = {pl.String: "", pl.Boolean: False, pl.List(pl.String): []}
    row = {name: zeros.get(dtype, 0) for name, dtype in table.schema.items()}
    return table.frame([row | changes])


@pytest.mark.parametrize("table", OF_SESSIONS + OF_CLIPS, ids=lambda table: table.name)
def test_a_row_without_an_origin_or_of_a_strange_one_is_a_problem(table: Table) -> None:
    assert "origin" in table.schema
    named = [text for text in table.problems(a_row(table, origin=None)) if ".origin: 1 nulls" in text]
    assert len(named) == 1
    named = [text for text in table.problems(a_row(table, origin="dream")) if "origin: dream is none" in text]
    assert len(named) == 1
    good = "synthetic" if table in OF_CLIPS else "game"
    assert not [text for text in table.problems(a_row(table, origin=good)) if "origin" in text]


@pytest.mark.parametrize(
    ("kind", "field", "table"),
    [
        (Segments, "segments", SEGMENTS),
        (QualityScores, "segments", VERDICTS),
        (CilrsDataset, "segments", DATASET_INDEX),
    ],
)
def test_what_was_written_before_the_column_is_of_the_game(
    tmp_path: Path, kind: Callable[..., TableSet], field: str, table: Table
) -> None:
    lake = open_store(str(tmp_path))
    old = kind(**{field: a_row(table).drop("origin")})
    write_tables(lake, "asset", HOUR, old)
    found = getattr(read_tables(lake, "asset", HOUR, type(old)), field)
    assert found.schema == table.schema
    assert found["origin"].to_list() == ["game"]
    today = a_row(table, origin="real")
    assert pl.concat([found, today])["origin"].to_list() == ["game", "real"]


def test_a_column_without_a_default_is_not_made_up() -> None:
    old = a_row(SEGMENTS).drop("origin", "frames")
    assert "frames" not in SEGMENTS.adopted(old).columns
    assert SEGMENTS.adopted(a_row(SEGMENTS, origin="real"))["origin"].to_list() == ["real"]
