"""What the diffusion model stands for in generated recordings: the game's picture, painted over.

Contrast, warmth and grain that changes from frame to frame; then the stamp. Planar YUV 4:2:0 in
limited range, as the encoder takes it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from scalediff_contract.stamp import block_px
from world.camera import CameraPose, Renderer
from world.recorder.drive import Moment
from world.recorder.stamp import stamp_row

Picture = npt.NDArray[np.uint8]

_GRAINS = 8
_GRAIN_LEVELS = 5.0
_NEUTRAL = 128


class Painter:
    """Paints one session's pictures."""

    def __init__(self, renderer: Renderer, seed: int, width_px: int, height_px: int, *, plain: bool) -> None:
        """Prepare the grain.

        Args:
            renderer: The game's camera.
            seed: Chooses grain and tint.
            width_px: Width.
            height_px: Height.
            plain: Leave the game's picture as it is (the recording before painting).
        """
        rng = np.random.default_rng([seed, 5])
        self._renderer, self._size, self._plain = renderer, (width_px, height_px), plain
        shape = (_GRAINS, height_px, width_px)
        self._grain = (rng.random(shape, np.float32) * 2 * _GRAIN_LEVELS - _GRAIN_LEVELS).astype(np.int8)
        gain, self._tint = 0.92 + 0.2 * float(rng.random()), rng.integers(-6, 7, 2)
        levels = np.arange(256, dtype=np.float32)
        # A soft S-curve around middle gray.
        curve = 128 + (levels - 128) * gain + 14 * np.sin((levels - 128) / 128 * np.pi)
        self._curve = curve.clip(16, 235).astype(np.uint8)

    def paint(
        self, pose: CameraPose, moment: Moment, *, t_s: float, grain: int, frame_id: int | None
    ) -> Picture:
        """One picture.

        Args:
            pose: Where the camera is.
            moment: Everybody else.
            t_s: Simulation time.
            grain: Which grain; pass the frame's number.
            frame_id: Stamped along the top edge, or None.
        """
        rgb = self._renderer.render(pose, moment.actors, moment.lights, t_s=t_s)
        picture = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)
        width, height = self._size
        if not self._plain:
            luma = picture[:height]
            cv2.LUT(luma, self._curve, dst=luma)
            mixed = luma.astype(np.int16) + self._grain[grain % _GRAINS]
            picture[:height] = mixed.clip(16, 235)
            chroma = picture[height:].reshape(2, -1)
            picture[height:] = (
                (chroma.astype(np.int16) + self._tint[:, None]).clip(16, 240).reshape(-1, width)
            )
        if frame_id is not None:
            row = stamp_row(frame_id, width, height)
            block = block_px(width, height)
            picture[:block, : len(row)] = row
            # No colour under the stamp.
            picture[height:].reshape(2, -1)[:, : width * block // 4] = _NEUTRAL
        return picture
