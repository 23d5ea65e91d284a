"""Where the frame id stands in the picture: a strip of 32 blocks along the top edge.

The strip carries the id through encoders and through the painting service. Whoever learns from the
picture must not see it: it numbers the frames.
"""

BLOCKS = 32
_BLOCK_PX = 16
_SMALL_BLOCK_PX = 8
_SMALL_HEIGHT_PX = 360


def block_px(width_px: int, height_px: int) -> int:
    """Side of a block, and so the strip's height, in a picture of this size."""
    return min(_SMALL_BLOCK_PX if height_px < _SMALL_HEIGHT_PX else _BLOCK_PX, width_px // BLOCKS)
