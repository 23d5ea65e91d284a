"""Where sessions are cut."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalediff_assets.schemas import SEGMENTS, SIGNALS
from scalediff_assets.segments.splice import SpliceOptions, cut_segments, longest_part_ms, teleport_zone

SESSION_ID = "session_1769925785000_abc"
MakeFrames = Callable[..., pl.DataFrame]


def signals_of(frames: pl.DataFrame, *, cuts: list[int] = [], lost: list[int] = []) -> pl.DataFrame:  # noqa: B006
    """SIGNALS of an unremarkable drive with cuts at some frames; `lost` ones were not decoded."""
    made = frames.select(
        "session_id",
        "frame_idx",
        "pts_ms",
        exported=pl.col("frame_idx") % 3 == 0,
        sharpness=300.0,
        hist_change=0.04,
        motion=3.0,
        luma_mean=80.0,
        luma_std=40.0,
        entropy_bits=4.7,
        cut=pl.col("frame_idx").is_in(cuts),
        pdq_hash=pl.lit(None, pl.String),
        pdq_quality=pl.lit(None, pl.Int16),
    )
    return SIGNALS.conform(made.filter(~pl.col("frame_idx").is_in(lost)))


def cut(frames: pl.DataFrame, signals: pl.DataFrame | None = None, **kwargs: Any) -> pl.DataFrame:
    made = cut_segments(
        session_id=SESSION_ID,
        frames=frames,
        signals=signals_of(frames) if signals is None else signals,
        **kwargs,
    )
    assert SEGMENTS.problems(made) == []
    return made


def bounds(segments: pl.DataFrame) -> list[tuple[int, int]]:
    return list(segments.select("first_frame_idx", "end_frame_idx").iter_rows())


def steady(seconds: float, fps: int = 20) -> np.ndarray:
    return np.arange(0, round(seconds * 1000) + 1, 1000 // fps)


def parts_by_hand(frames: pl.DataFrame, signals: pl.DataFrame) -> list[list[dict[str, Any]]]:
    """The parts of a session, one frame after the other."""
    cuts = dict(signals.select("frame_idx", "cut").iter_rows())
    parts: list[list[dict[str, Any]]] = [[]]
    jump = crossed = False
    first = True
    for row in frames.iter_rows(named=True):
        decoded = row["frame_idx"] in cuts
        jump |= cuts.get(row["frame_idx"], False)
        crossed |= row["teleport"]
        if not row["pts_valid"]:
            continue
        if decoded and not (row["teleport"] if first else crossed):
            if parts[-1] and (parts[-1][-1]["run_id"] != row["run_id"] or jump):
                parts.append([])
            parts[-1].append(row)
        else:
            parts.append([])
        jump = crossed = first = False
    return [part for part in parts if part]


STEPS = st.one_of(st.integers(20, 200), st.integers(20, 60), st.sampled_from([0, 0, 500, 501, 900]))
FLAGS = st.lists(st.integers(0, 400), max_size=3)


@settings(max_examples=120, deadline=None)
@given(
    steps=st.lists(STEPS, max_size=400),
    repeat=st.integers(1, 4),
    cuts=FLAGS,
    teleports=FLAGS,
    lost=FLAGS,
)
def test_segments_fill_every_part_of_three_seconds_and_nothing_else(
    steps: list[int],
    repeat: int,
    cuts: list[int],
    teleports: list[int],
    lost: list[int],
    make_frames: MakeFrames,
) -> None:
    pts_ms = np.cumsum([0, *steps * repeat])
    frames = make_frames(pts_ms, teleport=np.isin(np.arange(len(pts_ms)), teleports))
    signals = signals_of(frames, cuts=cuts, lost=lost)
    segments = cut(frames, signals)
    parts = parts_by_hand(frames, signals)
    spans_ms = [part[-1]["pts_ms"] - part[0]["pts_ms"] for part in parts]
    long_parts = [part for part, span_ms in zip(parts, spans_ms, strict=True) if span_ms >= 3000]
    part_of = {row["frame_idx"]: number for number, part in enumerate(long_parts) for row in part}
    covered: list[int] = []
    for row in segments.iter_rows(named=True):
        inside = [i for i in range(row["first_frame_idx"], row["end_frame_idx"]) if i in part_of]
        assert len({part_of[i] for i in inside}) == 1
        assert len(inside) == row["frames"]
        assert (inside[0], inside[-1] + 1) == (row["first_frame_idx"], row["end_frame_idx"])
        assert 3000 <= row["end_pts_ms"] - row["start_pts_ms"] <= 7500
        covered += inside
    assert covered == list(part_of)
    assert longest_part_ms(frames, signals) == max(spans_ms, default=0)
    assert segments.equals(cut(frames, signals))


@pytest.mark.parametrize(
    ("seconds", "count"), [(2.95, 0), (3.0, 1), (5.0, 1), (7.0, 1), (8.0, 2), (10.0, 2), (60.0, 12)]
)
def test_a_run_gives_equal_segments_of_about_five_seconds(
    seconds: float, count: int, make_frames: MakeFrames
) -> None:
    segments = cut(make_frames(steady(seconds)))
    assert segments.height == count
    assert segments["segment_index"].to_list() == list(range(1, count + 1))
    assert (segments["frames"].max() or 0) - (segments["frames"].min() or 0) <= 2  # type: ignore[operator]


def test_neighbouring_segments_are_half_open(make_frames: MakeFrames) -> None:
    assert bounds(cut(make_frames(steady(10.0)))) == [(0, 100), (100, 201)]


def test_a_cut_starts_a_segment(make_frames: MakeFrames) -> None:
    frames = make_frames(steady(10.0))
    assert bounds(cut(frames, signals_of(frames, cuts=[80]))) == [(0, 80), (80, 201)]


def test_a_jump_at_a_frame_without_a_trusted_pts_parts_its_neighbours(make_frames: MakeFrames) -> None:
    pts_ms = steady(10.0)
    pts_ms[80:82] = pts_ms[81]
    frames = make_frames(pts_ms)
    assert bounds(cut(frames, signals_of(frames, cuts=[80]))) == [(0, 80), (82, 201)]


def test_frames_across_a_teleport_are_in_no_segment(make_frames: MakeFrames) -> None:
    frames = make_frames(steady(10.0), teleport=np.isin(np.arange(201), [90, 91, 92]))
    assert bounds(cut(frames)) == [(0, 90), (93, 201)]


def test_a_legacy_teleport_that_the_picture_does_not_show_drops_the_whole_uncertain_zone(
    make_frames: MakeFrames,
) -> None:
    frames = make_frames(steady(12.0), teleport=np.arange(241) == 120)
    assert bounds(cut(frames, start_uncertainty_ms=500.0)) == [(0, 110), (131, 241)]


def test_a_legacy_teleport_that_the_picture_shows_is_cut_there(make_frames: MakeFrames) -> None:
    frames = make_frames(steady(12.0), teleport=np.arange(241) == 120)
    segments = cut(frames, signals_of(frames, cuts=[112]), start_uncertainty_ms=500.0)
    assert bounds(segments) == [(0, 112), (121, 241)]


def test_a_picture_jump_outside_the_zone_does_not_explain_a_teleport() -> None:
    pts_ms = np.arange(0, 5000, 50)
    at = np.arange(len(pts_ms))
    dropped = teleport_zone(pts_ms, at == 50, at == 20, 300.0)
    assert np.flatnonzero(dropped).tolist() == list(range(44, 57))


def test_a_standing_car_without_keys_is_idle(make_frames: MakeFrames) -> None:
    still = {"x_m": 3.0, "held_w": False}
    assert cut(make_frames(steady(5.0), **still))["skip_reason"].to_list() == ["idle"]


@pytest.mark.parametrize(
    "columns",
    [
        {"held_w": True, "x_m": 3.0},
        {"held_w": False},
        {"held_w": False, "x_m": None, "y_m": None},
    ],
    ids=["a key is held", "the car rolls", "the pose is not known"],
)
def test_a_segment_is_not_idle_when(columns: dict[str, Any], make_frames: MakeFrames) -> None:
    assert cut(make_frames(steady(5.0), **columns))["skip_reason"].to_list() == [None]


def test_a_session_without_frames_has_no_segments(make_frames: MakeFrames) -> None:
    frames = make_frames([])
    assert cut(frames).height == longest_part_ms(frames, signals_of(frames)) == 0


def test_lengths_that_cannot_be_kept_are_refused() -> None:
    with pytest.raises(ValueError, match="min_s is 4"):
        SpliceOptions(min_s=4.0)
