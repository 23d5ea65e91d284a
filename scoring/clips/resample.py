"""From frames at uneven times to a steady frame rate, without inventing pictures.

Recorded frames come in bursts (median distance 0.11, 0.00 and 0.07 s in three real sessions). Cut
by index, half of such clips look static; each instant of the new rate takes the last frame shown
by then, as a screen would.
"""

import numpy as np
import numpy.typing as npt

CLIP_FPS = 10


def resample_by_time(pts_ms: npt.NDArray[np.int64], *, fps: float = CLIP_FPS) -> npt.NDArray[np.int64]:
    """Which frame is on the screen at each instant of a steady rate.

    Args:
        pts_ms: Presentation times of the frames, `(N,)`, not descending; of frames of equal time the
            last counts.
        fps: Wanted rate.

    Returns:
        Indices `(M,)` into the frames; the first instant is the first frame's time, the last one is
        not after the last frame's.

    Raises:
        ValueError: For no frames, descending times or a rate that is not positive.
    """
    if not len(pts_ms):
        raise ValueError("there are no frames to resample; give at least one time stamp")
    if not fps > 0:
        raise ValueError(f"fps is {fps}; it must be positive")
    if (np.diff(pts_ms) < 0).any():
        at = int(np.argmax(np.diff(pts_ms) < 0)) + 1
        raise ValueError(f"time stamps descend at frame {at}; sort the frames by time first")
    # Half a millisecond forward: times are rounded to whole ms, instants are not.
    instants = np.arange(pts_ms[0], pts_ms[-1] + 0.5, 1000.0 / fps)
    return np.searchsorted(pts_ms, instants + 0.5, side="right").astype(np.int64) - 1
