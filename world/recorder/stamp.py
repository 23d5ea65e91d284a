"""The pixel stamp: a frame id that survives video coding twice.

32 square blocks, black or white, along the top edge of the picture: 24 bits of frame id, then an
8-bit checksum, most significant bit first. Blocks are 16 px wide, 8 px in pictures under 360 px
high, and at most a 32nd of the width.
"""

import zlib

import numpy as np
import numpy.typing as npt

from scalediff_contract.stamp import BLOCKS, block_px

MAX_FRAME_ID = (1 << 24) - 1
_WHITE, _BLACK, _THRESHOLD = 235, 16, 128


class FrameIdError(ValueError):
    """A frame id that does not fit the stamp."""

    def __init__(self, frame_id: int) -> None:
        self.frame_id = frame_id
        super().__init__(f"frame id {frame_id} does not fit 24 bits (0 to {MAX_FRAME_ID})")


def stamp_row(frame_id: int, width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
    """Return the stamp's luma row, `(32 * block,)` uint8 in limited range.

    Raises:
        FrameIdError: If the id does not fit 24 bits.
    """
    if not 0 <= frame_id <= MAX_FRAME_ID:
        raise FrameIdError(frame_id)
    word = frame_id << 8 | _checksum(frame_id)
    bits = [word >> shift & 1 for shift in range(BLOCKS - 1, -1, -1)]
    return np.repeat(np.where(bits, _WHITE, _BLACK).astype(np.uint8), block_px(width_px, height_px))


def read_stamp(picture: npt.NDArray[np.uint8]) -> int | None:
    """Read the frame id of a picture.

    Args:
        picture: Luma `(H, W)` or colour `(H, W, 3)`, uint8, in any range.

    Returns:
        The frame id, or None where the checksum does not fit (no stamp, or a damaged one).
    """
    height, width = picture.shape[:2]
    block = block_px(width, height)
    strip = picture[:block, : BLOCKS * block]
    luma = strip if strip.ndim == 2 else strip.mean(axis=2)
    inner = luma[block // 4 : block - block // 4].reshape(-1, BLOCKS, block)  # (rows, 32, block)
    means = inner[:, :, block // 4 : block - block // 4].mean(axis=(0, 2))
    word = int("".join("1" if mean >= _THRESHOLD else "0" for mean in means), 2)
    frame_id, checksum = word >> 8, word & 0xFF
    return frame_id if checksum == _checksum(frame_id) else None


def _checksum(frame_id: int) -> int:
    return zlib.crc32(frame_id.to_bytes(3, "big")) & 0xFF
