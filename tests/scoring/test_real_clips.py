"""The measures on a real recording: what the case study's limits say of it, and what bursts do."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scoring.clips import driving_error_analysis, frame_changes, measure_clip, resample_by_time

REAL = Path(__file__).parents[2] / ".." / "shared" / "real_sessions"


@pytest.fixture(scope="module")
def recording() -> tuple[np.ndarray, np.ndarray]:
    """Frames `(N, 64, 64, 3) uint8` and `(N,)` times in ms of the longest real recording."""
    films = sorted(REAL.glob("*.webm"), key=lambda path: path.stat().st_size)
    if not films or films[-1].stat().st_size == 0:
        pytest.skip(f"no real recording under {REAL.resolve()}")
    import av

    shown, pts_ms = [], []
    with av.open(str(films[-1])) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        for frame in container.decode(stream):
            picture = frame.to_ndarray(format="rgb24")
            shown.append(cv2.resize(picture, (64, 64), interpolation=cv2.INTER_AREA))
            pts_ms.append(round(float((frame.pts or 0) * stream.time_base) * 1000))
    times = np.array(pts_ms)
    forward = np.maximum.accumulate(times) == times
    return np.stack(shown)[forward], times[forward]


@pytest.mark.slow
def test_flicker_by_frames_spares_a_real_recording_and_by_pixels_would_not(
    recording: tuple[np.ndarray, np.ndarray],
) -> None:
    frames, pts_ms = recording
    steady = frames[resample_by_time(pts_ms)]
    clips = [steady[at : at + 8] for at in range(0, len(steady) - 7, 8)]
    found = driving_error_analysis([measure_clip(clip) for clip in clips])
    by_pixels = [np.abs(np.diff(clip.astype(int), axis=0)).max() > 0.4 * 255 for clip in clips]
    assert (found.flicker, found.color_drift) == (0, 0)
    assert sum(by_pixels) > 0


@pytest.mark.slow
def test_between_two_bursts_the_screen_shows_the_last_frame(recording: tuple[np.ndarray, np.ndarray]) -> None:
    frames, pts_ms = recording
    chosen = resample_by_time(pts_ms)
    assert len(chosen) == (pts_ms[-1] - pts_ms[0]) // 100 + 1
    repeated = frame_changes(frames[chosen])[np.diff(chosen) == 0]
    assert len(repeated) and not repeated.any()
