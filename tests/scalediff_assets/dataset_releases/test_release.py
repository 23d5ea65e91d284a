"""Releases: splits without leaks, no repeats, one hash, clear refusals, differences."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_assets.dataset_releases.card import markdown, page, plots
from scalediff_assets.dataset_releases.release import (
    ReleaseOptions,
    ReleaseRefusedError,
    diff,
    leaks,
    make_release,
    release_hash,
    sequence_of_days,
    split_players,
)
from scalediff_assets.model_schemas import RELEASE_SEGMENTS
from scalediff_assets.schemas import DATASET_INDEX

OPTIONS = ReleaseOptions(name="r1", days=("2026-01-01",))


def segment(number: int, wallet: str, session: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "segment_id": f"seg{number:03d}",
        "session_id": session,
        "wallet": wallet,
        "origin": "game",
        "shard_key": "cilrs_datasets/2026-01-01/x.parquet",
        "first_row": 50 * number,
        "rows": 50,
        "duration_ms": 4_900,
        "policy_hash": "aa11",
        "align_method": "frame_id",
        "align_uncertainty_ms": 0.0,
        "score": 0.9,
        "frames_left": 10,
        "frames_right": 10,
        "frames_straight": 10,
        "frames_follow": 20,
        "content_sha256": f"{number:064x}",
    }
    return row | changes


def index(players: int = 4, sessions: int = 3, segments: int = 4, **changes: object) -> pl.DataFrame:
    rows = [
        segment(k * sessions * segments + j * segments + i, f"w{k}", f"w{k}s{j}", **changes)
        for k in range(players)
        for j in range(sessions)
        for i in range(segments)
    ]
    return DATASET_INDEX.frame(rows).with_columns(day=pl.lit("2026-01-01"))


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), min_size=2, max_size=60),
    st.floats(0.05, 0.5),
)
@settings(max_examples=60)
def test_nobody_is_on_both_sides(owners: list[tuple[int, int]], val_share: float) -> None:
    rows = [segment(n, f"w{player}", f"w{player}s{session}") for n, (player, session) in enumerate(owners)]
    table = DATASET_INDEX.frame(rows)
    if table["session_id"].n_unique() < 2:
        return
    split_by, sides = split_players(table, val_share)
    owner = "wallet" if split_by == "player" else "session_id"
    table = table.with_columns(pl.col(owner).replace_strict(sides, return_dtype=pl.String).alias("split"))
    assert leaks(table, split_by) == []
    assert set(table["split"]) == {"train", "val"}
    assert (split_by == "player") == (table["wallet"].n_unique() > 1)


def test_a_player_stays_on_its_side_when_days_are_added() -> None:
    few, many = split_players(index(players=8), 0.2)[1], split_players(index(players=9), 0.2)[1]
    moved = [wallet for wallet in few if few[wallet] != many[wallet]]
    assert len(moved) <= 1


def test_a_leak_is_found() -> None:
    _, table = make_release(index(), {}, OPTIONS)
    leaking = table.with_columns(
        split=pl.when(pl.col("segment_id") == "seg000").then(pl.lit("train")).when(
            pl.col("session_id") == "w0s0").then(pl.lit("val")).otherwise("split")
    )  # fmt: skip
    assert "session_id w0s0" in leaks(leaking, "player")
    from scalediff_assets.checks import leakage_problem
    from scalediff_assets.model_schemas import DatasetRelease

    assert leakage_problem(DatasetRelease(segments=table)) is None
    assert "w0s0" in str(leakage_problem(DatasetRelease(segments=leaking)))


def test_the_hash_is_of_the_content_and_not_of_the_order() -> None:
    manifest, table = make_release(index(), {}, OPTIONS)
    again, _ = make_release(index().reverse(), {}, OPTIONS)
    assert manifest.content_hash == again.content_hash == release_hash(table.reverse())
    other, _ = make_release(
        index().with_columns(content_sha256=pl.lit("b") + pl.col("content_sha256")), {}, OPTIONS
    )
    assert other.content_hash != manifest.content_hash
    assert RELEASE_SEGMENTS.problems(table) == []


def test_near_duplicates_are_left_out_and_named() -> None:
    manifest, table = make_release(index(), {"seg013": "seg001", "seg014": "elsewhere"}, OPTIONS)
    assert manifest.near_duplicates == {"seg013": "seg001"}
    assert "seg013" not in set(table["segment_id"]) and "seg014" in set(table["segment_id"])


def test_equal_content_is_released_once() -> None:
    twice = index().with_columns(
        content_sha256=pl.when(pl.col("segment_id") == "seg005")
        .then(pl.lit(f"{4:064x}"))
        .otherwise("content_sha256")
    )
    assert make_release(twice, {}, OPTIONS)[0].near_duplicates == {"seg005": "seg004"}


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        (index(players=0), OPTIONS, "no segment passes days 2026-01-01"),
        (index(), ReleaseOptions(name="r1", days=(), min_score=0.95), "no segment passes min_score 0.95"),
        (
            index(),
            ReleaseOptions(name="r1", days=(), policy="bb"),
            r"no segment passes policy bb \(there are aa11",
        ),
        (index(), ReleaseOptions(name="r1", days=(), align_methods=("x",)), r"align x \(there are frame_id"),
        (index(players=1, sessions=1), OPTIONS, "it has 1 session"),
        (index(frames_left=0), OPTIONS, "no frame has command left"),
    ],
)
def test_what_cannot_be_released_is_refused(rows: pl.DataFrame, options: ReleaseOptions, says: str) -> None:
    with pytest.raises(ReleaseRefusedError, match=says):
        make_release(rows, {}, options)


def test_a_command_that_only_the_held_out_drive_is_refused() -> None:
    held = [w for w, side in split_players(index(), 0.15)[1].items() if side == "val"]
    rows = index().with_columns(
        frames_right=pl.when(pl.col("wallet").is_in(held)).then(10).otherwise(0).cast(pl.Int32)
    )
    with pytest.raises(ReleaseRefusedError, match="train split has command right"):
        make_release(rows, {}, OPTIONS)


def test_one_player_is_split_by_session_and_the_release_says_so() -> None:
    manifest, table = make_release(index(players=1), {}, OPTIONS)
    assert manifest.split_by == "session"
    assert leaks(table, "session") == []
    assert "one player gave everything" in markdown(manifest, table)


def test_two_releases_can_be_compared() -> None:
    before, _ = make_release(index(players=4), {}, OPTIONS)
    changed = index(players=5).with_columns(
        content_sha256=pl.when(pl.col("segment_id") == "seg000")
        .then(pl.lit("c" * 64))
        .otherwise("content_sha256")
    )
    after, _ = make_release(changed.filter(pl.col("segment_id") != "seg001"), {}, OPTIONS)
    found = diff(before, after)
    assert found.removed == ("seg001",)
    assert found.changed == ("seg000",)
    assert len(found.added) == 12 and found.shared == 47
    assert found.frames == (48 * 50, 59 * 50)


def test_the_card_has_the_hash_the_counts_and_pictures(tmp_path: Path) -> None:
    manifest, table = make_release(index(), {}, OPTIONS)
    table = table.with_columns(scenario=pl.lit("<cut-in>"))
    text, html = markdown(manifest, table), page(manifest, table, b"")
    assert manifest.content_hash in text and manifest.content_hash in html
    assert "&lt;cut-in&gt;" in html and "<cut-in>" not in html
    assert "data:image/png;base64" in html
    assert plots(table) == plots(table)


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        (["all"], ("2026-01-01", "2026-01-02", "2026-01-05")),
        (["2026-01-02"], ("2026-01-02",)),
        (["2026-01-02..2026-01-31"], ("2026-01-02", "2026-01-05")),
    ],
)
def test_days_can_be_named_in_three_ways(asked: list[str], days: tuple[str, ...]) -> None:
    known = ["2026-01-01", "2026-01-02", "2026-01-05"]
    assert sequence_of_days(asked, known) == days
    with pytest.raises(ReleaseRefusedError, match="no packed day is 2027"):
        sequence_of_days(["2027-01-01"], known)
