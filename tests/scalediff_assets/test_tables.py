import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.schemas import SEGMENTS, AlignedSessions, Segments
from scalediff_assets.tables import Table


def segment_row(session_id: str, index: int) -> dict[str, object]:
    return {
        "segment_id": f"{session_id}_{index:03d}",
        "session_id": session_id,
        "origin": "game",
        "segment_index": index,
        "first_frame_idx": 0,
        "end_frame_idx": 10,
        "start_pts_ms": 0,
        "end_pts_ms": 900,
        "frames": 10,
        "exported_frames": 9,
        "skip_reason": None,
    }


def test_a_frame_as_declared_has_no_problems() -> None:
    assert SEGMENTS.problems(SEGMENTS.frame([segment_row("a", 1), segment_row("a", 2)])) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.lit(None, pl.Int32).alias("frames"), "frames: 2 nulls"),
        (pl.lit(0, pl.Int32).alias("frames"), "2 values under 1"),
        (pl.lit("x").alias("segment_id"), "1 rows repeat the key segment_id"),
        (pl.col("frames").cast(pl.Int64), "schema"),
    ],
)
def test_each_broken_declaration_is_named(change: pl.Expr, words: str) -> None:
    frame = SEGMENTS.frame([segment_row("a", 1), segment_row("a", 2)]).with_columns(change)
    (problem,) = SEGMENTS.problems(frame)
    assert words in problem


def test_nan_is_a_problem_and_null_in_a_nullable_column_is_not() -> None:
    from scalediff_assets.tables import Column

    table = Table("t", "a row", (), (Column("x_m", pl.Float64, "x", nullable=True),))
    assert table.problems(pl.DataFrame({"x_m": [1.0, None]})) == []
    assert "NaN" in table.problems(pl.DataFrame({"x_m": [1.0, float("nan")]}))[0]


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True), st.randoms())
def test_concat_does_not_depend_on_the_order_of_parts(names: list[str], random: object) -> None:
    parts = [Segments(segments=SEGMENTS.frame([segment_row(name, 1)])) for name in names]
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert Segments.concat(parts).segments.equals(Segments.concat(shuffled).segments)


def test_replacing_touches_only_the_named_sessions() -> None:
    stored = Segments(segments=SEGMENTS.frame([segment_row(name, 1) for name in "abc"]))
    fresh = Segments(segments=SEGMENTS.frame([segment_row("b", 1), segment_row("b", 2)]))
    replaced = stored.replacing(["b"], fresh).segments
    assert replaced["segment_id"].to_list() == ["a_001", "b_001", "b_002", "c_001"]


def test_a_new_table_set_is_empty_with_the_declared_schema() -> None:
    tables = AlignedSessions()
    assert tables.frames.schema == AlignedSessions.tables()["frames"].schema
    assert tables.frames.is_empty()


def test_the_data_page_is_generated_from_the_declarations() -> None:
    from pathlib import Path

    from scalediff_assets.data_page import data_page

    page = Path(__file__).parents[2] / "docs" / "data.md"
    assert page.read_text() == data_page(), "run `make docs`"
