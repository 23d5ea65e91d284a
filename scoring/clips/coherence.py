"""Do the frames of a clip belong together? Two measures; only one of them tells.

`temporal_coherence_score` is the case study's: the mean cosine of raw frames. It hardly separates:
independently drawn real frames of one session score 0.917, real clips 0.993, noise 0.750, and the
stated floor of 0.85 lets 83 % of incoherent clips pass (facts/generation.md, 0.4).

`tcs_flow` is 1 - the mean |warp(previous) - current| by dense optical flow (DIS, Kroeger et al.
2016): real 0.991, incoherent 0.893. In error terms the gap is 12-fold, so this one is the gate's.
Pictures wider than 320 px are measured at 320 px: 40 frames of 1280x720 cost 0.3 s instead of 14 s.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from scoring.clips.shape import Clip, require_clip

FLOW_WIDTH_PX = 320
_FULL_RANGE = 255.0

_Gray = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class FlowCoherence:
    """What optical flow says of a clip.

    Attributes:
        tcs_flow: 1 - the mean warp error, in [0, 1].
        worst_pair: 1 - the largest warp error of two neighbouring frames: one cut shows here.
        flow_share: Mean length of the flow as a share of the picture's width, per frame.
    """

    tcs_flow: float
    worst_pair: float
    flow_share: float


def temporal_coherence_score(frames: Clip) -> float:
    """Mean cosine similarity of neighbouring raw frames, as the case study has it.

    Args:
        frames: `(T, H, W, 3) uint8`.

    Returns:
        In [0, 1]. Two black frames are equal, hence 1; a black one beside another is 0.

    Raises:
        ClipShapeError: For what is no clip.
    """
    require_clip(frames)
    cosines, before = [], _unit(frames[0])
    for frame in frames[1:]:
        after = _unit(frame)
        # Both black: the zero vectors are equal.
        cosines.append(float(before @ after) if before.any() or after.any() else 1.0)
        before = after
    return float(np.clip(np.mean(cosines), 0.0, 1.0))


def tcs_flow(frames: Clip) -> float:
    """1 - the mean warp error between neighbouring frames; see `flow_coherence`."""
    return flow_coherence(frames).tcs_flow


def flow_coherence(frames: Clip) -> FlowCoherence:
    """Warp each frame onto the next along the optical flow and see what does not fit.

    Args:
        frames: `(T, H, W, 3) uint8`.

    Raises:
        ClipShapeError: For what is no clip.
    """
    import cv2

    grays = _grays(require_clip(frames))
    height, width = grays[0].shape
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    errors, lengths = [], []
    for before, after in pairwise(grays):
        flow = estimator.calc(after, before, None)  # type: ignore[call-overload]  # (H, W, 2)
        was_at = columns + flow[..., 0], rows + flow[..., 1]
        warped = cv2.remap(before, *was_at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        errors.append(cv2.norm(warped, after, cv2.NORM_L1) / (warped.size * _FULL_RANGE))
        lengths.append(float(np.hypot(flow[..., 0], flow[..., 1]).mean()) / width)
    return FlowCoherence(
        tcs_flow=1.0 - float(np.mean(errors)),
        worst_pair=1.0 - float(np.max(errors)),
        flow_share=float(np.mean(lengths)),
    )


def _unit(frame: Clip) -> npt.NDArray[np.float32]:
    """A frame as a vector of length 1, `(H*W*3,)`; a black one stays 0."""
    flat = frame.ravel().astype(np.float32)
    length = float(np.sqrt(flat @ flat))
    return flat / np.float32(length) if length > 0 else flat


def _grays(frames: Clip) -> list[_Gray]:
    """Luma of each frame, at most `FLOW_WIDTH_PX` wide."""
    import cv2

    grays = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    height, width = grays[0].shape
    if width <= FLOW_WIDTH_PX:
        return grays
    size = (FLOW_WIDTH_PX, max(1, round(height * FLOW_WIDTH_PX / width)))
    return [cv2.resize(gray, size, interpolation=cv2.INTER_AREA) for gray in grays]
