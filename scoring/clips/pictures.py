"""Motion, flicker, colour drift and sharpness of a clip, from plain pixel differences.

Differences are shares of the full range: 0 is equal, 1 is black against white. The case study's
"max frame-to-frame pixel difference" is read as the largest *frame* mean, not the largest pixel:
by pixels 29 % of real clips would be called flickering, by frames none (facts/generation.md, 0.5).
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scoring.clips.shape import Clip, require_clip

_FULL_RANGE = 255.0


def frame_changes(frames: Clip) -> npt.NDArray[np.float64]:
    """Mean absolute difference of each frame to the one before, `(T - 1,)` in [0, 1].

    Raises:
        ClipShapeError: For what is no clip.
    """
    import cv2

    require_clip(frames)
    pixels = frames[0].size * _FULL_RANGE
    return np.array([cv2.norm(a, b, cv2.NORM_L1) / pixels for a, b in pairwise(frames)])


def motion(frames: Clip) -> float:
    """Mean change from frame to frame; near 0 in a static clip."""
    return float(frame_changes(frames).mean())


def flicker(frames: Clip) -> float:
    """Largest change from one frame to the next."""
    return float(frame_changes(frames).max())


def colour_drift(frames: Clip) -> float:
    """Farthest that the mean of a colour channel gets from the first frame's.

    Raises:
        ClipShapeError: For what is no clip.
    """
    import cv2

    means = np.array([cv2.mean(frame)[:3] for frame in require_clip(frames)])  # (T, 3)
    return float(np.abs(means - means[0]).max() / _FULL_RANGE)


def sharpness(frames: Clip) -> float:
    """Mean length of the Sobel gradient of the luma, in gray levels per pixel, over all frames.

    Raises:
        ClipShapeError: For what is no clip.
    """
    import cv2

    means = []
    for frame in require_clip(frames):
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        across = cv2.Sobel(gray, cv2.CV_32F, 1, 0, ksize=3)
        down = cv2.Sobel(gray, cv2.CV_32F, 0, 1, ksize=3)
        means.append(cv2.mean(cv2.magnitude(across, down))[0])
    return float(np.mean(means))
