"""Each fraud rule on rows and signals made by hand: what it hits, and what it leaves alone."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from scalediff_assets.payout_schemas import PAYOUT_EVIDENCE, PAYOUT_TRACKS
from scalediff_assets.payouts.fraud.copies import Kept, overlay, same_keys
from scalediff_assets.payouts.fraud.evidence import PLACE_S, Evidence
from scalediff_assets.payouts.fraud.films import FilmLimits, film_of
from scalediff_assets.payouts.fraud.judge import ISSUED, exclusions, judge
from scalediff_assets.payouts.fraud.marks import candidates, key_marks, place_marks
from scalediff_assets.payouts.fraud.people import crowded_networks, farmed_scenarios, network_of
from scalediff_assets.payouts.fraud.scripts import Timing, timing_of
from scalediff_assets.payouts.fraud.tracks import STEP_S, Track
from scalediff_assets.payouts.policy import load_price_policy

LIMITS = load_price_policy().fraud
STEPS = 600
Bytes = NDArray[np.uint8]


def presses(begin_s: NDArray[np.float64], hold_s: float = 0.1, bit: int = 2) -> Bytes:
    """Keys of half a minute: one key, pressed at these times."""
    t_s = np.arange(STEPS) * STEP_S
    held = ((t_s[:, None] >= begin_s) & (t_s[:, None] < begin_s + hold_s)).any(axis=1)
    return np.where(held, bit, 0).astype(np.uint8)


def track(keys: Bytes, speed_mps: float = 8.0) -> Track:
    """A track straight ahead."""
    x_m = np.arange(len(keys), dtype=np.float64) * (STEP_S * speed_mps)
    still = np.zeros(len(keys))
    return Track(
        session_id="s", known=np.ones(len(keys), np.bool_), x_m=x_m, y_m=still, yaw_rad=still,
        speed_mps=np.full(len(keys), speed_mps), keys=keys, mouse_dx_px=still, is_logged=True,
    )  # fmt: skip


def wandering(seed: int, steps: int = 120) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A path with bends, four positions a second."""
    rng = np.random.default_rng(seed)
    turns = np.convolve(rng.normal(0.0, 0.25, steps), np.ones(8) / 3, mode="same")
    speed = 7.0 + 3.0 * np.sin(np.arange(steps) / 9.0 + float(rng.uniform(0, 6)))
    yaw = np.cumsum(turns * 0.25)
    return np.cumsum(np.cos(yaw) * speed * PLACE_S), np.cumsum(np.sin(yaw) * speed * PLACE_S)


def tapping(seed: int) -> Bytes:
    """Keys of a hand: uneven."""
    rng = np.random.default_rng(seed)
    return presses(np.cumsum(rng.uniform(0.3, 2.0, 40))) | presses(
        np.cumsum(rng.uniform(0.5, 3.0, 20)), 0.4, 8
    )


def tracks(*rows: tuple[str, int, tuple[NDArray[np.float64], NDArray[np.float64]], Bytes]) -> pl.DataFrame:
    """PAYOUT_TRACKS of session, arrival, path and keys; everybody has a wallet."""
    found = [
        {
            "wallet": f"wallet of {session}", "session_id": session, "completed_ms": arrived,
            "x_m": path[0].tolist(), "y_m": path[1].tolist(), "keys": keys.tobytes(), "key_changes": 40,
            "place_marks": place_marks(*path, PLACE_S).marks.tolist(),
            "key_marks": key_marks(keys).marks.tolist(),
        }
        for session, arrived, path, keys in rows
    ]  # fmt: skip
    return PAYOUT_TRACKS.frame(found)


def evidence(kept: pl.DataFrame, **measured: float) -> Evidence:
    """Evidence with the same measures for every track."""
    rows = kept.select("wallet", "session_id", "completed_ms").with_columns(
        *(
            pl.lit(measured.get(column.name), dtype=column.dtype).alias(column.name)
            for column in PAYOUT_EVIDENCE.columns
            if column.name not in ("wallet", "session_id", "completed_ms")
        )
    )
    return Evidence(measures=PAYOUT_EVIDENCE.conform(rows), tracks=kept)


def verdicts(found: Evidence, earlier: pl.DataFrame | None = None) -> list[tuple[str, str, str | None]]:
    """Session, rule and original of every broken limit."""
    known = PAYOUT_TRACKS.empty() if earlier is None else earlier
    fraud = judge(found, earlier=known, issued=ISSUED.to_frame(), limits=LIMITS)
    return fraud.select("session_id", "rule", "other_session_id").rows()


def timed(keys: Bytes) -> Timing:
    """How keys were timed, by the policy's least numbers."""
    return timing_of(track(keys), LIMITS.scripted_input)


def test_presses_on_one_pulse_are_a_script_and_uneven_ones_are_not() -> None:
    machine, person = timed(presses(np.arange(1.0, 29.0, 0.4))), timed(tapping(1))
    assert machine.beat is not None
    assert person.beat is not None
    assert machine.beat >= LIMITS.scripted_input.beat_min > person.beat + 0.1


def test_of_few_presses_only_a_beat_that_no_hand_keeps_counts() -> None:
    few_s = np.arange(1.0, 29.0, 1.4)[:20]
    shaken_s = few_s + np.random.default_rng(3).normal(0.0, 0.05, len(few_s))
    assert timed(presses(few_s)).beat == pytest.approx(1.0, abs=0.02)
    assert timed(presses(shaken_s)).beat is None


def test_a_macro_repeats_itself_and_a_person_does_not() -> None:
    strokes = (np.arange(0.0, 28.0, 2.75)[:, None] + np.array([0.3, 1.1, 1.4])).ravel()
    strokes_w = np.arange(0.0, 28.0, 2.75)
    macro = timed(presses(strokes) | presses(strokes_w, 2.0, 1)).repeat
    person = timed(tapping(2)).repeat
    assert macro is not None
    assert person is not None
    assert macro >= LIMITS.scripted_input.repeat_min > person + 0.1


def test_a_held_key_is_told_by_the_road_per_change_and_too_few_changes_tell_nothing_else() -> None:
    held = timed(np.ones(STEPS, np.uint8))
    assert (held.beat, held.repeat) == (None, None)
    assert held.metres_per_change is not None
    assert held.metres_per_change > LIMITS.scripted_input.metres_per_change_min


def test_a_drive_uploaded_again_is_a_copy_of_the_earliest_and_the_earliest_keeps_its_pay() -> None:
    path, keys = wandering(1), tapping(3)
    shaken = tuple(axis + np.random.default_rng(9).normal(0.0, 0.15, len(axis)) for axis in path)
    kept = tracks(
        ("first", 10, path, keys), ("second", 20, path, keys), ("third", 30, (shaken[0], shaken[1]), keys),
        ("stranger", 40, wandering(2), tapping(4)),
    )  # fmt: skip
    found = [row for row in verdicts(evidence(kept)) if row[1] == "copied_drive"]
    assert found == [("second", "copied_drive", "first"), ("third", "copied_drive", "first")]


def test_a_copy_is_found_when_its_original_came_days_before_and_it_starts_later_and_runs_slower() -> None:
    path, keys = wandering(5), tapping(5)
    slow_s = np.arange(4.0, 28.0, PLACE_S / 1.05)
    known_s = np.arange(len(path[0])) * PLACE_S
    slower = (np.interp(slow_s, known_s, path[0]), np.interp(slow_s, known_s, path[1]))
    old, new = tracks(("first", 10, path, keys)), tracks(("copy", 99, slower, keys[80:560]))
    assert ("copy", "copied_drive", "first") in verdicts(evidence(new), old)
    assert verdicts(evidence(old), new) == []


def test_the_same_road_at_another_pace_is_no_copy() -> None:
    path = wandering(6)
    known_s = np.arange(len(path[0])) * PLACE_S
    other_s = known_s + 1.5 * np.sin(known_s / 3.0)
    mine = Kept(x_m=path[0], y_m=path[1], keys=tapping(1), place_s=PLACE_S)
    x_m, y_m = (np.interp(other_s, known_s, axis) for axis in path)
    theirs = Kept(x_m=x_m, y_m=y_m, keys=tapping(2), place_s=PLACE_S)
    marks = (place_marks(*path, PLACE_S), place_marks(x_m, y_m, PLACE_S))
    assert overlay(mine, theirs, marks, LIMITS.copied_drive.tolerance_m).way < LIMITS.copied_drive.way_min


def test_keys_that_were_pressed_before_are_replayed_whatever_was_driven() -> None:
    keys = tapping(7)
    later = np.concatenate([keys[40:], np.zeros(40, np.uint8)])
    kept = tracks(("first", 10, wandering(7), keys), ("replay", 20, wandering(8), later))
    assert verdicts(evidence(kept)) == [("replay", "replayed_inputs", "first")]
    mine, other = (Kept(x_m=np.zeros(1), y_m=np.zeros(1), keys=tapping(n), place_s=PLACE_S) for n in (7, 8))
    kappa = same_keys(mine, other, (key_marks(mine.keys), key_marks(other.keys)), 0.6)
    assert kappa is None or kappa < LIMITS.replayed_inputs.keys_min / 2


def test_of_a_thousand_copies_each_still_meets_the_original() -> None:
    marks = [list(range(50))] * 1_000
    rows = pl.DataFrame({"row": range(1_000), "marks": marks}, schema_overrides={"row": pl.UInt32})
    found = candidates(rows.tail(1), rows, "marks", 0.4)
    assert 0 in found["theirs"].to_list()


@pytest.mark.parametrize(
    ("measure", "value", "rule"),
    [
        ("turning", 0.9, "unexplained_motion"), ("pace", 0.9, "unexplained_motion"),
        ("beat", 0.97, "scripted_input"), ("repeat", 0.97, "scripted_input"),
        ("metres_per_change", 200.0, "scripted_input"),
        ("duplicate_segments", 1.0, "copied_pictures"), ("repeated", 1.0, "repeated_video"),
        ("loop", 0.99, "repeated_video"), ("still", 0.9, "repeated_video"),
    ],
)  # fmt: skip
def test_a_measure_over_its_limit_breaks_its_rule_and_an_unknown_one_breaks_none(
    measure: str, value: float, rule: str
) -> None:
    kept = tracks(("s", 10, wandering(1), tapping(1)))
    assert verdicts(evidence(kept)) == []
    assert verdicts(evidence(kept, **{measure: value})) == [("s", rule, None)]


def test_a_session_is_excluded_once_per_rule() -> None:
    kept = tracks(("s", 10, wandering(1), tapping(1)))
    fraud = judge(
        evidence(kept, beat=0.99, repeat=0.99),
        earlier=PAYOUT_TRACKS.empty(),
        issued=ISSUED.to_frame(),
        limits=LIMITS,
    )
    assert fraud.height == 2
    assert exclusions(fraud).rows() == [("s", "wallet of s", "scripted_input", "exclude")]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("93.184.216.34", "93.184.216.34"), ("2606:4700:10::6816:1", "2606:4700:10::/64"), ("::1", None),
        ("::ffff:93.184.216.34", "93.184.216.34"), ("127.0.0.1", None), ("10.2.3.4", None),
        ("testclient", None),
        ("", None),
    ],
)  # fmt: skip
def test_an_address_names_a_network_unless_it_is_local_or_unknown(address: str, network: str | None) -> None:
    assert network_of(address) == network


def issued(*rows: tuple[str, str, str]) -> pl.DataFrame:
    found = [(session, wallet, address, number) for number, (session, wallet, address) in enumerate(rows)]
    return pl.DataFrame(found, schema=ISSUED, orient="row")


def test_a_network_with_too_many_wallets_is_held_unless_it_is_known_to_be_shared() -> None:
    rows = issued(
        *((f"s{n}", f"w{n}", "93.184.216.34") for n in range(3)), ("home", "w9", "8.8.8.8"),
        *((f"local{n}", f"l{n}", "127.0.0.1") for n in range(9)),
    )  # fmt: skip
    assert crowded_networks(rows, 2, []).rows() == [(f"s{n}", f"w{n}", 3.0) for n in range(3)]
    assert crowded_networks(rows, 3, []).is_empty()
    assert crowded_networks(rows, 2, ["93.184.216.34"]).is_empty()


def test_one_scenario_earns_so_often_a_day_and_free_drives_are_none() -> None:
    sessions = pl.DataFrame(
        [(f"s{n}", "w", "cut-in" if n % 2 else "free", 100 - n) for n in range(8)],
        schema={
            "session_id": pl.String,
            "wallet": pl.String,
            "scenario_id": pl.String,
            "completed_ms": pl.Int64,
        },
        orient="row",
    )
    assert farmed_scenarios(sessions, 3, ["free"]).rows() == [("s1", "w", 4.0)]


def film_rows(change: str) -> pl.DataFrame:
    """Half a minute at 8 Hz: statistics of a drive, of a still with grain, or of a loop of 3.4 s."""
    rng, count = np.random.default_rng(4), 240
    series = np.cumsum(rng.normal(0.0, 3.0, (3, count)), axis=1)
    hashes = [rng.bytes(32).hex() for _ in range(count)]
    hist = np.full(count, 0.05)
    if change == "loop":
        again = np.arange(count) % 27
        series, hashes = series[:, again], [hashes[number] for number in again]
    if change == "still":
        series, hashes, hist = (
            series[:, :1] + rng.normal(0.0, 0.01, (3, count)),
            [hashes[0]] * count,
            hist * 0.01,
        )
    noisy = series + rng.normal(0.0, 0.2, series.shape)
    return pl.DataFrame(
        {
            "game_t_ms": np.arange(count) * 125.0, "x_m": np.arange(count) * 1.0, "y_m": np.zeros(count),
            "speed_mps": np.full(count, 8.0),
            "luma_mean": noisy[0], "luma_std": noisy[1], "sharpness": noisy[2],
            "hist_change": hist, "pdq_hash": [text if n % 8 == 0 else None for n, text in enumerate(hashes)],
        }
    )  # fmt: skip


FILM_LIMITS = FilmLimits(
    distance_max=24, apart_min_m=20.0, hashes_min=5, moving_min_s=5.0, still_change_max=0.004
)


def test_a_still_and_a_loop_are_told_from_a_drive() -> None:
    rule = LIMITS.repeated_video
    drive, still, loop = (film_of("s", film_rows(name), FILM_LIMITS) for name in ("drive", "still", "loop"))
    assert (drive.repeated, drive.still, still.repeated, still.still) == (0.0, 0.0, 1.0, 1.0)
    assert drive.loop is not None
    assert loop.loop is not None
    assert loop.loop >= rule.loop_min > drive.loop


def test_a_car_that_stands_may_show_one_picture() -> None:
    found = film_of("s", film_rows("still").with_columns(speed_mps=pl.lit(0.0)), FILM_LIMITS)
    assert (found.repeated, found.loop, found.still) == (None, None, None)
