"""The hallucination rule: only where pairs are, against limits and against the session's own painter."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from scalediff_assets.pair_schemas import PAIRS
from scalediff_assets.quality_scores.policy import DEFAULT_POLICY_PATH, load_policy
from scalediff_assets.quality_scores.verdict import with_pairs

V1 = DEFAULT_POLICY_PATH.with_name("v1.toml")
V1_HASH = "6a95e724a8a2e732e7d2917a0d38bbaf23ade354eb063de6283919e5220c517e"


def pairs_of(hour: Any, origin: str = "recorded", **signals: Any) -> pl.DataFrame:
    """Pairs for every second frame; a signal is a number, or an array over the frames."""
    frames = hour.signals.select("session_id", "frame_idx", "pts_ms").gather_every(2)
    usual = {"pair_layout": 0.85, "pair_lost": 4.0, "pair_added": 4.0}
    values = {
        name: np.broadcast_to(np.asarray(signals.get(name, level), np.float32), frames.height)
        for name, level in usual.items()
    }
    return PAIRS.conform(
        frames.with_columns(
            clip_id=pl.col("session_id") + "_recorded",
            wallet=pl.lit("w"),
            origin=pl.lit(origin),
            prompt=pl.lit("rain"),
            segment_id=pl.lit(None, pl.String),
            sim_frame=pl.col("frame_idx"),
            source_idx=pl.col("frame_idx"),
            source_pts_ms=pl.col("pts_ms"),
            **{name: pl.Series(value) for name, value in values.items()},
        )
    )


def judged(hour: Any, pairs: pl.DataFrame, **kwargs: Any) -> pl.DataFrame:
    verdicts: pl.DataFrame = replace(hour, signals=with_pairs(hour.signals, pairs)).judged(**kwargs)
    return verdicts


def refused(verdicts: pl.DataFrame) -> list[bool]:
    return verdicts["reasons"].list.contains("hallucination").to_list()


def test_a_session_without_pairs_is_not_held_against_the_rule(hour: Any) -> None:
    verdicts = hour.judged()
    assert verdicts["passed"].to_list() == [True, True]
    assert verdicts["pairs"].to_list() == [0, 0]
    assert verdicts["hallucinated_share"].to_list() == [None, None]


def test_an_honest_painter_passes_in_any_style(hour: Any) -> None:
    rng = np.random.default_rng(3)
    for layout, outlier in ((0.9, 3.0), (0.62, 11.0)):  # daylight and comic
        noisy = pairs_of(
            hour,
            pair_layout=layout + rng.normal(0, 0.02, 100),
            pair_added=outlier * rng.uniform(0.7, 1.8, 100),
        )
        verdicts = judged(hour, noisy)
        assert refused(verdicts) == [False, False]
        assert verdicts["pairs"].to_list() == [50, 50]


@pytest.mark.parametrize(
    ("signal", "value"),
    [("pair_layout", 0.3), ("pair_layout", 0.6), ("pair_lost", 14.0), ("pair_added", 40.0)],
)
def test_a_segment_with_too_many_hallucinated_frames_is_refused(hour: Any, signal: str, value: float) -> None:
    usual = 0.85 if signal == "pair_layout" else 4.0
    lying = np.full(100, usual)
    lying[50:65] = value  # 15 of the second segment's 50 pairs
    verdicts = judged(hour, pairs_of(hour, "recorded", **{signal: lying}))
    assert refused(verdicts) == [False, True]
    assert verdicts["hallucinated_share"].to_list() == [0.0, pytest.approx(0.3)]
    lying[50:58] = usual  # 7 of 50 are under the limit
    assert refused(judged(hour, pairs_of(hour, "recorded", **{signal: lying}))) == [False, False]


def test_a_street_that_is_wrong_all_the_time_is_refused_by_the_absolute_limit(hour: Any) -> None:
    assert refused(judged(hour, pairs_of(hour, pair_layout=0.3))) == [True, True]


def test_repaints_do_not_judge_what_the_player_saw(hour: Any) -> None:
    verdicts = judged(hour, pairs_of(hour, origin="repainted", pair_layout=0.1))
    assert refused(verdicts) == [False, False]
    assert verdicts["pairs"].to_list() == [0, 0]


def test_version_1_stays_what_it_was_and_the_new_rule_has_a_hash_of_its_own(hour: Any) -> None:
    old = load_policy(V1)
    assert (old.policy_hash, old.pairs, old.rules.hallucination) == (V1_HASH, None, None)
    assert load_policy().policy_hash != V1_HASH
    verdicts = judged(hour, pairs_of(hour, pair_layout=0.1), policy=old)
    assert refused(verdicts) == [False, False]
    assert verdicts["hallucinated_share"].null_count() == 2
