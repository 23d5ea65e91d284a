"""Resampling keeps labels with their pictures, uses a frame once and leaves no hole."""

from collections.abc import Callable

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalediff_assets.cilrs_datasets.exports.grid import MIN_ROUTE_FRAMES, routes_on_grid

Frames = Callable[..., pl.DataFrame]
SESSION = "session_1769925785000_a"


def test_a_regular_stream_at_twice_the_rate_gives_every_second_frame(make_frames: Frames) -> None:
    frames = make_frames(SESSION, 1, 50)
    (route,) = routes_on_grid(frames, 5)
    assert route["frame_idx"].to_list() == frames["frame_idx"][::2].to_list()
    assert route["grid_error_ms"].abs().max() == 0.0


def test_of_two_frames_equally_near_the_earlier_is_taken(make_frames: Frames) -> None:
    frames = make_frames(SESSION, 0, 6).with_columns(pts_ms=pl.Series([0, 150, 250, 400, 600, 800]))
    (route,) = routes_on_grid(frames, 5)
    assert route["pts_ms"].to_list() == [0, 150, 400, 600, 800]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.integers(1, 480), min_size=4, max_size=40),
    unlabelled=st.sets(st.integers(0, 40)),
    hz=st.integers(1, 30),
)
def test_any_stream_gives_routes_without_holes(
    make_frames: Frames, steps: list[int], unlabelled: set[int], hz: int
) -> None:
    pts_ms = np.cumsum([0, *steps])
    n = len(pts_ms)
    frames = make_frames(SESSION, 0, n).with_columns(
        pts_ms=pl.Series(pts_ms), steer=pl.Series([None if i in unlabelled else 0.0 for i in range(n)])
    )
    used: list[int] = []
    for route in routes_on_grid(frames, hz):
        grid_ms = route["pts_ms"].to_numpy() - route["grid_error_ms"].to_numpy()
        assert route.height >= MIN_ROUTE_FRAMES
        assert np.allclose(np.diff(grid_ms), 1000 / hz)
        assert float(np.abs(route["grid_error_ms"].to_numpy()).max()) <= 500 / hz
        assert route["steer"].null_count() == 0
        used += route["frame_idx"].to_list()
    assert len(used) == len(set(used))
    assert used == sorted(used)
