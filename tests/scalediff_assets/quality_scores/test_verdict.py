"""Every rule of the policy refuses what it names and nothing else."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from time import process_time
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalediff_assets.quality_scores.policy import DEFAULT_POLICY_PATH, QualityPolicy, load_policy
from scalediff_assets.quality_scores.verdict import MissingInputError
from scalediff_assets.schemas import VERDICTS

POLICY_COLUMNS = ["policy_version", "policy_hash", "passed", "reasons", "score"]
first_segment = pl.col("frame_idx") < 100


def share(amount: float) -> pl.Expr:
    """The first `amount` of the first segment's frames."""
    return pl.col("frame_idx") < 100 * amount


def reasons(verdicts: pl.DataFrame) -> list[list[str]]:
    listed: list[list[str]] = verdicts["reasons"].to_list()
    return listed


def changed_policy(**parts: Any) -> QualityPolicy:
    content = tomllib.loads(DEFAULT_POLICY_PATH.read_text())
    return QualityPolicy.model_validate({**content, **parts})


def test_good_segments_pass_and_fit_the_declared_table(hour: Any) -> None:
    verdicts = hour.judged()
    assert VERDICTS.problems(verdicts) == []
    assert verdicts["passed"].to_list() == [True, True]
    assert verdicts["score"].to_list() == [1.0, 1.0]
    assert verdicts["policy_hash"].unique().to_list() == [load_policy().policy_hash]
    assert verdicts["path_m"][0] == pytest.approx(49.5)


@pytest.mark.parametrize(
    ("rule", "table", "where", "values"),
    [
        ("blur", "signals", share(0.105), {"sharpness": 59.0}),
        ("artifact", "signals", share(0.105), {"sharpness": 2700.0}),
        ("black", "signals", share(0.105), {"luma_mean": 10.0}),
        ("black", "signals", share(0.105), {"luma_std": 7.0}),
        ("low_entropy", "signals", share(0.105), {"entropy_bits": 2.0}),
        ("cut", "signals", pl.col("frame_idx") == 40, {"cut": True}),
        ("cut", "signals", pl.col("frame_idx") == 40, {"hist_change": 0.31}),
        ("teleport", "frames", pl.col("frame_idx") == 40, {"teleport": True}),
        ("pose_unknown", "frames", share(0.105), {"x_m": None, "y_m": None}),
        ("key_spam", "frames", pl.col("frame_idx") == 40, {"key_events": 8}),
        ("opposing_keys", "frames", share(0.3), {"held_a": True, "held_d": True}),
        ("opposing_keys", "frames", share(0.3), {"held_s": True}),
        ("keys_uncertain", "frames", share(0.3), {"keys_uncertain": True}),
    ],
)
def test_a_rule_refuses_the_segment_that_breaks_it_and_no_other(
    hour: Any, rule: str, table: str, where: pl.Expr, values: dict[str, Any]
) -> None:
    first, second = reasons(hour.spoil(table, where, **values).judged())
    assert rule in first
    assert set(first) <= {rule, "frames_ok"}
    assert second == []


def test_frames_with_different_defects_add_up_against_frames_ok(hour: Any) -> None:
    spoiled = hour.spoil("signals", share(0.06), sharpness=50.0)
    spoiled = spoiled.spoil("signals", pl.col("frame_idx").is_between(20, 25), luma_mean=5.0)
    verdicts = spoiled.judged()
    assert reasons(verdicts) == [["frames_ok"], []]
    assert verdicts["frames_ok_share"][0] == pytest.approx(0.88)


def test_a_picture_that_stands_still_while_the_car_moves_is_frozen(hour: Any) -> None:
    still = pl.col("frame_idx").is_between(30, 39)
    verdicts = hour.spoil("signals", still, motion=0.1).judged()
    assert verdicts["freeze_s"][0] == pytest.approx(0.5)
    assert "freeze" in reasons(verdicts)[0]


def test_nine_still_frames_are_under_half_a_second(hour: Any) -> None:
    verdicts = hour.spoil("signals", pl.col("frame_idx").is_between(30, 38), motion=0.1).judged()
    assert verdicts["freeze_s"][0] == pytest.approx(0.45)
    assert reasons(verdicts)[0] == []


def test_a_parked_car_is_not_frozen(hour: Any) -> None:
    parked = hour.spoil("signals", first_segment, motion=0.1).spoil("frames", first_segment, speed_mps=0.0)
    assert parked.judged()["freeze_s"][0] == 0.0


def test_two_short_stills_do_not_add_up_to_a_freeze(hour: Any) -> None:
    still = pl.col("frame_idx").is_between(30, 33) | pl.col("frame_idx").is_between(40, 46)
    assert hour.spoil("signals", still, motion=0.1).judged()["freeze_s"][0] == pytest.approx(0.35)


def test_a_jump_on_a_segments_first_frame_lies_outside_it(hour: Any) -> None:
    verdicts = hour.spoil("signals", pl.col("frame_idx") == 100, cut=True, hist_change=0.9).judged()
    assert verdicts["cuts"].to_list() == [0, 0]


@pytest.mark.parametrize(
    ("uncertainty_ms", "confidence", "passes"),
    [
        (0.0, 1.0, True),
        (1000.0, 1 / 3, True),
        (1093.0, 0.31, False),
        (400.0, 0.29, False),
        (None, None, False),
    ],
)
def test_alignment_of_a_decent_legacy_session_passes_and_a_worse_or_unknown_one_does_not(
    hour: Any, uncertainty_ms: float | None, confidence: float | None, passes: bool
) -> None:
    verdicts = hour.spoil("sessions", start_uncertainty_ms=uncertainty_ms, confidence=confidence).judged()
    assert reasons(verdicts) == [[] if passes else ["alignment"]] * 2


def test_a_player_who_neither_moves_nor_presses_gives_no_action(hour: Any) -> None:
    idle = hour.spoil("frames", first_segment, key_events=0, speed_mps=0.0)
    assert reasons(idle.judged()) == [["no_action"], []]


def test_rolling_without_pressing_a_key_is_action(hour: Any) -> None:
    assert reasons(hour.spoil("frames", first_segment, key_events=0).judged()) == [[], []]


def test_three_transitions_that_fit_in_the_step_are_not_spam(hour: Any) -> None:
    assert hour.spoil("frames", key_events=3).judged()["spam_events"].to_list() == [0, 0]


def _coasting(hour: Any, accel_mps2: float, climb_mps: float = 0.0) -> Any:
    time_s = pl.col("game_t_ms") / 1000.0
    return hour.spoil(
        "frames", held_w=False, speed_mps=5.0 + accel_mps2 * time_s, z_m=100.0 + climb_mps * time_s
    )


@pytest.mark.parametrize(
    ("accel_mps2", "climb_mps", "refused"), [(3.0, 0.0, True), (1.0, 0.0, False), (3.0, -0.5, False)]
)
def test_speeding_up_without_a_key_is_refused_unless_slow_or_downhill(
    hour: Any, accel_mps2: float, climb_mps: float, refused: bool
) -> None:
    verdicts = _coasting(hour, accel_mps2, climb_mps).judged()
    assert reasons(verdicts) == [["uncaused_motion"] if refused else []] * 2


def test_speed_that_still_rises_within_a_second_of_the_key_is_caused(hour: Any) -> None:
    tapped = _coasting(hour, 3.0).spoil("frames", pl.col("frame_idx") % 20 == 0, held_w=True)
    assert tapped.judged()["uncaused_motion_share"].to_list() == [0.0, 0.0]


@pytest.mark.parametrize(("contacts", "passes"), [(None, True), (20, True), (21, False)])
def test_contacts_over_the_limit_refuse_and_unknown_contacts_do_not(
    hour: Any, contacts: int | None, passes: bool
) -> None:
    verdicts = hour.spoil("sessions", contacts=contacts).judged()
    assert verdicts["passed"].to_list() == [passes, passes]
    assert verdicts["contacts"][0] == contacts


def test_a_scenario_result_is_refused_only_when_the_policy_lists_it(hour: Any) -> None:
    failed = hour.spoil("sessions", scenario_result="failure")
    rules = {**load_policy().rules.model_dump(exclude_none=True), "scenario_result": {"refused": ["failure"]}}
    assert reasons(failed.judged()) == [[], []]
    assert reasons(failed.judged(changed_policy(rules=rules))) == [["scenario_result"]] * 2


def test_every_failing_rule_is_named_in_the_policys_order(hour: Any) -> None:
    bad = hour.spoil("frames", keys_uncertain=True, x_m=None, teleport=True)
    bad = bad.spoil("signals", sharpness=10.0).spoil("sessions", contacts=99)
    expected = ["blur", "teleport", "pose_unknown", "frames_ok", "contacts", "keys_uncertain"]
    assert reasons(bad.judged()) == [expected, expected]


def test_another_policy_changes_only_the_policy_columns(hour: Any) -> None:
    mixed = hour.spoil("signals", share(0.5), sharpness=55.0)
    strict = mixed.judged()
    lax = mixed.judged(changed_policy(version="v2", rules={"blur": {"share_max": 0.9}}))
    assert strict["passed"].to_list() == [False, True]
    assert lax["passed"].to_list() == [True, True]
    assert set(strict["policy_hash"]) != set(lax["policy_hash"])
    assert strict.drop(POLICY_COLUMNS).equals(lax.drop(POLICY_COLUMNS))


def test_a_policy_without_rules_passes_everything(hour: Any) -> None:
    verdicts = hour.spoil("signals", sharpness=1.0).judged(changed_policy(rules={}))
    assert reasons(verdicts) == [[], []]
    assert verdicts["score"].max() < 1.0


def test_pair_rules_apply_where_the_signals_have_the_column(hour: Any) -> None:
    policy = changed_policy(pair_rules={"pair_similarity": {"low": 0.5}})
    assert reasons(hour.judged(policy)) == [[], []]
    similarity = pl.when(first_segment).then(0.2).otherwise(0.9)
    paired = replace(hour, signals=hour.signals.with_columns(pair_similarity=similarity))
    assert reasons(paired.judged(policy)) == [["pair_similarity"], []]


def test_skipped_segments_are_not_judged(hour: Any) -> None:
    skipped = hour.spoil("segments", pl.col("segment_index") == 1, skip_reason="idle")
    assert skipped.judged()["segment_id"].str.slice(-3).to_list() == ["002"]
    assert hour.spoil("segments", skip_reason="idle").judged().equals(VERDICTS.empty())


@pytest.mark.parametrize(
    ("table", "named"), [("frames", "frames"), ("signals", "signals"), ("sessions", "session")]
)
def test_tables_that_do_not_belong_together_are_refused_by_name(hour: Any, table: str, named: str) -> None:
    broken = replace(hour, **{table: getattr(hour, table).clear()})
    with pytest.raises(MissingInputError, match=rf"2 segments lack .*{named}.*_001.*run the upstream stages"):
        broken.judged()


def test_the_order_of_rows_does_not_matter(make_hour: Callable[..., Any]) -> None:
    hour = make_hour(sessions=3)
    tables = ("segments", "frames", "signals", "sessions")
    shuffled = replace(
        hour, **{name: getattr(hour, name).sample(fraction=1, shuffle=True, seed=7) for name in tables}
    )
    assert shuffled.judged().equals(hour.judged())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_any_signals_give_a_score_and_shares_in_range(hour: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = hour.frames.height
    noisy = hour.spoil(
        "signals", sharpness=pl.Series(rng.exponential(400, n)), motion=pl.Series(rng.exponential(2, n))
    )
    noisy = noisy.spoil(
        "frames", speed_mps=pl.Series(rng.exponential(5, n)), key_events=pl.Series(rng.integers(0, 9, n))
    )
    assert VERDICTS.problems(noisy.judged()) == []


@pytest.mark.slow
def test_a_thousand_sessions_are_judged_in_seconds(make_hour: Callable[..., Any]) -> None:
    hour = make_hour(sessions=1000, segments=12, fps=30, per_segment=150)
    started = process_time()
    verdicts = hour.judged()
    assert verdicts.height == 12_000
    assert verdicts["passed"].all()
    assert process_time() - started < 120
