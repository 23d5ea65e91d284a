"""The mp4 of a LeRobot data set: AV1, constant rate, a keyframe every second frame."""

from pathlib import Path

import numpy as np

PICTURE_PX = 256
_CRF = 30
_GOP_FRAMES = 2
_PRESET = 8
"""SVT-AV1's speed, 0 (best) to 13 (fastest)."""


class VideoFile:
    """Frames appended to one mp4; frame i is shown at exactly i / hz seconds."""

    def __init__(self, path: Path, hz: int) -> None:
        """Open the file; `hz` is a whole number of frames a second."""
        import av

        path.parent.mkdir(parents=True, exist_ok=True)
        self.frames = 0
        self._closed = False
        self._container = av.open(str(path), "w")
        options = {"crf": str(_CRF), "g": str(_GOP_FRAMES), "preset": str(_PRESET)}
        self._stream = self._container.add_stream("libsvtav1", rate=hz, options=options)
        self._stream.width = self._stream.height = PICTURE_PX
        self._stream.pix_fmt = "yuv420p"

    def append(self, pictures: np.ndarray) -> None:
        """Encode `(n, 256, 256, 3) uint8` RGB pictures."""
        import av

        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = self.frames
            self._container.mux(self._stream.encode(frame))
            self.frames += 1

    def close(self) -> None:
        """Write what the encoder still holds and finish the file; closing twice is allowed."""
        if not self._closed:
            self._closed = True
            self._container.mux(self._stream.encode(None))
            self._container.close()
