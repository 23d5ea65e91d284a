"""Near-duplicates are found exactly, in arrival order, and never within one session."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scalediff_assets.quality_scores.duplicates import (
    Fingerprints,
    find_duplicates,
    pack_hashes,
    unpack_hashes,
)
from scalediff_assets.quality_scores.policy import load_policy
from scalediff_assets.quality_scores.verdict import fingerprints_of

LIMITS = load_policy().duplicates
RNG_SEED = 11

Rows = Sequence[tuple[str, int, NDArray[np.uint64]]]


def prints(rows: Rows) -> Fingerprints:
    """Fingerprints from (segment id, completed_ms, hashes); the session is the id without its index."""
    return Fingerprints.from_records(
        (segment, segment.rpartition("_")[0], completed, pack_hashes(hashes))
        for segment, completed, hashes in rows
    )


def random_hashes(rng: np.random.Generator, count: int) -> NDArray[np.uint64]:
    return rng.integers(0, 2**64, (count, 4), dtype=np.uint64)


def flipped(hashes: NDArray[np.uint64], bits: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """A copy in which each hash differs in exactly `bits` bits."""
    out = hashes.copy()
    for row in out:
        for bit in rng.choice(256, bits, replace=False):
            row[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return out


def matches(fresh: Rows, earlier: Rows = ()) -> dict[str, tuple[str | None, float]]:
    found = find_duplicates(prints(fresh), prints(earlier), LIMITS)
    return {row[0]: (row[1], row[2]) for row in found.iter_rows()}


@pytest.mark.parametrize(("bits", "found"), [(0, True), (31, True), (32, False)])
def test_hashes_match_up_to_the_published_distance(bits: int, found: bool) -> None:
    rng = np.random.default_rng(RNG_SEED)
    old = random_hashes(rng, 5)
    result = matches([("b_001", 2, flipped(old, bits, rng))], [("a_001", 1, old)])
    assert result == ({"b_001": ("a_001", 1.0)} if found else {})


@pytest.mark.parametrize(("common", "duplicate"), [(5, True), (4, True), (3, False)])
def test_four_of_five_hashes_make_a_duplicate_and_three_do_not(common: int, duplicate: bool) -> None:
    rng = np.random.default_rng(RNG_SEED)
    old, new = random_hashes(rng, 5), random_hashes(rng, 5)
    new[:common] = old[:common]
    expected = ("a_001" if duplicate else None, common / 5)
    assert matches([("b_001", 2, new)], [("a_001", 1, old)]) == {"b_001": expected}


def test_the_hashes_must_lie_in_one_earlier_segment() -> None:
    rng = np.random.default_rng(RNG_SEED)
    new = random_hashes(rng, 4)
    earlier = [("a_001", 1, new[:2]), ("a_002", 1, new[2:])]
    assert matches([("b_001", 2, new)], earlier) == {"b_001": (None, 0.5)}


def test_a_single_matching_hash_proves_nothing() -> None:
    one = random_hashes(np.random.default_rng(RNG_SEED), 1)
    assert matches([("b_001", 2, one)], [("a_001", 1, one)]) == {"b_001": (None, 1.0)}


def test_segments_of_one_session_never_count() -> None:
    same = random_hashes(np.random.default_rng(RNG_SEED), 5)
    assert matches([("a_001", 1, same), ("a_002", 1, same)]) == {}


def test_only_what_arrived_before_counts() -> None:
    same = random_hashes(np.random.default_rng(RNG_SEED), 5)
    rows = [("c_001", 3, same), ("a_001", 1, same), ("b_001", 2, same)]
    assert matches(rows) == {"b_001": ("a_001", 1.0), "c_001": ("a_001", 1.0)}


def test_sessions_that_arrive_in_the_same_millisecond_go_by_id() -> None:
    same = random_hashes(np.random.default_rng(RNG_SEED), 5)
    assert matches([("b_001", 1, same), ("a_001", 1, same)]) == {"b_001": ("a_001", 1.0)}


def test_judging_again_with_the_catalog_full_gives_the_same_result() -> None:
    same = random_hashes(np.random.default_rng(RNG_SEED), 5)
    fresh: Rows = [("b_001", 2, same)]
    first: Rows = [("a_001", 1, same)]
    assert matches(fresh, [*first, *fresh, ("c_001", 3, same)]) == matches(fresh, first)


def test_nothing_matches_nothing() -> None:
    assert find_duplicates(Fingerprints(), Fingerprints(), LIMITS).height == 0
    some = prints([("a_001", 1, random_hashes(np.random.default_rng(RNG_SEED), 5))])
    assert find_duplicates(Fingerprints(), some, LIMITS).height == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bits=st.integers(0, 40), pool_size=st.integers(1, 60))
def test_the_search_finds_exactly_what_comparing_all_pairs_finds(
    seed: int, bits: int, pool_size: int
) -> None:
    rng = np.random.default_rng(seed)
    pool = random_hashes(rng, pool_size)
    queries = flipped(pool[rng.integers(0, pool_size, 4)], bits, rng)
    apart = np.bitwise_count(queries[:, None] ^ pool[None]).sum(axis=-1)  # (4, pool)
    expected = max((apart <= 31).sum(axis=0)) / 4
    found = matches([("q_001", 2, queries)], [(f"p{i}_001", 1, row[None]) for i, row in enumerate(pool)])
    assert found.get("q_001", (None, 0.0))[1] == expected


@given(st.binary(max_size=320).map(lambda raw: raw[: len(raw) // 32 * 32]))
def test_hashes_survive_packing(raw: bytes) -> None:
    assert pack_hashes(unpack_hashes(raw)) == raw


def test_a_torn_fingerprint_is_refused() -> None:
    with pytest.raises(ValueError, match="33 bytes is no multiple of 32"):
        unpack_hashes(b"x" * 33)


def test_records_rebuild_the_same_fingerprints(make_hour: Any) -> None:
    hour = make_hour(sessions=2)
    made = fingerprints_of(
        segments=hour.segments, signals=hour.signals, sessions=hour.sessions, policy=load_policy()
    )
    again = Fingerprints.from_records(made.records())
    assert made.segment_ids == tuple(hour.segments["segment_id"].sort())
    assert np.diff(made.offsets).tolist() == [5, 5, 5, 5]
    assert again.segment_ids == made.segment_ids
    assert np.array_equal(again.hashes, made.hashes)


def test_hashes_of_flat_pictures_are_left_out(make_hour: Any) -> None:
    hour = make_hour().spoil("signals", pl.col("frame_idx") < 100, pdq_quality=49)
    made = fingerprints_of(
        segments=hour.segments, signals=hour.signals, sessions=hour.sessions, policy=load_policy()
    )
    assert [segment[-3:] for segment in made.segment_ids] == ["002"]


def test_a_second_upload_of_the_same_drive_is_refused_and_names_the_first(make_hour: Any) -> None:
    hour = make_hour(sessions=2)
    hashes = hour.signals["pdq_hash"]
    half = hour.signals.height // 2
    copied = pl.concat([hashes[:half], hashes[:half]])
    verdicts = hour.spoil("signals", pdq_hash=copied).judged()
    first, second = hour.sessions["session_id"]
    assert verdicts["reasons"].to_list() == [[], [], ["duplicate"], ["duplicate"]]
    assert verdicts["duplicate_of"].to_list() == [None, None, f"{first}_001", f"{first}_002"]
    assert verdicts["wallet"][2] != verdicts["wallet"][0]
    assert second in verdicts["segment_id"][2]


def test_an_upload_of_an_earlier_hour_is_found_through_the_catalog(make_hour: Any) -> None:
    hour = make_hour()
    known = fingerprints_of(
        segments=hour.segments, signals=hour.signals, sessions=hour.sessions, policy=load_policy()
    )
    earlier = Fingerprints.from_records(
        (f"session_1_old_{i:03d}", "session_1_old", 5, packed)
        for i, (*_, packed) in enumerate(known.records(), start=1)
    )
    verdicts = hour.judged(earlier=earlier)
    assert verdicts["duplicate_of"].to_list() == ["session_1_old_001", "session_1_old_002"]
    assert verdicts["duplicate_share"].to_list() == [1.0, 1.0]


@pytest.mark.slow
def test_two_thousand_new_segments_against_a_hundred_thousand_stay_exact() -> None:
    rng = np.random.default_rng(RNG_SEED)
    old = random_hashes(rng, 500_000)
    earlier = Fingerprints(
        segment_ids=tuple(f"old{i}_001" for i in range(100_000)),
        session_ids=tuple(f"old{i}" for i in range(100_000)),
        completed_ms=np.ones(100_000, np.int64),
        offsets=np.arange(0, 500_001, 5, dtype=np.int64),
        hashes=old,
    )
    new = random_hashes(rng, 10_000)
    new[:500] = flipped(old[:500], 31, rng)
    fresh = prints([(f"new{i}_001", 2, new[5 * i : 5 * i + 5]) for i in range(2000)])
    found = find_duplicates(fresh, earlier, LIMITS)
    assert found.height == 100
    assert found["duplicate_share"].to_list() == [1.0] * 100
    assert set(found["duplicate_of"]) == {f"old{i}_001" for i in range(100)}
