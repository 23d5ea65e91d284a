import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.aligned_sessions.clock import (
    Contradiction,
    LegacyClocks,
    StartEstimate,
    clock_lost_from,
    estimate_start,
)

EPOCH_MS = 1_769_936_000_000
START_MS = 6_000.0
NONE = np.zeros(0)


def clocks(**changes: object) -> LegacyClocks:
    """A page at EPOCH_MS: id made at 1.5 s, recording from 6 s to 26 s, end at 26.5 s, tab visible."""
    camera_t_ms = np.arange(2_000.0, 26_400, 250)
    rtt_t_ms = np.arange(5_500.0, 29_000, 2_000)
    rtt_ms = 300 + np.arange(len(rtt_t_ms)) % 3
    base = LegacyClocks(
        session_epoch_ms=EPOCH_MS + 1_500,
        start_epoch_ms=EPOCH_MS + 6_000,
        end_epoch_ms=EPOCH_MS + 26_500,
        event_t_ms=camera_t_ms,
        camera_t_ms=camera_t_ms,
        camera_height_m=np.full(len(camera_t_ms), 1.6),
        tab_switch_t_ms=NONE,
        rtt_t_ms=rtt_t_ms,
        rtt_ms=rtt_ms.astype(np.float64),
        avg_rtt_ms=float(rtt_ms[rtt_t_ms < 26_500].mean()),
        initial_latency_ms=600.0,
        latency_upload_epoch_ms=EPOCH_MS + 29_000,
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def estimate(**changes: object) -> StartEstimate:
    found = estimate_start(clocks(**changes))
    assert isinstance(found, StartEstimate)
    return found


HIDDEN = {"tab_switch_t_ms": np.array([25_000.0])}


def test_a_visible_tab_is_anchored_at_its_last_entry() -> None:
    found = estimate()
    assert found.method == "meta_endanchor"
    assert found.lo_ms <= START_MS <= found.hi_ms
    assert found.half_width_ms <= 250
    assert found.point_ms == pytest.approx(START_MS, abs=150)


@pytest.mark.parametrize(
    "changes",
    [
        HIDDEN,
        {"camera_t_ms": np.arange(2_000.0, 24_000, 250)},
        {"camera_t_ms": np.array([2_000.0, 26_000.0])},
        {"camera_t_ms": NONE, "camera_height_m": NONE},
    ],
    ids=["tab switch", "silent end", "few samples", "no samples"],
)
def test_a_tab_that_may_have_hidden_is_only_bounded(changes: dict[str, object]) -> None:
    found = estimate(**changes)
    assert found.method == "meta_interval"
    assert found.lo_ms <= START_MS <= found.hi_ms
    assert found.point_ms == (found.lo_ms + found.hi_ms) / 2


def test_samples_after_the_frozen_mean_bound_from_both_sides() -> None:
    """Sample at 25.5 s is in the mean, the one at 27.5 s is not; the end was at 26.5 s."""
    found = estimate(event_t_ms=np.array([2_000.0, 24_000.0]), initial_latency_ms=9_000.0, **HIDDEN)
    assert found.lo_ms == 25_500 - 20_500
    assert found.hi_ms == 6_000 - 1_500 + 2_000


def test_equal_samples_leave_open_after_which_the_mean_froze() -> None:
    even = np.full(len(clocks().rtt_t_ms), 344.0)
    found = estimate(rtt_ms=even, avg_rtt_ms=344.0, **HIDDEN)
    assert found.lo_ms <= START_MS <= found.hi_ms


def test_a_sample_after_the_upload_was_signed_bounds_the_start_below() -> None:
    found = estimate(latency_upload_epoch_ms=EPOCH_MS + 27_600, **HIDDEN)
    assert found.lo_ms == 6_000 - 27_600 + 27_500


def test_a_skewed_server_clock_alone_rejects_nothing() -> None:
    assert estimate(latency_upload_epoch_ms=EPOCH_MS - 60_000, **HIDDEN) == estimate(
        latency_upload_epoch_ms=None, **HIDDEN
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"avg_rtt_ms": None},
        {"avg_rtt_ms": 12.0},
        {"rtt_t_ms": NONE, "rtt_ms": NONE},
        {"initial_latency_ms": None},
        {"latency_upload_epoch_ms": None},
    ],
    ids=["no mean", "strange mean", "no samples", "no initial latency", "documented key"],
)
def test_a_missing_statement_only_widens_the_interval(changes: dict[str, object]) -> None:
    full, less = estimate(**HIDDEN), estimate(**HIDDEN, **changes)
    assert less.lo_ms <= full.lo_ms <= START_MS <= full.hi_ms <= less.hi_ms


def test_a_clock_that_was_set_back_is_a_contradiction_that_names_both_bounds() -> None:
    found = estimate_start(clocks(end_epoch_ms=EPOCH_MS + 16_500))
    assert isinstance(found, Contradiction)
    assert found.upper.name in {"L2", "L3", "L4"} and found.lower.name in {"U1", "U2"}
    excess = found.lower.start_ms - found.upper.start_ms
    assert f"{excess:.0f} ms" in found.detail
    assert found.lower.name in found.detail and found.upper.name in found.detail


def spawn_height(parked_until_ms: float) -> np.ndarray:
    return np.where(clocks().camera_t_ms < parked_until_ms, 5.0, 1.6)


def test_the_spawn_narrows_the_start_of_a_pages_first_recording() -> None:
    found = estimate(camera_height_m=spawn_height(6_510), **HIDDEN)
    assert found.lo_ms <= START_MS <= found.hi_ms
    assert found.half_width_ms <= 260


def test_a_spawn_that_contradicts_the_bounds_is_not_believed() -> None:
    assert estimate(camera_height_m=spawn_height(20_000), **HIDDEN) == estimate(**HIDDEN)


def test_spawn_and_end_anchor_that_exclude_each_other_are_both_dropped() -> None:
    early: dict[str, object] = {"session_epoch_ms": EPOCH_MS + 500}
    assert estimate(**early, **HIDDEN) == estimate(camera_height_m=spawn_height(7_300), **early)


def test_a_camera_that_never_leaves_its_parking_place_says_nothing() -> None:
    assert estimate(camera_height_m=spawn_height(1e9), **HIDDEN) == estimate(**HIDDEN)


@given(
    st.floats(0, 5_000),
    st.floats(100, 20_000),
    st.floats(2_000, 60_000),
    st.floats(20, 900),
    st.floats(500, 3_000),
    st.booleans(),
)
def test_the_interval_is_ordered_and_holds_the_truth_for_any_consistent_page(
    mounted_ms: float, wait_ms: float, drive_ms: float, step_ms: float, sleep_ms: float, hidden: bool
) -> None:
    start_ms, end_ms = mounted_ms + wait_ms, mounted_ms + wait_ms + drive_ms + sleep_ms
    camera = np.arange(mounted_ms + 1, end_ms, step_ms)
    rtt_t_ms = np.arange(max(start_ms - 500, 0.0), end_ms + 5_000, 2_000)
    rtt_ms = 100 + np.arange(len(rtt_t_ms)) ** 2.0
    found = estimate(
        session_epoch_ms=EPOCH_MS + int(mounted_ms),
        start_epoch_ms=EPOCH_MS + int(start_ms),
        end_epoch_ms=EPOCH_MS + int(end_ms),
        event_t_ms=camera,
        camera_t_ms=camera,
        camera_height_m=np.full(len(camera), 1.6),
        tab_switch_t_ms=np.array([end_ms]) if hidden else NONE,
        rtt_t_ms=rtt_t_ms,
        rtt_ms=rtt_ms,
        avg_rtt_ms=float(rtt_ms[rtt_t_ms <= end_ms].mean()),
        latency_upload_epoch_ms=EPOCH_MS + int(rtt_t_ms[-1]) + 200,
    )
    assert found.lo_ms <= found.point_ms <= found.hi_ms
    assert found.lo_ms - 2 <= start_ms <= found.hi_ms + 2  # Date.now() counts whole ms
    assert found.half_width_ms >= 0


def test_a_video_clock_that_agrees_with_the_log_is_kept() -> None:
    pts = np.array([0.0, 100, 8_100, 8_200])
    log = np.array([5_000.0, 5_100, 13_000, 13_100, 13_300])
    assert clock_lost_from(pts, pts + 5_000, log, 20_000) == 4


def test_a_video_clock_that_ran_ahead_while_the_tab_was_hidden_is_lost() -> None:
    pts = np.array([0.0, 100, 20_100, 20_200])
    log = np.concatenate(([5_000.0, 5_100], np.arange(17_100, 40_000, 200.0)))
    assert clock_lost_from(pts, pts + 5_000, log, 40_000) == 2


def test_a_stalled_video_of_a_visible_tab_keeps_its_clock() -> None:
    pts = np.array([0.0, 100, 20_100, 20_200])
    assert clock_lost_from(pts, pts + 5_000, np.arange(5_000, 40_000, 200.0), 40_000) == 4


def test_frames_after_the_sessions_end_are_lost_from_the_gap_before_them() -> None:
    pts = np.array([0.0, 100, 4_100, 4_200, 4_300])
    assert clock_lost_from(pts, pts + 5_000, np.arange(5_000, 7_000, 100.0), 7_150) == 2
