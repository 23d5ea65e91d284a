"""A clip as H.264 MP4: bytes that are a function of the frames and the frame rate alone."""

import fractions
import io

import av
import numpy as np
import numpy.typing as npt

_CRF = "18"  # hardly to be told from the source


def encode_mp4(frames: npt.NDArray[np.uint8], fps: float) -> bytes:
    """Encode a clip.

    Args:
        frames: `(T, H, W, 3) uint8` RGB; an odd last row or column is repeated, for H.264 halves colours.
        fps: Pictures a second.
    """
    padded = np.pad(frames, ((0, 0), (0, frames.shape[1] % 2), (0, frames.shape[2] % 2), (0, 0)), mode="edge")
    target = io.BytesIO()
    options = {"fflags": "+bitexact"}
    with av.open(target, "w", format="mp4", options=options) as container:
        rate = fractions.Fraction(fps).limit_denominator(1_000)
        stream = container.add_stream("libx264", rate=rate, options={"crf": _CRF, "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = padded.shape[2], padded.shape[1], "yuv420p"
        # Threads would cut the picture by the number of cores, and the bytes with it.
        stream.codec_context.thread_count = 1
        for picture in padded:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return target.getvalue()
