"""What a clip is, and the error for what is none."""

import numpy as np
import numpy.typing as npt

Clip = npt.NDArray[np.uint8]
MIN_FRAMES = 2
MIN_SIDE_PX = 8


class ClipShapeError(ValueError):
    """An array that is no clip; says its shape, its type and what a clip is."""

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape = shape
        self.dtype = dtype
        super().__init__(
            f"an array {shape} of {dtype} is no clip; give (T, H, W, 3) uint8 RGB with at least "
            f"{MIN_FRAMES} frames and sides of at least {MIN_SIDE_PX} px"
        )


def require_clip(frames: Clip) -> Clip:
    """The same frames, if they are a clip.

    Raises:
        ClipShapeError: With shape and type.
    """
    shape = frames.shape
    if frames.ndim != 4 or shape[3] != 3 or frames.dtype != np.uint8:
        raise ClipShapeError(shape, str(frames.dtype))
    if shape[0] < MIN_FRAMES or min(shape[1:3]) < MIN_SIDE_PX:
        raise ClipShapeError(shape, str(frames.dtype))
    return frames
